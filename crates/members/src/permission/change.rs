//! One change of who may do what: the only place in which grants to members are given and taken, whoever asks
//! for it.
//!
//! The caller holds the lock of the version counter ([`kernel::access::lock_head`]), judges before, and tells
//! [`Told`] afterwards: one version for each member who changed.

use base::{Id, Result};
use chrono::{DateTime, Utc};
use kernel::{
    Cx,
    access::{self, Given, Grant, Granter, GranterKind, Holder, Terms, Tuple},
    audit::{self, Event, Who},
    port::MemberCount,
};
use serde_json::{Value, json};
use store::Tx;

use crate::meter;

/// Who changes something.
#[derive(Clone, Debug)]
pub struct Author {
    /// As the audit trail names him.
    pub who: Who,
    /// As his grants name him.
    pub granter: Granter,
}

impl Author {
    /// A request's caller.
    pub fn person(cx: &Cx) -> Result<Self> {
        let actor = cx.actor()?;
        let who = Who { kind: actor.kind(), id: Some(actor.id), name: actor.name.clone() };
        Ok(Self { who, granter: Granter::person(actor) })
    }

    /// A program.
    pub fn program(who: Who) -> Self {
        let granter = Granter { kind: GranterKind::Program, id: who.id, name: who.name.clone() };
        Self { who, granter }
    }
}

/// Until when something is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// As it is; without an end where it was not given before.
    AsItIs,
    /// For ever.
    Ever,
    /// Until this instant.
    At(DateTime<Utc>),
}

impl Until {
    /// As bodies say it: absent leaves, `null` is for ever.
    pub fn of(wish: Option<Option<DateTime<Utc>>>) -> Self {
        wish.map_or(Self::AsItIs, |end| end.map_or(Self::Ever, Self::At))
    }
}

/// What is to become of one tuple of one member.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// The member.
    pub user: Id,
    /// The tuple.
    pub tuple: &'a Tuple,
    /// Until when it is given; to be taken where it is not.
    pub gives: Option<Until>,
    /// Why; `None` leaves what there is.
    pub reason: Option<&'a str>,
}

/// What was done.
#[derive(Clone, Debug)]
pub struct Done {
    /// `granted`, `updated`, `unchanged`, `revoked`, `not_granted`.
    pub result: &'static str,
    /// The grant as it is, where something was given.
    pub grant: Option<Grant>,
}

impl Done {
    /// Whether anything is different from before.
    pub fn is_change(&self) -> bool {
        !matches!(self.result, "unchanged" | "not_granted")
    }
}

/// Kinds of events, each with what it says beside.
type Events = Vec<(&'static str, Option<Value>)>;

/// What is to be told of members who changed, in the order in which it happened.
#[derive(Debug, Default)]
pub struct Told(Vec<(Id, Events)>);

impl Told {
    /// Adds an event of a member.
    pub fn add(&mut self, user: Id, kind: &'static str, detail: Option<Value>) {
        // Most changes come one member after the other.
        match self.0.iter_mut().rev().find(|(known, _)| *known == user) {
            Some((_, all)) => all.push((kind, detail)),
            None => self.0.push((user, vec![(kind, detail)])),
        }
    }

    /// Tells the access trail: one version for each member.
    pub async fn tell(self, tx: &Tx, now: DateTime<Utc>) -> Result<()> {
        let org = tx.require_org()?;
        for (user, events) in self.0 {
            access::bump_with(tx, org, now, Some(user), events).await?;
        }
        Ok(())
    }
}

/// What an event says of a grant.
pub fn detail(cx: &Cx, grant: &Grant) -> Value {
    json!({
        "permission": grant.tuple, "expires_at": grant.terms.expires_at.map(base::time::format),
        "request_id": cx.origin.request_id,
    })
}

/// Does one change, which is counted once it is committed.
pub async fn carry_out(
    cx: &Cx,
    tx: &Tx,
    author: &Author,
    change: Change<'_>,
    told: &mut Told,
) -> Result<Done> {
    let done = work(cx, tx, author, change, told).await?;
    let (app, result) = (cx.app.clone(), done.result);
    let op = if change.gives.is_some() { "grant" } else { "revoke" };
    tx.after_commit(move || meter::count(&app, MemberCount::PermissionChange { op, result }));
    Ok(done)
}

async fn work(cx: &Cx, tx: &Tx, author: &Author, change: Change<'_>, told: &mut Told) -> Result<Done> {
    let (now, holder) = (cx.now(), Holder::User(change.user));
    let Some(until) = change.gives else {
        return Ok(match access::take(tx, now, holder, change.tuple).await? {
            Some(grant) => {
                told.add(change.user, "revoked", Some(detail(cx, &grant)));
                Done { result: "revoked", grant: None }
            }
            None => Done { result: "not_granted", grant: None },
        });
    };
    let terms = |before: Option<&Terms>| Terms {
        granted_by: Some(author.granter.clone()),
        reason: change.reason.map(str::to_owned).or_else(|| before.and_then(|on| on.reason.clone())),
        expires_at: match until {
            Until::AsItIs => before.and_then(|on| on.expires_at),
            Until::Ever => None,
            Until::At(end) => Some(end),
        },
    };
    let (given, grant) = access::give(tx, cx.app.new_id(), now, holder, change.tuple, terms).await?;
    let result = match given {
        Given::New => "granted",
        Given::Updated(_) => "updated",
        Given::Unchanged => "unchanged",
    };
    if result != "unchanged" {
        told.add(change.user, "granted", Some(detail(cx, &grant)));
    }
    Ok(Done { result, grant: Some(grant) })
}

/// Writes one change down in the audit trail. `name` is what the caller calls the member.
pub async fn note(
    cx: &Cx,
    tx: &Tx,
    author: &Author,
    change: Change<'_>,
    name: &str,
    result: &str,
) -> Result<()> {
    let action =
        if change.gives.is_some() { "members:permission:grant" } else { "members:permission:revoke" };
    let event = Event::new(action, "identity.user")
        .target(change.user, name)
        .change("permission", Value::Null, json!(change.tuple))
        .change("result", Value::Null, json!(result))
        .change("reason", Value::Null, json!(change.reason));
    audit::write(tx, cx.now(), author.who.clone(), &cx.origin, event).await
}

/// What else gives the member what was to be taken from him: names of roles, and `owner`.
pub async fn others(cx: &Cx, tx: &Tx, user: Id, tuple: &Tuple) -> Result<Vec<String>> {
    let Some(standing) = cx.app.directory().standing(tx, user).await? else { return Ok(Vec::new()) };
    let held = access::holding_roles(tx, cx.now(), tuple).await?;
    let mut names: Vec<String> = standing
        .roles
        .iter()
        .filter(|role| held.iter().any(|grant| grant.holder == Holder::Role(role.id)))
        .map(|role| role.name.clone())
        .collect();
    let is_own = tuple.scope_type == access::ORG && tuple.scope_id == tx.require_org()?.to_string();
    if standing.owner && is_own && cx.app.catalogue().find_tuple(&tuple.module, &tuple.action).is_some() {
        names.push("owner".to_owned());
    }
    Ok(names)
}
