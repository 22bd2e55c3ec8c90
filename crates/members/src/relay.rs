//! Changes of members, told to programs of others as events: the access trail is the outbox, and each
//! organisation has a place in it up to which everything was told.
//!
//! The trail is written in the transaction of each change, by whomever, and in the order of the commits. So
//! nothing that was rolled back is told, nothing is passed over, and a process that dies goes on where it was.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base::{Id, Result};
use kernel::{
    App,
    access::{self, Event},
    port::{self, EventType, Publisher},
};
use sea_orm::{
    ActiveValue::Set,
    Condition,
    sea_query::{OnConflict, Query},
};
use serde_json::{Value, json};
use store::{Mode, Opening, Role, Tx};
use tokio::time::Instant;

use crate::{
    entity::relay::{ActiveModel, Entity, Model},
    feed, issuer,
    service::Members,
    subject,
};

/// Events of one unit of work.
const BATCH: u64 = 200;
/// The event of a place up to which every event of its version was told.
const WHOLE_VERSION: Id = Id::max();
/// After how long every organisation is looked at, also where nothing has changed: somebody may have begun to
/// listen while the change before was looked at.
const WHOLE: Duration = Duration::from_secs(30);

const fn event(
    name: &'static str,
    title: (&'static str, &'static str),
    about: (&'static str, &'static str),
) -> EventType {
    EventType { name, title, about }
}

/// What this crate tells of.
pub const EVENT_TYPES: &[EventType] = &[
    event(
        "permission.granted",
        ("授予权限", "Permission granted"),
        (
            "成员直接获得一项权限，或其期限、原因被修改。",
            "A member was given a permission, or its end or reason was changed.",
        ),
    ),
    event(
        "permission.revoked",
        ("收回权限", "Permission revoked"),
        ("成员的一项直接授权被收回或到期。", "A permission was taken from a member, or has ended."),
    ),
    event(
        "role.changed",
        ("角色变更", "Role changed"),
        (
            "角色、部门等变更，可能影响多名成员的权限；请重新获取快照。",
            "A role, a department or the like was changed, which may concern many members: read snapshots again.",
        ),
    ),
    event(
        "user.created",
        ("成员加入", "Member added"),
        ("有人成为成员，或被恢复。", "Somebody became a member, or was brought back."),
    ),
    event(
        "user.updated",
        ("成员变更", "Member changed"),
        (
            "成员的姓名、邮箱、角色或部门有变更；请重新获取快照。",
            "A member's name, address, roles or department were changed: read his snapshot again.",
        ),
    ),
    event(
        "user.disabled",
        ("成员停用", "Member disabled"),
        ("成员被停用，不再拥有任何权限。", "A member may work no more and has no permissions."),
    ),
    event("user.enabled", ("成员启用", "Member enabled"), ("成员重新启用。", "A member may work again.")),
    event("user.deleted", ("成员移除", "Member removed"), ("成员被移除。", "A member was removed.")),
];

/// What the relay of this node has seen.
#[derive(Default)]
pub struct Relay {
    seen: Mutex<Option<Seen>>,
}

#[derive(Clone, Copy)]
struct Seen {
    head: i64,
    whole: Instant,
}

impl Relay {
    fn seen(&self) -> Option<Seen> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.filter(|seen| seen.whole.elapsed() < WHOLE)
    }

    fn note(&self, head: i64, whole: Instant) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(Seen { head, whole });
    }
}

