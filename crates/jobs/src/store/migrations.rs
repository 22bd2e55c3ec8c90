//! The engine's tables.

use ::store::{Ddl, Migration};

/// Queue, history, workers, schedules, alerts, files.
pub const MIGRATION: Migration = Migration { name: "0201_jobs", up, down };

/// The tables whose rows belong to organisations, in the order in which rows may be deleted.
pub const TENANT_TABLES: [&str; 9] = [
    "job_file_piece",
    "job_file",
    "job_edge",
    "job_log",
    "job_attempt",
    "job_stat",
    "job_alert",
    "job_schedule",
    "job",
];

fn up(ddl: &mut Ddl) {
    queue(ddl);
    history(ddl);
    machinery(ddl);
    schedules(ddl);
    files(ddl);
}

fn down(ddl: &mut Ddl) {
    ddl.drop_tables(&[
        "job_file_piece",
        "job_file",
        "job_alert",
        "job_schedule",
        "job_stat",
        "job_worker",
        "job_setting",
        "job_queue",
        "job_limit",
        "job_log",
        "job_attempt",
        "job_edge",
        "job",
    ]);
}

/// The hot table. A job that simply succeeds touches the primary key and one partial index in each
/// of its three states; everything else is indexed only while it is out of the ordinary.
fn queue(ddl: &mut Ddl) {
    ddl.tenant_rows("job")
        .keyed_by_org()
        .text("queue", 64)
        .text("kind", 100)
        .text("state", 16)
        .integer("priority")
        .timestamp("run_at")
        .timestamp("created_at")
        .timestamp_null("started_at")
        .timestamp_null("finished_at")
        .timestamp_null("expires_at")
        .integer("attempt")
        .integer("max_attempts")
        .bigint("fence")
        .timestamp_null("lease_until")
        .uuid_null("worker_id")
        .text_null("worker", 120)
        .long_text("args")
        .text("tags", 500)
        .text_null("unique_key", 120)
        .text_null("held_key", 120)
        .timestamp_null("unique_until")
        .text_null("lane", 190)
        .integer("waits")
        .boolean("in_flow")
        .uuid_null("group_id")
        .uuid_null("schedule_id")
        .timestamp_null("scheduled_for")
        .boolean("cancel_requested")
        .bigint_null("progress_done")
        .bigint_null("progress_total")
        .text_null("progress_note", 200)
        .long_text_null("result")
        .text_null("error", 4000)
        .uuid_null("created_by")
        .text_null("request_id", 64)
        .text("search_key", 600)
        .partial_index("ix_job_ready", "state", "queue, org_id, priority DESC, run_at, id", "state = 'ready'")
        .partial_index("ix_job_running", "state", "org_id, lease_until", "state = 'running'")
        .partial_index(
            "ix_job_due",
            "state",
            "run_at",
            "state IN ('scheduled', 'failed') AND waits = 0 AND lane IS NULL",
        )
        .partial_index(
            "ix_job_lane_waiting",
            "state",
            "kind, lane, priority DESC, run_at",
            "state IN ('scheduled', 'failed') AND waits = 0 AND lane IS NOT NULL",
        )
        .partial_index(
            "ix_job_lane_busy",
            "state",
            "kind, lane",
            "state IN ('ready', 'running') AND lane IS NOT NULL",
        )
        .partial_index(
            "ix_job_apart",
            "",
            "org_id, state, id",
            "state IN ('scheduled', 'failed', 'dead', 'cancelled')",
        )
        .partial_index("ix_job_expires", "", "expires_at", "expires_at IS NOT NULL")
        .partial_index("ix_job_schedule", "", "schedule_id, id", "schedule_id IS NOT NULL")
        .partial_index(
            "ix_job_schedule_alive",
            "state",
            "schedule_id",
            "state IN ('scheduled', 'ready', 'running', 'failed') AND schedule_id IS NOT NULL",
        )
        .partial_index("ix_job_group", "", "group_id", "group_id IS NOT NULL")
        .partial_unique("uq_job_unique", "org_id, held_key", "held_key IS NOT NULL")
        .partial_unique("uq_job_tick", "schedule_id, scheduled_for", "scheduled_for IS NOT NULL")
        .create();
    ddl.tenant_rows("job_edge")
        .uuid("job_id")
        .uuid("needs_id")
        .boolean("settled_is_enough")
        .boolean("met")
        .index(&["needs_id"])
        .index(&["job_id"])
        .create();
}

