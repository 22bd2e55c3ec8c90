//! The rows of this module: databases that ids are issued for, and the tables that were found in them.

pub mod database;
pub mod table;

use store::{Ddl, Migration};

/// Databases and found tables.
pub const MIGRATION: Migration =
    Migration { name: "0006_ids", up, down: |ddl| ddl.drop_tables(&["id_table", "id_database"]) };

fn up(ddl: &mut Ddl) {
    // The keys are the names in lower case: two databases that differ in case alone share their counters.
    ddl.tenant_rows("id_database")
        .text("system_code", 100)
        .text("system_key", 300)
        .text("product", 16)
        .text("address", 300)
        .text("account", 200)
        .text("password_sealed", 4000)
        .text_null("database_name", 200)
        .text("database_key", 400)
        .integer("version")
        .timestamp("created_at")
        .timestamp("updated_at")
        .timestamp_null("scanned_at")
        .text_null("scan_error", 500)
        .bigint("scan_tables")
        .uuid_null("last_job_id")
        .unique(&["system_key", "database_key"])
        .create();
    ddl.tenant_rows("id_table")
        .uuid("database_id")
        .text("database_name", 200)
        .text("schema_name", 200)
        .text("table_name", 200)
        .text("column_name", 200)
        .text("column_type", 100)
        .text("id_type", 8)
        .text("key_name", 500)
        .bigint_null("max_value")
        .text("state", 16)
        .timestamp("found_at")
        .timestamp("seen_at")
        .timestamp_null("decided_at")
        .text_null("note", 500)
        .unique(&["database_id", "database_name", "schema_name", "table_name"])
        .create();
}
