//! The tables of this crate.

pub mod attempt;
pub mod delivery;
pub mod endpoint;
pub mod message;
pub mod secret;

/// Receivers, what they are told, and how that went.
pub const MIGRATION: store::Migration = store::Migration {
    name: "0601_webhooks",
    up: |ddl| {
        ddl.records("webhook_endpoint")
            .text("name", 120)
            .text("url", 2000)
            .text_null("description", 500)
            .json_null("event_types")
            .boolean("enabled")
            .text_null("disabled_reason", 16)
            .timestamp_null("disabled_at")
            .timestamp_null("failing_since")
            .timestamp_null("last_success_at")
            .timestamp_null("last_failure_at")
            .bigint("since_version")
            .unique(&["name"])
            .create();
        ddl.tenant_rows("webhook_secret")
            .uuid("endpoint_id")
            .text("sealed", 500)
            .text("hint", 16)
            .timestamp("created_at")
            .timestamp_null("expires_at")
            .index(&["endpoint_id", "created_at"])
            .create();
        ddl.tenant_rows("webhook_message")
            .text("event_type", 100)
            .long_text("body")
            .timestamp("created_at")
            .index(&["created_at"])
            .lookup("created_at")
            .create();
        ddl.tenant_rows("webhook_delivery")
            .uuid("endpoint_id")
            .uuid("message_id")
            .text("event_type", 100)
            .text("state", 16)
            .integer("attempts")
            .bigint("turn")
            .timestamp_null("next_at")
            .integer_null("last_status")
            .text_null("last_error", 16)
            .timestamp("created_at")
            .timestamp_null("finished_at")
            .unique(&["endpoint_id", "message_id"])
            .index(&["created_at"])
            .index(&["endpoint_id", "created_at"])
            .lookup("message_id")
            .partial_index("ix_webhook_delivery_due", "state", "next_at", "state = 'pending'")
            .create();
        ddl.tenant_rows("webhook_attempt")
            .uuid("endpoint_id")
            .uuid("delivery_id")
            .integer("number")
            .timestamp("at")
            .integer_null("status")
            .integer("duration_ms")
            .text_null("error", 16)
            .text_null("detail", 300)
            .text_null("response", 1000)
            .index(&["endpoint_id", "at"])
            .lookup("delivery_id")
            .create();
    },
    down: |ddl| ddl.drop_tables(&super::TENANT_TABLES),
};