fn history(ddl: &mut Ddl) {
    ddl.tenant_rows("job_attempt")
        .uuid("job_id")
        .integer("attempt")
        .bigint("fence")
        .text_null("worker", 120)
        .timestamp_null("started_at")
        .timestamp("ended_at")
        .text("outcome", 16)
        .text("error", 4000)
        .index(&["job_id"])
        .create();
    ddl.tenant_rows("job_log")
        .uuid("job_id")
        .bigint("seq")
        .timestamp("at")
        .text("level", 8)
        .text("line", 2000)
        .index(&["job_id", "seq"])
        .create();
}

fn machinery(ddl: &mut Ddl) {
    // One row for each kind that has limits: the lock under which its jobs are let through.
    ddl.table("job_limit").text("kind", 100).bigint("next_start_us").primary_key(&["kind"]).create();
    ddl.table("job_queue")
        .text("name", 64)
        .boolean("paused")
        .timestamp("changed_at")
        .primary_key(&["name"])
        .create();
    ddl.table("job_setting").text("kind", 100).integer_null("retention_days").primary_key(&["kind"]).create();
    ddl.table("job_worker")
        .id()
        .text("node", 120)
        .integer("pid")
        .text("version", 40)
        .text("queues", 500)
        .integer("concurrency")
        .long_text("running")
        .timestamp("started_at")
        .timestamp("heartbeat_at")
        .create();
    // How jobs went, minute by minute; waiting and running times as histograms over powers of two.
    ddl.tenant_rows("job_stat")
        .timestamp("minute")
        .text("queue", 64)
        .text("kind", 100)
        .bigint("succeeded")
        .bigint("failed")
        .bigint("dead")
        .bigint("cancelled")
        .text("waits", 400)
        .text("runs", 400)
        .unique(&["minute", "queue", "kind"])
        .lookup("minute")
        .create();
}

fn schedules(ddl: &mut Ddl) {
    ddl.records("job_schedule")
        .text("name", 120)
        .text_null("description", 500)
        .text("kind", 16)
        .text_null("expression", 200)
        .bigint_null("every_seconds")
        .timestamp_null("at")
        .text("time_zone", 64)
        .timestamp_null("starts_at")
        .timestamp_null("ends_at")
        .integer("jitter_seconds")
        .text("misfire", 16)
        .integer("misfire_limit")
        .text("overlap", 16)
        .text("job_kind", 100)
        .long_text("args")
        .text_null("queue", 64)
        .integer("priority")
        .boolean("enabled")
        .text("source", 16)
        .timestamp_null("next_at")
        .timestamp_null("last_at")
        .uuid_null("last_job_id")
        .bigint("runs")
        .bigint("missed")
        .bigint("skipped")
        .unique(&["name"])
        .index(&["name"])
        .partial_index("ix_job_schedule_due", "", "next_at", "next_at IS NOT NULL")
        .create();
    ddl.records("job_alert")
        .text("name", 120)
        .text("metric", 32)
        .bigint("threshold")
        .text("channel", 16)
        .text("target", 500)
        .boolean("enabled")
        .integer("quiet_minutes")
        .timestamp_null("last_fired_at")
        .bigint_null("last_value")
        .unique(&["name"])
        .index(&["name"])
        .create();
}

fn files(ddl: &mut Ddl) {
    ddl.tenant_rows("job_file")
        .uuid_null("job_id")
        .text("name", 200)
        .text("content_type", 100)
        .bigint("size")
        .boolean("is_input")
        .timestamp("created_at")
        .timestamp("expires_at")
        .index(&["job_id"])
        .lookup("expires_at")
        .create();
    ddl.tenant_rows("job_file_piece")
        .uuid("file_id")
        .integer("seq")
        .bytes("content")
        .unique(&["file_id", "seq"])
        .references("file_id", "job_file")
        .create();
}
