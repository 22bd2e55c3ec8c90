//! The tables of this crate.

pub mod account;
pub mod adopted;
pub mod call;
pub mod client;
pub mod hour;
pub mod issuer;
pub mod relay;
pub mod subject;
pub mod term;

/// Up to where changes were told to programs of others.
pub const RELAY_MIGRATION: store::Migration = store::Migration {
    name: "0502_member_relay",
    up: |ddl| {
        ddl.tenant_rows("member_relay")
            .bigint("version")
            .uuid("event_id")
            .unique_everywhere("org_id")
            .create();
    },
    down: |ddl| ddl.drop_tables(&["member_relay"]),
};

/// What programs called.
pub const CALLS_MIGRATION: store::Migration = store::Migration {
    name: "0503_member_call",
    up: |ddl| {
        ddl.tenant_rows("member_call")
            .uuid("client_id")
            .timestamp("at")
            .text("method", 8)
            .text("route", 120)
            .integer("status")
            .integer("class")
            .bigint("duration_ms")
            .text_null("ip", 45)
            .text("request_id", 64)
            .text_null("reason", 64)
            .index(&["client_id", "id"])
            .index(&["client_id", "class", "id"])
            .create();
        ddl.tenant_rows("member_call_hour")
            .uuid("client_id")
            .timestamp("hour")
            .integer("class")
            .bigint("calls")
            .unique(&["client_id", "hour", "class"])
            .lookup("hour")
            .create();
    },
    down: |ddl| ddl.drop_tables(&["member_call_hour", "member_call"]),
};

/// Which accounts at Authentik are whose.
pub const ACCOUNTS_MIGRATION: store::Migration = store::Migration {
    name: "0504_member_account",
    up: |ddl| {
        ddl.tenant_rows("member_account")
            .uuid("user_id")
            .bigint("account_pk")
            .uuid("account_id")
            .timestamp("seen_at")
            .timestamp("created_at")
            .unique(&["account_id"])
            .index(&["user_id"])
            .index(&["account_pk"])
            .create();
    },
    down: |ddl| ddl.drop_tables(&["member_account"]),
};

/// What was taken over from an older service.
pub const ADOPTED_MIGRATION: store::Migration = store::Migration {
    name: "0505_member_adopted",
    up: |ddl| {
        ddl.tenant_rows("member_adopted").text("digest", 64).timestamp("at").unique(&["digest"]).create();
    },
    down: |ddl| ddl.drop_tables(&["member_adopted"]),
};

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
