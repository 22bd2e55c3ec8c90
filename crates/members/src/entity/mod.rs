//! The tables of this crate.

pub mod client;
pub mod issuer;
pub mod subject;
pub mod term;

/// Subjects, clients and names.
pub const MIGRATION: store::Migration = store::Migration {
    name: "0501_members",
    up: |ddl| {
        ddl.tenant_rows("member_subject")
            .uuid("issuer_id")
            .text("sub", 255)
            .uuid("user_id")
            .timestamp_null("observed_at")
            .timestamp_null("last_seen_at")
            .timestamp("created_at")
            .unique(&["issuer_id", "sub"])
            .index(&["user_id"])
            .create();
        ddl.tenant_rows("member_client")
            .text("client_key", 64)
            .text("name", 120)
            .text("key_hash", 300)
            .text_null("previous_hash", 300)
            .timestamp_null("previous_until")
            .text("key_prefix", 16)
            .boolean("active")
            .json_null("scopes")
            .json_null("may_grant")
            .json_null("allow_origins")
            .json_null("allow_ips")
            .json_null("allow_paths")
            .integer("calls_per_minute")
            .timestamp_null("expires_at")
            .timestamp_null("last_used_at")
            .text("made_by", 160)
            .timestamp("created_at")
            .timestamp("updated_at")
            .unique_everywhere("client_key")
            .create();
        ddl.tenant_rows("member_issuer")
            .text("name", 120)
            .text("issuer", 300)
            .text_null("jwks_url", 500)
            .json_null("audiences")
            .json_null("algorithms")
            .json_null("azp")
            .boolean("require_azp")
            .boolean("active")
            .timestamp("created_at")
            .timestamp("updated_at")
            .unique_everywhere("issuer")
            .create();
        ddl.tenant_rows("member_term")
            .text("kind", 16)
            .text("name", 64)
            .text_null("description", 300)
            .timestamp_null("deprecated_at")
            .timestamp("created_at")
            .unique(&["kind", "name"])
            .create();
    },
    down: |ddl| ddl.drop_tables(&super::TENANT_TABLES),
};
