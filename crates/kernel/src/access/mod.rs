//! Who may do what: the catalogue of permissions, grants, effective sets, data scopes, and the
//! version that makes a change effective on the very next request.
//!
//! The access tuple is `(scope_type, scope_id, module, action)` (decision 4.2): holding
//! `crm:lead:list` in organisation X is `("org", X, "crm.lead", "list")`.

mod catalogue;
mod effective;
mod grant;
mod scope;
mod tuple;
mod version;

pub use catalogue::{Catalogue, Entry, Permission, Source, store_catalogue};
pub use effective::{Because, Effective, EffectiveCache, Held, Reach, RoleStanding, Standing, explain};
pub use grant::{Holder, codes_of, copy_grants, forget, grants_of, set_grants};
pub use scope::DataScope;
pub use tuple::{
    Found, Given, Grant, ORG, Terms, Tuple, expired, find, give, held_tuples, holders_of, page, remove_ended,
    take,
};
pub use version::{Event, bump, bump_in, bump_with, events, head, lock_head, subject_version, version_table};

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
