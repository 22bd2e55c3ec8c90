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
    access::{self, Holder, ORG, Tuple},
};
use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};
use store::Tx;

use crate::service::{Members, people, reading};

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

/// What a member may do.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Whether he may work; if not, he may do nothing.
    pub is_active: bool,
    /// Whether he was removed.
    pub is_gone: bool,
    /// The version.
    pub version: i64,
    /// In the order of their tuples, with their origins.
    pub permissions: Vec<Permission>,
    /// SHA-256 over the canonical JSON of the permissions without their origins, in hexadecimal digits.
    pub digest: String,
    /// Whether the version says all: nothing has ended that was not taken away yet.
    pub is_settled: bool,
    /// When the first of them ends.
    pub until: Option<DateTime<Utc>>,
    /// The newest version of all that this was compared with.
    pub seen: i64,
}

impl Snapshot {
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
}

/// Digest of permissions, without their origins.
pub fn digest(permissions: &[Permission]) -> String {
    let plain: Vec<Permission> =
        permissions.iter().map(|one| Permission { origin: None, ..one.clone() }).collect();
    let text = serde_json::to_vec(&plain).unwrap_or_default();
    Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Snapshots that were worked out lately.
pub struct Snapshots {
    known: moka::sync::Cache<(Id, Id), Arc<Snapshot>>,
}

impl Default for Snapshots {
    fn default() -> Self {
        Self { known: moka::sync::Cache::new(50_000) }
    }
}

/// What a user may do in an organisation. `None` when he never was a member. With `stale`, what was true a
/// second ago will do.
pub async fn of(app: &App, org: Id, user: Id, stale: bool) -> Result<Option<Arc<Snapshot>>> {
    let members = Members::of(app)?;
    let known = &members.snapshots.known;
    let newest = if stale { members.heads.recent(app).await? } else { members.heads.newest(app).await? };
    let now = app.now();
    let lasts = |snapshot: &Arc<Snapshot>| snapshot.until.is_none_or(|end| now < end);
    let cached = known.get(&(org, user)).filter(lasts);
    if let Some(snapshot) = cached.clone().filter(|snapshot| snapshot.seen >= newest) {
        return Ok(Some(snapshot));
    }
    let tx = reading(app, org).await?;
    let read = read(app, &tx, org, user, newest, cached.as_deref()).await;
    tx.commit().await?;
    let Some(snapshot) = read? else { return Ok(None) };
    let snapshot = Arc::new(snapshot);
    known.insert((org, user), snapshot.clone());
    Ok(Some(snapshot))
}

/// The version of what a user may do.
pub async fn version(app: &App, tx: &Tx, org: Id, user: Id) -> Result<i64> {
    let standing = app.directory().standing(tx, user).await?;
    let roles = standing.map(|standing| standing.assigned).unwrap_or_default();
    access::subject_version(tx, org, &[vec![user], roles].concat()).await
}

async fn read(
    app: &App,
    tx: &Tx,
    org: Id,
    user: Id,
    newest: i64,
    cached: Option<&Snapshot>,
) -> Result<Option<Snapshot>> {
    let mut last = None;
    for _ in 0..TRIES {
        let before = version(app, tx, org, user).await?;
        if let Some(cached) = cached.filter(|cached| cached.version == before && cached.is_settled) {
            return Ok(Some(Snapshot { seen: newest, ..cached.clone() }));
        }
        let Some(person) = people(app)?.find(tx, &[user]).await?.pop() else { return Ok(None) };
        let (permissions, is_settled) = match person.active {
            true => permissions(app, tx, org, user).await?,
            false => (Vec::new(), true),
        };
        let until = permissions.iter().filter_map(|one| one.expires_at.map(|at| at.0)).min();
        let snapshot = Snapshot {
            is_active: person.active,
            is_gone: person.removed,
            version: before,
            digest: digest(&permissions),
            permissions,
            is_settled,
            until,
            seen: newest,
        };
        // On a database where each statement sees what is committed, something may have come in between.
        let is_same = version(app, tx, org, user).await? == before;
        last = Some(snapshot);
        if is_same {
            break;
        }
    }
    Ok(last)
}

async fn permissions(app: &App, tx: &Tx, org: Id, user: Id) -> Result<(Vec<Permission>, bool)> {
    let Some(standing) = app.directory().standing(tx, user).await? else { return Ok((Vec::new(), true)) };
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
