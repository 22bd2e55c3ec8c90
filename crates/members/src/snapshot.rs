//! What a member may do, as one document with a version: roles and grants, sorted, with a digest.
//!
//! The version is the newest one that concerned the member, one of his roles, or the organisation as a whole.
//! Versions come from one counter that is advanced in commit order, so a consumer that keeps the highest one is
//! never behind for long and never goes back.

use std::{collections::BTreeMap, sync::Arc};

use base::{Id, Result, Timestamp};
use chrono::{DateTime, Utc};
use kernel::{
    App,
    access::{self, Holder, ORG, Standing, Tuple},
};
use moka::sync::Cache;
use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};
use store::Tx;

use crate::{
    service::{Members, people, reading},
    subject,
};

/// How often a snapshot is read again because something changed while it was read.
const TRIES: usize = 5;

/// Why somebody has a permission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[schemars(rename = "PermissionOrigin")]
pub enum Because {
    /// He owns the organisation.
    Owner,
    /// A role carries it.
    Role {
        /// The role.
        id: Id,
        /// Its name.
        name: String,
    },
    /// It was granted to him.
    Grant,
}

/// One permission of a snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "SnapshotPermission")]
pub struct Permission {
    /// Where and what.
    #[serde(flatten)]
    pub tuple: Tuple,
    /// Until when.
    pub expires_at: Option<Timestamp>,
    /// Why, where that was asked for; no part of the digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Vec<Because>>,
}

/// What a snapshot is known by. It is kept for more members than their permissions are.
#[derive(Clone, Debug)]
pub struct Mark {
    /// Whether he may work; if not, he may do nothing.
    pub is_active: bool,
    /// Whether he was removed.
    pub is_gone: bool,
    /// The version.
    pub version: i64,
    /// SHA-256 over the canonical JSON of the permissions without their origins, in hexadecimal digits.
    pub digest: String,
    /// Whether the version says all: nothing has ended that was not taken away yet.
    pub is_settled: bool,
    /// When the first of them ends.
    pub until: Option<DateTime<Utc>>,
    /// The newest version of all that this was compared with.
    seen: i64,
    /// The member and the roles that he was assigned: whose versions make this one. Which roles these are changes
    /// with his own version only.
    subjects: Vec<Id>,
}

impl Mark {
    /// `"42-0123456789abcdef"`.
    pub fn tag(&self) -> String {
        format!("\"{}-{}\"", self.version, &self.digest[..16])
    }

    /// Whether a caller who shows this `If-None-Match` has it already. `"42"` alone names the version.
    pub fn is_known_as(&self, header: &str) -> bool {
        let tag = self.tag();
        let version = format!("\"{}\"", self.version);
        let known = |one: &str| one == tag || one == "*" || (self.is_settled && one == version);
        header.split(',').any(|one| known(one.trim().trim_start_matches("W/")))
    }

    fn lasts(&self, now: DateTime<Utc>) -> bool {
        self.until.is_none_or(|end| now < end)
    }

    /// Whether nothing that concerns it has changed.
    async fn holds(&self, tx: &Tx, org: Id) -> Result<bool> {
        Ok(self.is_settled && access::subject_version(tx, org, &self.subjects).await? == self.version)
    }
}

/// What a member may do.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// What it is known by.
    pub mark: Arc<Mark>,
    /// In the order of their tuples, with their origins.
    pub permissions: Arc<[Permission]>,
}

impl Snapshot {
    /// The same, compared with a newer version of all.
    fn seen(mut self, newest: i64) -> Self {
        Arc::make_mut(&mut self.mark).seen = newest;
        self
    }
}

