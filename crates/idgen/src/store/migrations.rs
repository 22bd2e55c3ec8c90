//! The engine's tables.

use ::store::{Ddl, Migration};

/// Keys, leases, the journal, repeated requests.
pub const MIGRATION: Migration = Migration { name: "0401_idgen", up, down };

/// The tables whose rows belong to organisations, in the order in which rows may be deleted.
pub const TENANT_TABLES: [&str; 7] =
    ["id_number", "id_generator", "id_usage", "id_request", "id_journal", "id_lease", "id_key"];

fn up(ddl: &mut Ddl) {
    keys(ddl);
    journal(ddl);
    usage(ddl);
    generators(ddl);
}

fn keys(ddl: &mut Ddl) {
    ddl.tenant_rows("id_key")
        .text("name", 500)
        .text("mode", 16)
        .text("counter", 8)
        .boolean("sync_journal")
        .text("id_type", 8)
        .bigint("most_ids")
        .bigint("block_least")
        .bigint("block_most")
        .boolean("anonymous")
        .bigint("calls_per_second")
        .bigint("ids_per_minute")
        .text("state", 16)
        .text_null("reason_kind", 32)
        .text_null("reason", 500)
        .timestamp("state_since")
        .bigint("origin")
        .bigint("ceiling")
        .bigint("max_value")
        .bigint("claimed")
        .bigint("drawn")
        .bigint("turn")
        .bigint("epoch")
        .text_null("generation", 40)
        .timestamp("rate_at")
        .bigint("rate_drawn")
        .bigint_null("rate_per_day")
        .timestamp("created_at")
        .unique(&["name"])
        .create();
    // The second uniqueness is a guard: two nodes can never hold a lease that begins at the same id.
    ddl.tenant_rows("id_lease")
        .keyed_by_org()
        .uuid("key_id")
        .uuid("node_id")
        .bigint("range_start")
        .bigint("range_end")
        .bigint("epoch")
        .timestamp("leased_at")
        .timestamp("seen_at")
        .unique(&["key_id", "range_start"])
        .create();
    // One row: how often any key was changed. Nodes look at it to know whether what they hold is good.
    ddl.table("id_change").text("name", 16).bigint("version").primary_key(&["name"]).create();
}

fn journal(ddl: &mut Ddl) {
    // The uniqueness refuses a second owner of an id, and its index finds the owner.
    ddl.tenant_rows("id_journal")
        .keyed_by_org()
        .uuid("key_id")
        .text("kind", 16)
        .bigint("range_start")
        .bigint("range_end")
        .bigint("turn")
        .timestamp("at")
        .text_null("caller", 200)
        .text_null("request_id", 64)
        .bigint("calls")
        .uuid("node_id")
        .unique(&["key_id", "range_start", "turn"])
        .append_only()
        .create();
    ddl.tenant_rows("id_request")
        .keyed_by_org()
        .text("caller", 200)
        .text("token", 255)
        .uuid("key_id")
        .bigint("range_start")
        .bigint("range_end")
        .timestamp("expires_at")
        .unique(&["caller", "token"])
        .lookup("expires_at")
        .create();
}

/// Who used how much, minute by minute.
fn usage(ddl: &mut Ddl) {
    ddl.tenant_rows("id_usage")
        .keyed_by_org()
        .uuid("key_id")
        .timestamp("at")
        .text("caller", 200)
        .bigint("ids")
        .bigint("calls")
        .unique(&["key_id", "at", "caller"])
        .lookup("at")
        .create();
}

/// Further kinds of id.
fn generators(ddl: &mut Ddl) {
    ddl.tenant_rows("id_generator")
        .text("name", 500)
        .text("kind", 16)
        .json_null("settings")
        .integer("version")
        .timestamp("created_at")
        .timestamp("updated_at")
        .unique(&["name"])
        .create();
    ddl.tenant_rows("id_number")
        .keyed_by_org()
        .uuid("generator_id")
        .text("period", 16)
        .bigint("last")
        .unique(&["generator_id", "period"])
        .create();
    // The installation's nodes, not an organisation's.
    ddl.table("id_worker")
        .bigint("number")
        .uuid("node_id")
        .bigint("fence")
        .bigint("reserved")
        .timestamp("lease_until")
        .primary_key(&["number"])
        .create();
}

fn down(ddl: &mut Ddl) {
    ddl.drop_tables(&["id_worker", "id_number", "id_generator"]);
    ddl.drop_tables(&["id_usage", "id_change", "id_request", "id_journal", "id_lease", "id_key"]);
}
