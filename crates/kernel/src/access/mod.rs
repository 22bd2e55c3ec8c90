//! Who may do what: the catalogue of permissions, grants, effective sets, data scopes, and the
//! version that makes a change effective on the very next request.
//!
//! The access tuple is `(scope_type, scope_id, module, action)` (decision 4.2): holding
//! `crm:lead:list` in organisation X is `("org", X, "crm.lead", "list")`.

mod catalogue;
mod effective;
mod grant;
mod listing;
mod scope;
mod tuple;
mod version;

pub use catalogue::{Catalogue, Entry, Permission, Source, store_catalogue};
pub use effective::{Because, Effective, EffectiveCache, Held, Reach, RoleStanding, Standing, explain};
pub use grant::{Holder, Reset, codes_of, copy_grants, forget, grants_of, set_grants};
pub use listing::{
    Asked, Users, ending, grants_spec, holding_roles, holding_users, list_grants, mark_told, of_users,
};
pub use scope::DataScope;
pub use tuple::{
    Found, Given, Grant, Granter, GranterKind, ORG, Terms, Tuple, expired, find, give, held_tuples, page,
    remove_ended, take,
};
pub use version::{
    Event, bump, bump_in, bump_with, changed_since, events, head, is_forgotten, lock_head, prune, raise_head,
    subject_version, version_table,
};

pub(crate) use effective::{compute, load};

/// Grants as tuples of any scope, with their terms.
pub const TUPLES: store::Migration = store::Migration {
    name: "0007_tuples",
    up: |ddl| {
        ddl.tenant_rows("permission_grant")
            .text("holder_kind", 16)
            .uuid("holder_id")
            .text("scope_type", 64)
            .text("scope_id", 128)
            .text("module", 128)
            .text("action", 64)
            .text_null("granted_by", 200)
            .text_null("reason", 500)
            .timestamp_null("granted_at")
            .timestamp_null("expires_at")
            .unique(&["holder_id", "holder_kind", "scope_type", "scope_id", "module", "action"])
            .index(&["module", "action", "scope_type", "scope_id"])
            .lookup("expires_at")
            .create();
        // Until now every grant was about its own organisation.
        copy(
            ddl,
            &format!(
                "INTO permission_grant (id, org_id, holder_kind, holder_id, scope_type, scope_id, module, action) \
                 SELECT id, org_id, holder_kind, holder_id, scope_type, {}, module, action FROM access_grant",
                own_scope(ddl.dialect())
            ),
        );
    },
    down: |ddl| ddl.drop_tables(&["permission_grant"]),
};

/// Versions of each subject; grants are in their new place only.
pub const SUBJECTS: store::Migration = store::Migration {
    name: "0008_subjects",
    up: |ddl| {
        ddl.drop_tables(&["access_grant"]);
        ddl.tenant_rows("access_subject")
            .uuid("subject_id")
            .bigint("version")
            .unique(&["subject_id"])
            .create();
    },
    down: |ddl| {
        ddl.drop_tables(&["access_subject"]);
        ddl.tenant_rows("access_grant")
            .text("holder_kind", 16)
            .uuid("holder_id")
            .text("scope_type", 16)
            .uuid("scope_id")
            .text("module", 128)
            .text("action", 64)
            .unique(&["holder_kind", "holder_id", "scope_type", "scope_id", "module", "action"])
            .create();
        // What is about anything else had no place before.
        copy(
            ddl,
            &format!(
                "INTO access_grant (id, org_id, holder_kind, holder_id, scope_type, scope_id, module, action) \
                 SELECT id, org_id, holder_kind, holder_id, scope_type, org_id, module, action \
                 FROM permission_grant WHERE scope_type = 'org' AND scope_id = {}",
                own_scope(ddl.dialect())
            ),
        );
    },
};

/// How often which tuple is granted. PostgreSQL takes the four columns for independent of each other and reads
/// the whole table when everybody has the tuple that is asked for; the other databases know no such figures.
pub const SPREAD: store::Migration = store::Migration {
    name: "0014_grant_statistics",
    up: |ddl| {
        if ddl.dialect() == store::Dialect::Postgres {
            ddl.sql(
                "CREATE STATISTICS st_permission_grant_tuple (mcv) \
                 ON scope_type, scope_id, module, action FROM permission_grant",
            );
        }
    },
    down: |ddl| {
        if ddl.dialect() == store::Dialect::Postgres {
            ddl.sql("DROP STATISTICS st_permission_grant_tuple");
        }
    },
};