/// Tells what has changed since it was last told, in every organisation in which somebody listens; how many
/// events that were. Any number of nodes may do so at once.
pub async fn relay(app: &App) -> Result<usize> {
    let members = Members::of(app)?;
    let head = members.heads.newest(app).await?;
    let seen = members.relay.seen();
    if seen.is_some_and(|seen| seen.head >= head) {
        return Ok(0);
    }
    let (from, whole) = seen.map_or_else(|| (0, Instant::now()), |seen| (seen.head, seen.whole));
    let publisher = app.service::<Arc<dyn Publisher>>()?;
    let tx = app.system(Mode::Read).await?;
    let listening = publisher.listening(&tx).await?;
    let mut behind = Vec::new();
    if !listening.is_empty() {
        let changed = access::changed_since(&tx, from).await?;
        let places = tx.all(tx.find::<Entity>()).await?;
        for one in listening {
            let place = places.iter().find(|row| row.org_id == one.org && row.version >= one.since);
            let told = place.map_or(one.since, |row| row.version);
            // Somebody may have stopped in the middle of a version.
            let is_within = place.is_some_and(|row| row.event_id != WHOLE_VERSION);
            let is_new = |version: i64| version > told || is_within && version == told;
            if changed.iter().any(|(org, version)| *org == one.org && is_new(*version)) {
                behind.push(one);
            }
        }
    }
    tx.commit().await?;
    let (mut count, mut failed) = (0, None);
    for one in behind {
        loop {
            // One organisation that cannot be told keeps no other waiting.
            match pass(app, publisher, one.org, one.since).await {
                Ok(told) => {
                    count += told;
                    if (told as u64) < BATCH {
                        break;
                    }
                }
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
    }
    match failed {
        Some(error) => Err(error),
        None => {
            members.relay.note(head, whole);
            Ok(count)
        }
    }
}

/// Tells the next events of one organisation.
async fn pass(app: &App, publisher: &Arc<dyn Publisher>, org: Id, since: i64) -> Result<usize> {
    let issuer = issuer::usual(app, org).await?;
    let tx = app.store().begin(Mode::Write, Opening::new(Role::System, Some(org))).await?;
    let place = lock(app, &tx, org).await?;
    let from = match place {
        Some(row) if row.version >= since => (row.version, row.event_id),
        _ => (since, WHOLE_VERSION),
    };
    let events = access::events(&tx, from, BATCH).await?;
    let count = events.len();
    let (version, last) = events.last().map_or(from, |last| (last.version, last.id));
    // All events of a version are written at once: what comes later has another one.
    let event_id = if (count as u64) < BATCH { WHOLE_VERSION } else { last };
    let users: Vec<Id> = events.iter().filter_map(|event| event.subject).collect();
    let names = subject::names(&tx, issuer, &users).await?;
    let told = events.into_iter().filter_map(|event| told(event, &names)).collect();
    if count > 0 {
        publisher.publish_surely(app, &tx, told).await?;
    }
    let values = ActiveModel { version: Set(version), event_id: Set(event_id), ..Default::default() };
    tx.update_where(values, Condition::all()).await?;
    tx.commit().await?;
    Ok(count)
}

/// Keeps an organisation's place from being moved by another node until the transaction ends, and reads it.
async fn lock(app: &App, tx: &Tx, org: Id) -> Result<Option<Model>> {
    let insert = Query::insert()
        .into_table("member_relay")
        .columns(["id", "org_id", "version", "event_id"])
        .values_panic([app.new_id().into(), org.into(), 0i64.into(), Id::nil().into()])
        .on_conflict(OnConflict::column("org_id").update_column("org_id").to_owned())
        .to_owned();
    tx.execute(&insert).await?;
    tx.one(tx.find::<Entity>()).await
}

/// The event that others are told of; `None` where there is nobody whom it concerns.
fn told(event: Event, names: &[(Id, String)]) -> Option<port::Event> {
    let name = match event.kind.as_str() {
        "granted" => "permission.granted",
        "revoked" | "expired" => "permission.revoked",
        "membership_added" | "membership_restored" => "user.created",
        "membership_removed" => "user.deleted",
        "organization_founded" | "organization_deleted" => return None,
        kind => match feed::op(kind) {
            "user_disabled" => "user.disabled",
            "user_enabled" => "user.enabled",
            "role_changed" => "role.changed",
            _ => "user.updated",
        },
    };
    let op = feed::op(&event.kind);
    let user = event.subject.filter(|_| name != "role.changed");
    let sub = user.and_then(|user| names.iter().find(|(known, _)| *known == user)).map(|(_, sub)| sub);
    let permission = event.detail.as_ref().and_then(|detail| detail.get("permission"));
    let mut data = json!({
        "authentik_sub": sub, "user_id": user, "version": event.version, "op": op,
        "permission": permission,
    });
    if event.kind.starts_with("role_") {
        data["role_id"] = event.subject.map_or(Value::Null, |role| json!(role));
    }
    Some(port::Event { id: event.id, name, at: event.at, data })
}
