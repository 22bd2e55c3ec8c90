//! `tenon jobs list` and `tenon jobs show`.

use base::Id;
use chrono::{DateTime, Utc};
use jobs::{
    Engine, Filter, PLATFORM,
    store::entity::{attempt, job, log},
};
use kernel::App;
use serde_json::{Value, json};
use store::Mode;

use crate::cli::{Failure, JobsListArgs, JobsShowArgs, print};

use super::{super::columns::align, Organizations, organization_of};

/// Characters of an error in the list.
const ERROR: usize = 60;
/// Lines of the log that people see.
const LINES: u64 = 20;
/// Lines of the log that are kept of a job.
const ALL_LINES: u64 = 1_000;

/// Prints the newest jobs.
pub(super) async fn list(app: &App, args: &JobsListArgs) -> Result<(), Failure> {
    let org = match &args.org {
        Some(typed) => Some(organization_of(app, typed).await?),
        None => None,
    };
    let filter = Filter {
        org,
        state: args.state,
        kind: args.kind.clone(),
        queue: args.queue.clone(),
        limit: args.limit,
    };
    let engine = app.service::<Engine>()?;
    let tx = app.system(Mode::Read).await?;
    let found = engine.list(&tx, &filter).await?;
    let organizations = Organizations::read(&tx).await?;
    tx.commit().await?;
    if args.json {
        let rows: Vec<Value> = found.iter().map(|job| as_json(&organizations, job)).collect();
        print(&format!("{:#}\n", json!({ "jobs": rows })));
        return Ok(());
    }
    let rows: Vec<Vec<String>> = found.iter().map(|job| row(&organizations, job)).collect();
    let headings = ["id", "kind", "state", "queue", "organisation", "attempt", "run at", "error"];
    print(&align(&headings, &rows));
    if u64::try_from(found.len()).unwrap_or_default() == args.limit {
        print(&format!("(the newest {}; --limit shows more)\n", args.limit));
    }
    Ok(())
}

fn row(organizations: &Organizations, job: &job::Model) -> Vec<String> {
    vec![
        job.id.to_string(),
        job.kind.clone(),
        job.state.clone(),
        job.queue.clone(),
        base::text::one_line(&organizations.name(job.org_id)).chars().take(30).collect(),
        format!("{}/{}", job.attempt, job.max_attempts),
        at(job.run_at),
        shortened(job.error.as_deref().unwrap_or_default()),
    ]
}

/// The beginning of a text, on one line.
fn shortened(text: &str) -> String {
    let line = base::text::one_line(text);
    if line.chars().count() <= ERROR {
        return line;
    }
    let head: String = line.chars().take(ERROR - 1).collect();
    format!("{head}…")
}