/// Who gave a grant, so that he can be told of its end, and what lists of grants are found by.
pub const GRANTERS: store::Migration = store::Migration {
    name: "0010_granters",
    up: |ddl| {
        let (id, time, text) = match ddl.dialect() {
            store::Dialect::Postgres => ("uuid", "timestamptz", "varchar(16) COLLATE \"C\""),
            store::Dialect::Sqlite => ("BLOB", "TEXT", "TEXT"),
            store::Dialect::Mysql => {
                ("BINARY(16)", "DATETIME(6)", "VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
            }
        };
        let columns = [("granted_by_kind", text), ("granted_by_id", id), ("told_end_at", time)]
            .map(|(name, kind)| format!("ALTER TABLE permission_grant ADD COLUMN {name} {kind} NULL"));
        for column in columns {
            ddl.sql(column);
        }
        for (name, columns) in GRANT_INDEXES {
            ddl.sql(format!("CREATE INDEX {name} ON permission_grant ({columns})"));
        }
    },
    down: |ddl| {
        let on = if ddl.dialect() == store::Dialect::Mysql { " ON permission_grant" } else { "" };
        for (name, _) in GRANT_INDEXES {
            ddl.sql(format!("DROP INDEX {name}{on}"));
        }
        for column in ["told_end_at", "granted_by_id", "granted_by_kind"] {
            ddl.sql(format!("ALTER TABLE permission_grant DROP COLUMN {column}"));
        }
    },
};

/// Who holds a tuple, what there is of a scope, and what somebody gave.
const GRANT_INDEXES: [(&str, &str); 2] = [
    (
        "ix_permission_grant_scope",
        "org_id, scope_type, scope_id, module, action, holder_kind, holder_id, expires_at",
    ),
    ("ix_permission_grant_granted_by", "org_id, granted_by_id, id"),
];

/// What an event of the access trail says beside its kind.
pub const DETAILS: store::Migration = store::Migration {
    name: "0009_event_detail",
    up: |ddl| {
        let json = match ddl.dialect() {
            store::Dialect::Postgres => "jsonb",
            store::Dialect::Sqlite => "TEXT",
            store::Dialect::Mysql => "JSON",
        };
        ddl.sql(format!("ALTER TABLE access_event ADD COLUMN detail {json} NULL"));
    },
    down: |ddl| ddl.sql("ALTER TABLE access_event DROP COLUMN detail"),
};

/// Inserts the rows of one table of grants into the other. On PostgreSQL the owner of the tables is bound by
/// their policies, and would see no row to copy; on MySQL, whose statements commit one by one, it may be done
/// again.
fn copy(ddl: &mut store::Ddl, statement: &str) {
    let dialect = ddl.dialect();
    let force = |ddl: &mut store::Ddl, word: &str| {
        for table in ["access_grant", "permission_grant"] {
            if dialect == store::Dialect::Postgres {
                ddl.sql(format!("ALTER TABLE {table} {word} ROW LEVEL SECURITY"));
            }
        }
    };
    force(ddl, "NO FORCE");
    let insert = if dialect == store::Dialect::Mysql { "INSERT IGNORE" } else { "INSERT" };
    ddl.sql(format!("{insert} {statement}"));
    force(ddl, "FORCE");
}

/// A row's organisation as the text of a scope.
fn own_scope(dialect: store::Dialect) -> String {
    let hex = |(from, length): (u32, u32)| format!("SUBSTR(HEX(org_id), {from}, {length})");
    let parts = [(1, 8), (9, 4), (13, 4), (17, 4), (21, 12)].map(hex);
    match dialect {
        store::Dialect::Postgres => "org_id::text".to_owned(),
        store::Dialect::Sqlite => format!("LOWER({})", parts.join(" || '-' || ")),
        store::Dialect::Mysql => format!("LOWER(CONCAT_WS('-', {}))", parts.join(", ")),
    }
}

/// The kernel's access tables.
pub const MIGRATION: store::Migration = store::Migration {
    name: "0001_access",
    up: |ddl| {
        ddl.table("permission")
            .text("code", 190)
            .text("module", 64)
            .text("name", 64)
            .text("action", 64)
            .text("source", 16)
            .primary_key(&["code"])
            .create();
        ddl.tenant_rows("access_grant")
            .text("holder_kind", 16)
            .uuid("holder_id")
            .text("scope_type", 16)
            .uuid("scope_id")
            .text("module", 128)
            .text("action", 64)
            .unique(&["holder_kind", "holder_id", "scope_type", "scope_id", "module", "action"])
            .create();
        ddl.table("access_version").uuid("org_id").bigint("version").primary_key(&["org_id"]).create();
        ddl.table("access_head").integer("id").bigint("version").primary_key(&["id"]).create();
        ddl.sql("INSERT INTO access_head (id, version) VALUES (1, 0)");
        ddl.tenant_rows("access_event")
            .bigint("version")
            .text("kind", 32)
            .uuid_null("subject_id")
            .timestamp("at")
            .index(&["version"])
            .append_only()
            .create();
    },
    down: |ddl| {
        ddl.drop_tables(&["access_event", "access_head", "access_version", "access_grant", "permission"]);
    },
};
