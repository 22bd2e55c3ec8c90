//! Who may do what: the catalogue of permissions, grants, effective sets, data scopes, and the
//! version that makes a change effective on the very next request.
//!
//! The access tuple is `(scope_type, scope_id, module, action)` (decision 4.2): holding
//! `crm:lead:list` in organisation X is `("org", X, "crm.lead", "list")`.

mod catalogue;
mod effective;
mod grant;
mod scope;
mod version;

pub use catalogue::{Catalogue, Entry, Permission, Source, store_catalogue};
pub use effective::{Because, Effective, EffectiveCache, Held, Reach, RoleStanding, Standing, explain};
pub use grant::{Holder, codes_of, copy_grants, forget, grants_of, set_grants};
pub use scope::DataScope;
pub use version::{bump, bump_in, version_table};

pub(crate) use effective::{compute, load};

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