/// To the second: enough for people.
fn at(instant: DateTime<Utc>) -> String {
    instant.format("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A job as the API shows it, with its organisation.
fn as_json(organizations: &Organizations, job: &job::Model) -> Value {
    let time = |instant: Option<DateTime<Utc>>| instant.map(base::time::format);
    let organization =
        (job.org_id != PLATFORM).then(|| json!({ "id": job.org_id, "name": organizations.name(job.org_id) }));
    let result: Option<Value> = job.result.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let progress = job
        .progress_total
        .map(|total| json!({ "done": job.progress_done, "total": total, "note": job.progress_note }));
    json!({
        "id": job.id, "organization": organization, "kind": job.kind, "queue": job.queue,
        "state": job.state, "priority": job.priority, "args": jobs::redact(&job.args),
        "tags": job.tags.split_whitespace().collect::<Vec<_>>(),
        "run_at": base::time::format(job.run_at), "created_at": base::time::format(job.created_at),
        "started_at": time(job.started_at), "finished_at": time(job.finished_at),
        "attempt": job.attempt, "max_attempts": job.max_attempts, "error": job.error,
        "result": result, "progress": progress, "unique_key": job.unique_key,
        "schedule_id": job.schedule_id, "waits": job.waits, "cancel_requested": job.cancel_requested,
        "created_by": job.created_by, "worker": job.worker, "lease_until": time(job.lease_until),
    })
}

/// Prints one job.
pub(super) async fn show(app: &App, args: &JobsShowArgs) -> Result<(), Failure> {
    let engine = app.service::<Engine>()?;
    let tx = app.system(Mode::Read).await?;
    let organizations = Organizations::read(&tx).await?;
    let job = organizations.job(app, &tx, args.id).await?;
    let attempts = engine.attempts(&tx, job.org_id, job.id).await?;
    let most = if args.json { ALL_LINES } else { LINES };
    let lines = engine.last_lines(&tx, job.org_id, job.id, most).await?;
    tx.commit().await?;
    if args.json {
        let mut shown = as_json(&organizations, &job);
        shown["attempts"] = attempts.iter().map(attempt_json).collect();
        shown["log"] = lines.iter().map(line_json).collect();
        print(&format!("{shown:#}\n"));
        return Ok(());
    }
    let mut text = facts(&facts_of(&organizations, &job));
    text += &attempts_text(&attempts);
    text += &lines_text(&lines);
    print(&text);
    Ok(())
}

fn attempt_json(one: &attempt::Model) -> Value {
    json!({
        "attempt": one.attempt, "fence": one.fence, "worker": one.worker,
        "started_at": one.started_at.map(base::time::format),
        "ended_at": base::time::format(one.ended_at), "outcome": one.outcome, "error": one.error,
    })
}

fn line_json(one: &log::Model) -> Value {
    json!({ "seq": one.seq, "at": base::time::format(one.at), "level": one.level, "line": one.line })
}

/// What there is to say about a job; what is empty is left out.
fn facts_of(organizations: &Organizations, job: &job::Model) -> Vec<(&'static str, String)> {
    let time = |instant: Option<DateTime<Utc>>| instant.map(at).unwrap_or_default();
    let id = |id: Option<Id>| id.map(|id| id.to_string()).unwrap_or_default();
    let owner = match job.org_id {
        PLATFORM => organizations.name(PLATFORM),
        org => format!("{} ({org})", organizations.name(org)),
    };
    let state =
        if job.cancel_requested { format!("{}, asked to stop", job.state) } else { job.state.clone() };
    let progress = job.progress_total.map(|total| {
        format!(
            "{}/{total} {}",
            job.progress_done.unwrap_or_default(),
            job.progress_note.as_deref().unwrap_or_default()
        )
    });
    let waits = if job.waits > 0 { format!("for {} other jobs", job.waits) } else { String::new() };
    vec![
        ("job", job.id.to_string()),
        ("kind", job.kind.clone()),
        ("state", state),
        ("organisation", owner),
        ("queue", format!("{}, priority {}", job.queue, job.priority)),
        ("attempt", format!("{} of {}", job.attempt, job.max_attempts)),
        ("arguments", jobs::redact(&job.args).to_string()),
        ("tags", job.tags.clone()),
        ("unique key", job.unique_key.clone().unwrap_or_default()),
        ("schedule", id(job.schedule_id)),
        ("waits", waits),
        ("created", at(job.created_at)),
        ("created by", id(job.created_by)),
        ("run at", at(job.run_at)),
        ("started", time(job.started_at)),
        ("finished", time(job.finished_at)),
        ("worker", job.worker.clone().unwrap_or_default()),
        ("lease until", time(job.lease_until)),
        ("progress", progress.unwrap_or_default()),
        ("result", job.result.clone().unwrap_or_default()),
        ("error", job.error.clone().unwrap_or_default()),
    ]
}

fn facts(all: &[(&str, String)]) -> String {
    let said: Vec<_> = all.iter().filter(|(_, value)| !value.trim().is_empty()).collect();
    let width = said.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    said.iter()
        .map(|(name, value)| format!("{name:width$}  {}\n", base::text::one_line(value.trim())))
        .collect()
}

fn attempts_text(attempts: &[attempt::Model]) -> String {
    if attempts.is_empty() {
        return String::new();
    }
    let row = |one: &attempt::Model| {
        vec![
            one.attempt.to_string(),
            one.outcome.clone(),
            one.started_at.map(at).unwrap_or_default(),
            at(one.ended_at),
            one.worker.clone().unwrap_or_default(),
            base::text::one_line(&one.error),
        ]
    };
    let rows: Vec<Vec<String>> = attempts.iter().map(row).collect();
    format!("\n{}", align(&["attempt", "outcome", "started", "ended", "worker", "error"], &rows))
}

fn lines_text(lines: &[log::Model]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let row = |one: &log::Model| vec![at(one.at), one.level.clone(), base::text::one_line(&one.line)];
    let rows: Vec<Vec<String>> = lines.iter().map(row).collect();
    format!("\n{}", align(&["log", "level", "line"], &rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_stand_in_one_column_and_empty_ones_are_left_out() {
        let all =
            [("job", "7".to_owned()), ("organisation", "Ex\nample".to_owned()), ("error", " ".to_owned())];
        let text = facts(&all);
        assert!(text.starts_with("job           7\norganisation  Ex"), "{text}");
        assert_eq!(text.lines().count(), 2, "{text}");
        assert_eq!(shortened(&"é".repeat(80)).chars().count(), ERROR);
    }
}
