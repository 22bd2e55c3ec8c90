//! Grants that have ended: they count no more from their end on, and are taken away, with a version and an
//! event, within half a minute. And calls of programs that have been kept long enough.

use base::{Id, Result};
use jobs::{Arguments, Failure, Job, Policy, Run, Words};
use kernel::{
    App, Origin,
    access::{self, Grant, Holder},
    audit::{self, Event, Who},
    port::MemberCount,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Mode, Opening, Role};

use crate::{call, meter};

/// Grants of one run.
const MOST: u64 = 5_000;

/// Takes away what has ended.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpireGrants {}

impl Arguments for ExpireGrants {
    const KIND: &'static str = "members.expire";
    const TITLE: Words = Words { zh: "收回到期授权", en: "End expired grants" };
    const ABOUT: Words = Words {
        zh: "收回已到期的授权，并写入变更流与审计日志。",
        en: "Takes away grants whose time is over, and tells the feed of changes and the audit trail.",
    };

    fn policy() -> Policy {
        Policy { queue: "maintenance", max_attempts: 1, ..Policy::default() }
    }
}

/// What was taken away.
#[derive(Debug, Default, Serialize)]
pub struct Ended {
    /// Grants.
    grants: usize,
}

impl Job<App> for ExpireGrants {
    type Output = Ended;

    async fn run(self, app: App, _: Run) -> Result<Ended, Failure> {
        Ok(Ended { grants: expire(&app).await? })
    }
}

/// Forgets calls of programs.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PruneCalls {}

impl Arguments for PruneCalls {
    const KIND: &'static str = "members.prune";
    const TITLE: Words = Words { zh: "清理程序调用记录", en: "Forget calls of programs" };
    const ABOUT: Words = Words {
        zh: "删除超过七天的程序调用记录。",
        en: "Deletes what programs called more than seven days ago.",
    };

    fn policy() -> Policy {
        Policy { queue: "maintenance", max_attempts: 1, ..Policy::default() }
    }
}

/// What was forgotten.
#[derive(Debug, Default, Serialize)]
pub struct Forgotten {
    /// Calls.
    calls: u64,
}

impl Job<App> for PruneCalls {
    type Output = Forgotten;

    async fn run(self, app: App, _: Run) -> Result<Forgotten, Failure> {
        Ok(Forgotten { calls: call::prune(&app).await? })
    }
}

/// Takes away what has ended in every organisation; how much it was.
pub async fn expire(app: &App) -> Result<usize> {
    let tx = app.system(Mode::Read).await?;
    let ended = access::expired(&tx, app.now(), MOST).await?;
    tx.commit().await?;
    let mut count = 0;
    for (org, grants) in ended {
        // One organisation that cannot be seen to keeps no other waiting.
        match end(app, org, grants).await {
            Ok(ended) => count += ended,
            Err(error) => tracing::warn!(?error, %org, "grants that have ended could not be taken away"),
        }
    }
    Ok(count)
}

async fn end(app: &App, org: Id, grants: Vec<Grant>) -> Result<usize> {
    let (now, mut by_subject): (_, Vec<(Id, Vec<Grant>)>) = (app.now(), Vec::new());
    let tx = app.store().begin(Mode::Write, Opening::new(Role::System, Some(org))).await?;
    access::lock_head(&tx).await?;
    let mut count = 0;
    for grant in grants {
        let Some(at) = grant.terms.expires_at else { continue };
        // Somebody may have given it anew since it was found.
        if !access::remove_ended(&tx, grant.id, at).await? {
            continue;
        }
        count += 1;
        let subject = match grant.holder {
            Holder::User(id) | Holder::Role(id) => id,
        };
        match by_subject.iter_mut().find(|(known, _)| *known == subject) {
            Some((_, all)) => all.push(grant),
            None => by_subject.push((subject, vec![grant])),
        }
    }
    for (subject, grants) in by_subject {
        let kind = match grants.first().map(|grant| grant.holder) {
            Some(Holder::Role(_)) => "role_changed",
            _ => "expired",
        };
        let events = grants.iter().map(|grant| (kind, Some(json!({ "permission": grant.tuple })))).collect();
        access::bump_with(&tx, org, now, Some(subject), events).await?;
        let tuples: Vec<_> = grants.iter().map(|grant| &grant.tuple).collect();
        let event = Event::new("members:permission:expire", "identity.user")
            .target(subject, String::new())
            .change("permissions", json!(tuples), Value::Null);
        audit::write(&tx, now, Who::system(), &Origin::nowhere(), event).await?;
    }
    tx.commit().await?;
    for _ in 0..count {
        meter::count(app, MemberCount::PermissionChange { op: "expire", result: "expired" });
    }
    Ok(count)
}
