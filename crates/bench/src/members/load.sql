-- Members with their names, roles, grants and versions, as the product would have written them.
-- $ORG, $USERS, $GRANTS (of each user) and $SCOPES are numbers and ids of the benchmark's own.
SET synchronous_commit = off;
SET maintenance_work_mem = '512MB';

CREATE FUNCTION pg_temp.made(kind integer, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    -- As the product's ids: of version 7, each later than the one before.
    SELECT (lpad(to_hex(1735689600000 + kind * 1000000000::bigint + n), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0')
        || '8' || substr(md5(kind || ':' || n), 1, 15))::uuid
$$;

INSERT INTO app_user (id, username, username_key, name, email, is_platform_admin, locale, time_zone, version, created_at, updated_at)
SELECT pg_temp.made(1, n), 'user' || n, 'user' || n, 'Member ' || n, 'user' || n || '@example.com', false, 'zh-CN', 'Asia/Shanghai', 1, now(), now()
FROM generate_series(1, $USERS) AS n;

INSERT INTO membership (id, org_id, username, name, email, active, is_owner, joined_at, version, created_at, updated_at, alive, search_key)
SELECT pg_temp.made(1, n), '$ORG', 'user' || n, 'Member ' || n, 'user' || n || '@example.com', true, false, now(), 1, now(), now(), true,
    'user' || n || chr(31) || 'member ' || n || chr(31) || 'user' || n || '@example.com'
FROM generate_series(1, $USERS) AS n;

-- What the issuer calls them: as long as Authentik's hashed ids.
INSERT INTO member_subject (id, org_id, issuer_id, sub, user_id, created_at)
SELECT pg_temp.made(2, n), '$ORG', '00000000-0000-0000-0000-000000000000', lpad('member-' || n, 64, '0'), pg_temp.made(1, n), now()
FROM generate_series(1, $USERS) AS n;

-- Twenty roles of five permissions; each member has one.
INSERT INTO role (id, org_id, version, created_at, updated_at, alive, search_key, code, name, status, data_scope, built_in)
SELECT pg_temp.made(3, n), '$ORG', 1, now(), now(), true, 'role' || n, 'role' || n, 'Role ' || n, 'enabled', 'all', false
FROM generate_series(0, 19) AS n;

INSERT INTO membership_role (id, org_id, user_id, role_id)
SELECT pg_temp.made(4, n), '$ORG', pg_temp.made(1, n), pg_temp.made(3, n % 20)
FROM generate_series(1, $USERS) AS n;

INSERT INTO permission_grant (id, org_id, holder_kind, holder_id, scope_type, scope_id, module, action, granted_by, granted_at)
SELECT pg_temp.made(5, n), '$ORG', 'role', pg_temp.made(3, n / 5), 'region', 'r' || n / 5, 'crm', 'action' || n % 5, 'bench', now()
FROM generate_series(0, 99) AS n;

-- Indexes that the rows would come to in no order are built when all are there.
CREATE TEMPORARY TABLE built_later AS
SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
FROM pg_index WHERE indrelid = 'permission_grant'::regclass AND NOT indisunique;
DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT * FROM built_later LOOP EXECUTE 'DROP INDEX ' || one.name; END LOOP;
END $$;

-- One permission that everybody has; the others are spread over scopes, modules and actions. The last of each
-- hundredth member has an end.
INSERT INTO permission_grant (id, org_id, holder_kind, holder_id, scope_type, scope_id, module, action, granted_by, reason, granted_at, expires_at)
SELECT pg_temp.made(6, (u - 1)::bigint * $GRANTS + g), '$ORG', 'user', holder,
    CASE WHEN g = 0 THEN 'site' ELSE 'shop' END,
    CASE WHEN g = 0 THEN 'main' ELSE 's' || (u::bigint * 7919 + g * 104729) % $SCOPES END,
    CASE WHEN g = 0 THEN 'portal' ELSE 'module' || g / 4 END,
    CASE WHEN g = 0 THEN 'read' ELSE 'action' || g % 4 END,
    'bench', 'a reason of ordinary length', now(),
    CASE WHEN g = $GRANTS - 1 AND u % 100 = 0 THEN now() + interval '90 days' END
FROM (SELECT n AS u, pg_temp.made(1, n) AS holder FROM generate_series(1, $USERS) AS n) AS members,
    generate_series(0, $GRANTS - 1) AS g;

DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT * FROM built_later LOOP EXECUTE one.definition; END LOOP;
END $$;

-- Each member's newest version, in the order in which the changes would have been committed; the roles before them.
INSERT INTO access_subject (id, org_id, subject_id, version)
SELECT pg_temp.made(7, n), '$ORG', pg_temp.made(3, n), head.version + n + 1
FROM access_head AS head, generate_series(0, 19) AS n;
INSERT INTO access_subject (id, org_id, subject_id, version)
SELECT pg_temp.made(8, n), '$ORG', pg_temp.made(1, n), head.version + 20 + n
FROM access_head AS head, generate_series(1, $USERS) AS n;
INSERT INTO access_event (id, org_id, version, kind, subject_id, at)
SELECT pg_temp.made(9, n), '$ORG', head.version + n + 1, 'role_changed', pg_temp.made(3, n), now()
FROM access_head AS head, generate_series(0, 19) AS n;
INSERT INTO access_event (id, org_id, version, kind, subject_id, at)
SELECT pg_temp.made(10, n), '$ORG', head.version + 20 + n, 'grants_changed', pg_temp.made(1, n), now()
FROM access_head AS head, generate_series(1, $USERS) AS n;
UPDATE access_head SET version = version + 20 + $USERS;
UPDATE access_version SET version = (SELECT version FROM access_head) WHERE org_id = '$ORG';