/// Digest of permissions, without their origins.
pub fn digest(permissions: &[Permission]) -> String {
    let plain: Vec<Permission> =
        permissions.iter().map(|one| Permission { origin: None, ..one.clone() }).collect();
    let text = serde_json::to_vec(&plain).unwrap_or_default();
    Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Members of whom it is kept how they are called, and what their snapshots are known by.
const MEMBERS: u64 = 200_000;
/// Permissions that are kept, of all members together.
const PERMISSIONS: u64 = 500_000;

/// An organisation and a user.
type Member = (Id, Id);

/// Snapshots that were worked out lately.
pub struct Snapshots {
    marks: Cache<Member, Arc<Mark>>,
    known: Cache<Member, Snapshot>,
    /// Users by organisation, issuer and name. A name never becomes another user's, so none is ever wrong.
    names: Cache<(Id, Id, String), Id>,
}

impl Default for Snapshots {
    fn default() -> Self {
        let weight = |_: &Member, snapshot: &Snapshot| {
            u32::try_from(snapshot.permissions.len()).unwrap_or(u32::MAX).saturating_add(1)
        };
        Self {
            marks: Cache::new(MEMBERS),
            known: Cache::builder().max_capacity(PERMISSIONS).weigher(weight).build(),
            names: Cache::new(MEMBERS),
        }
    }
}

impl Snapshots {
    fn keep(&self, member: Member, snapshot: &Snapshot) {
        self.marks.insert(member, snapshot.mark.clone());
        self.known.insert(member, snapshot.clone());
    }
}

/// The newest version of all: what a snapshot has to be compared with. With `stale`, that of a second ago.
pub async fn newest(app: &App, stale: bool) -> Result<i64> {
    let heads = &Members::of(app)?.heads;
    if stale { heads.recent(app).await } else { heads.newest(app).await }
}

/// What a user may do in an organisation. `None` when he never was a member.
pub async fn of(app: &App, org: Id, user: Id, newest: i64) -> Result<Option<Snapshot>> {
    let snapshots = &Members::of(app)?.snapshots;
    let cached = snapshots.known.get(&(org, user)).filter(|snapshot| snapshot.mark.lasts(app.now()));
    if let Some(snapshot) = cached.clone().filter(|snapshot| snapshot.mark.seen >= newest) {
        return Ok(Some(snapshot));
    }
    let tx = reading(app, org).await?;
    let read = read(app, &tx, (org, user), newest, cached).await;
    tx.commit().await?;
    let Some(snapshot) = read? else { return Ok(None) };
    snapshots.keep((org, user), &snapshot);
    Ok(Some(snapshot))
}

/// As [`of`], for whoever an issuer calls so, with the user.
pub async fn of_name(
    app: &App,
    (org, issuer): (Id, Id),
    sub: &str,
    newest: i64,
) -> Result<Option<(Id, Snapshot)>> {
    let snapshots = &Members::of(app)?.snapshots;
    let name = (org, issuer, sub.to_owned());
    if let Some(user) = snapshots.names.get(&name) {
        return Ok(of(app, org, user, newest).await?.map(|snapshot| (user, snapshot)));
    }
    let tx = reading(app, org).await?;
    let read = resolve_and_read(app, &tx, (org, issuer), sub, newest).await;
    tx.commit().await?;
    let Some((user, snapshot)) = read? else { return Ok(None) };
    snapshots.keep((org, user), &snapshot);
    // Only of people who are there: nobody else is called by an id.
    snapshots.names.insert(name, user);
    Ok(Some((user, snapshot)))
}

/// What the snapshot of whoever an issuer calls so is known by, if that is at hand and was compared with this
/// version.
pub fn mark_at_hand(app: &App, (org, issuer): (Id, Id), sub: &str, newest: i64) -> Option<Arc<Mark>> {
    let snapshots = &Members::of(app).ok()?.snapshots;
    let user = snapshots.names.get(&(org, issuer, sub.to_owned()))?;
    snapshots.marks.get(&(org, user)).filter(|mark| mark.seen >= newest && mark.lasts(app.now()))
}

/// What the snapshot of whoever an issuer calls so is known by, if that is at hand and nothing has changed. It
/// costs less than the snapshot, and is all that an answer without one needs.
pub async fn mark_of_name(
    app: &App,
    (org, issuer): (Id, Id),
    sub: &str,
    newest: i64,
) -> Result<Option<Arc<Mark>>> {
    let snapshots = &Members::of(app)?.snapshots;
    let Some(user) = snapshots.names.get(&(org, issuer, sub.to_owned())) else { return Ok(None) };
    let mark = snapshots.marks.get(&(org, user)).filter(|mark| mark.lasts(app.now()));
    let Some(mut mark) = mark else { return Ok(None) };
    if mark.seen >= newest {
        return Ok(Some(mark));
    }
    let tx = reading(app, org).await?;
    let holds = mark.holds(&tx, org).await;
    tx.commit().await?;
    if !holds? {
        return Ok(None);
    }
    Arc::make_mut(&mut mark).seen = newest;
    snapshots.marks.insert((org, user), mark.clone());
    Ok(Some(mark))
}

/// The version of what a user may do.
pub async fn version(app: &App, tx: &Tx, org: Id, user: Id) -> Result<i64> {
    let standing = app.directory().standing(tx, user).await?;
    let roles = standing.map(|standing| standing.assigned).unwrap_or_default();
    access::subject_version(tx, org, &[vec![user], roles].concat()).await
}

async fn resolve_and_read(
    app: &App,
    tx: &Tx,
    (org, issuer): (Id, Id),
    sub: &str,
    newest: i64,
) -> Result<Option<(Id, Snapshot)>> {
    let Some(user) = subject::resolve(tx, issuer, sub).await? else { return Ok(None) };
    Ok(read(app, tx, (org, user), newest, None).await?.map(|snapshot| (user, snapshot)))
}

async fn read(
    app: &App,
    tx: &Tx,
    (org, user): Member,
    newest: i64,
    cached: Option<Snapshot>,
) -> Result<Option<Snapshot>> {
    if let Some(cached) = cached
        && cached.mark.holds(tx, org).await?
    {
        return Ok(Some(cached.seen(newest)));
    }
    let (mut newest, mut tries) = (newest, 0);
    loop {
        tries += 1;
        let standing = app.directory().standing(tx, user).await?;
        let Some(person) = people(app)?.find(tx, &[user]).await?.pop() else { return Ok(None) };
        let (permissions, is_settled) = match &standing {
            Some(standing) if person.active => permissions(app, tx, (org, user), standing).await?,
            _ => (Vec::new(), true),
        };
        let mut subjects = standing.map(|standing| standing.assigned).unwrap_or_default();
        subjects.insert(0, user);
        let version = access::subject_version(tx, org, &subjects).await?;
        // On a database where each statement sees what is committed, what came after `newest` may be in some of
        // this and not in the rest. All of it up to there is in.
        if version > newest && tries < TRIES {
            newest = version;
            continue;
        }
        let mark = Mark {
            is_active: person.active,
            is_gone: person.removed,
            version: version.min(newest),
            digest: digest(&permissions),
            is_settled,
            until: permissions.iter().filter_map(|one| one.expires_at.map(|at| at.0)).min(),
            seen: newest,
            subjects,
        };
        return Ok(Some(Snapshot { mark: Arc::new(mark), permissions: permissions.into() }));
    }
}

async fn permissions(
    app: &App,
    tx: &Tx,
    (org, user): Member,
    standing: &Standing,
) -> Result<(Vec<Permission>, bool)> {
    let mut found: BTreeMap<Tuple, (Option<DateTime<Utc>>, Vec<Because>)> = BTreeMap::new();
    let mut add = |tuple: Tuple, end: Option<DateTime<Utc>>, because: Because| {
        found
            .entry(tuple)
            .and_modify(|(known, reasons)| {
                // It lasts as long as the reason that lasts longest.
                *known = known.and_then(|known| end.map(|end| known.max(end)));
                reasons.push(because.clone());
            })
            .or_insert_with(|| (end, vec![because]));
    };
    if standing.owner {
        for (_, entry) in app.catalogue().iter().filter(|(_, entry)| !entry.is_platform()) {
            add(Tuple::own(org, entry), None, Because::Owner);
        }
    }
    let mut holders: Vec<Holder> = standing.roles.iter().map(|role| Holder::Role(role.id)).collect();
    holders.push(Holder::User(user));
    let (held, has_ended) = access::held_tuples(tx, app.now(), &holders).await?;
    for grant in held {
        // What the product itself does not know (any more) of its own organisation says nothing.
        let is_own = grant.tuple.scope_type == ORG && grant.tuple.scope_id == org.to_string();
        let permission = app.catalogue().find_tuple(&grant.tuple.module, &grant.tuple.action);
        if is_own && permission.is_some_and(|one| app.catalogue().entry(one).is_platform()) {
            continue;
        }
        let because = match grant.holder {
            Holder::User(_) => Because::Grant,
            Holder::Role(id) => {
                let role = standing.roles.iter().find(|role| role.id == id);
                Because::Role { id, name: role.map(|role| role.name.clone()).unwrap_or_default() }
            }
        };
        add(grant.tuple, grant.terms.expires_at, because);
    }
    let permission = |(tuple, (end, origin)): (Tuple, (Option<DateTime<Utc>>, Vec<Because>))| Permission {
        tuple,
        expires_at: end.map(Timestamp),
        origin: Some(origin),
    };
    Ok((found.into_iter().map(permission).collect(), !has_ended))
}
