//! Grants as tuples of any scope, with who gave them, why and until when.
//!
//! A tuple of the scope type [`ORG`] with the organisation's own id is what roles and direct grants of the
//! console hold; its module and action are those of the catalogue. Any other tuple is another system's, and
//! nothing here knows what it means.

use std::collections::HashMap;

use base::{Id, Result};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use sea_orm::{ActiveValue::Set, Condition, QueryFilter, QueryOrder, QuerySelect, entity::prelude::*};
use serde::{Deserialize, Serialize};
use store::Tx;

use super::{
    Entry, Holder,
    grant::entity::{ActiveModel, Column, Entity, Model},
};
use crate::Actor;

/// The scope type whose ids are organisations.
pub const ORG: &str = "org";

/// Where one may do what. Compared byte by byte; sorted by scope type, scope, module and action.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Tuple {
    /// What kind of thing the scope is.
    pub scope_type: String,
    /// Which one.
    pub scope_id: String,
    /// Module.
    pub module: String,
    /// Action.
    pub action: String,
}

impl Tuple {
    /// That of a permission of the catalogue in an organisation.
    pub fn own(org: Id, entry: &Entry) -> Self {
        Self {
            scope_type: ORG.to_owned(),
            scope_id: org.to_string(),
            module: entry.tuple_module(),
            action: entry.action.clone(),
        }
    }

    pub(super) fn is(&self) -> Condition {
        Condition::all()
            .add(Column::ScopeType.eq(self.scope_type.as_str()))
            .add(Column::ScopeId.eq(self.scope_id.as_str()))
            .add(Column::Module.eq(self.module.as_str()))
            .add(Column::Action.eq(self.action.as_str()))
    }
}

/// What kind of caller gave something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GranterKind {
    /// A person of the organisation.
    User,
    /// A program with a key of its own.
    Program,
    /// The product itself.
    System,
    /// It was given before this was kept.
    Unknown,
}

impl GranterKind {
    /// As stored and as sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Program => "program",
            Self::System => "system",
            Self::Unknown => "unknown",
        }
    }
}

/// Who gave something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granter {
    /// What kind of caller.
    pub kind: GranterKind,
    /// Which one.
    pub id: Option<Id>,
    /// What he was called then; at most 200 characters are kept.
    pub name: String,
}

impl Granter {
    /// A request's caller.
    pub fn person(actor: &Actor) -> Self {
        Self { kind: GranterKind::User, id: Some(actor.id), name: actor.username.clone() }
    }

    fn stored(kind: Option<&str>, id: Option<Id>, name: Option<String>) -> Option<Self> {
        let kind = match kind {
            Some("user") => GranterKind::User,
            Some("program") => GranterKind::Program,
            Some("system") => GranterKind::System,
            _ => GranterKind::Unknown,
        };
        name.map(|name| Self { kind, id, name })
    }
}

/// On what terms something is granted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Who gave it.
    pub granted_by: Option<Granter>,
    /// Why; at most 500 characters.
    pub reason: Option<String>,
    /// Until when.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A grant as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// Id.
    pub id: Id,
    /// The organisation in whose name it was given.
    pub org: Id,
    /// Who holds it.
    pub holder: Holder,
    /// What.
    pub tuple: Tuple,
    /// On what terms.
    pub terms: Terms,
    /// Since when; `None` for what was given before this was kept.
    pub granted_at: Option<DateTime<Utc>>,
}

impl From<Model> for Grant {
    fn from(row: Model) -> Self {
        let holder = row.holder();
        Self {
            id: row.id,
            org: row.org_id,
            holder,
            tuple: Tuple {
                scope_type: row.scope_type,
                scope_id: row.scope_id,
                module: row.module,
                action: row.action,
            },
            terms: Terms {
                granted_by: Granter::stored(
                    row.granted_by_kind.as_deref(),
                    row.granted_by_id,
                    row.granted_by,
                ),
                reason: row.reason,
                expires_at: row.expires_at,
            },
            granted_at: row.granted_at,
        }
    }
}

/// What [`give`] did.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// The holder did not hold it.
    New,
    /// He held it on other terms: those that it had.
    Updated(Terms),
    /// He held it so.
    Unchanged,
}

pub(super) fn row(
    id: Id,
    org: Id,
    at: Option<DateTime<Utc>>,
    holder: Holder,
    tuple: &Tuple,
    terms: &Terms,
) -> ActiveModel {
    let (kind, holder_id) = holder.parts();
    ActiveModel {
        id: Set(id),
        org_id: Set(org),
        holder_kind: Set(kind.into()),
        holder_id: Set(holder_id),
        scope_type: Set(tuple.scope_type.clone()),
        scope_id: Set(tuple.scope_id.clone()),
        module: Set(tuple.module.clone()),
        action: Set(tuple.action.clone()),
        reason: Set(terms.reason.clone()),
        granted_at: Set(at),
        expires_at: Set(terms.expires_at),
        told_end_at: Set(None),
        ..given_by(terms.granted_by.as_ref())
    }
}

/// The columns that say who gave something.
fn given_by(granter: Option<&Granter>) -> ActiveModel {
    ActiveModel {
        granted_by: Set(granter.map(|granter| granter.name.chars().take(200).collect())),
        granted_by_kind: Set(granter.map(|granter| granter.kind.as_str().to_owned())),
        granted_by_id: Set(granter.and_then(|granter| granter.id)),
        ..Default::default()
    }
}

fn of(holder: Holder) -> Condition {
    let (kind, id) = holder.parts();
    Condition::all().add(Column::HolderKind.eq(kind)).add(Column::HolderId.eq(id))
}

/// One grant in the transaction's organisation.
pub async fn find(tx: &Tx, holder: Holder, tuple: &Tuple) -> Result<Option<Grant>> {
    let select = tx.find::<Entity>().filter(of(holder).add(tuple.is()));
    Ok(tx.one(select).await?.map(Grant::from))
}

/// Gives a tuple to a holder. `terms` is told what terms there were, and says what they shall be. Whoever
/// calls this holds [`super::lock_head`], so that two who give the same do not meet.
pub async fn give(
    tx: &Tx,
    id: Id,
    now: DateTime<Utc>,
    holder: Holder,
    tuple: &Tuple,
    terms: impl FnOnce(Option<&Terms>) -> Terms,
) -> Result<(Given, Grant)> {
    let before = find(tx, holder, tuple).await?;
    // What has ended is not held any more, though its row may still be there.
    let ended = |grant: &Grant| grant.terms.expires_at.is_some_and(|end| end <= now);
    match before {
        Some(grant) if !ended(&grant) => {
            let wanted = terms(Some(&grant.terms));
            if wanted.reason == grant.terms.reason && wanted.expires_at == grant.terms.expires_at {
                return Ok((Given::Unchanged, grant));
            }
            let values = ActiveModel {
                reason: Set(wanted.reason.clone()),
                expires_at: Set(wanted.expires_at),
                ..given_by(wanted.granted_by.as_ref())
            };
            tx.update_where(values, Condition::all().add(Column::Id.eq(grant.id))).await?;
            let before = grant.terms.clone();
            Ok((Given::Updated(before), Grant { terms: wanted, ..grant }))
        }
        before => {
            if let Some(grant) = before {
                tx.delete_where::<Entity>(Condition::all().add(Column::Id.eq(grant.id))).await?;
            }
            let (terms, org) = (terms(None), tx.require_org()?);
            tx.insert(row(id, org, Some(now), holder, tuple, &terms)).await?;
            let grant = Grant { id, org, holder, tuple: tuple.clone(), terms, granted_at: Some(now) };
            Ok((Given::New, grant))
        }
    }
}

/// Takes a tuple from a holder; what was taken. What had ended at `now` is not held any more: its row is left to
/// whoever tells of ends ([`expired`]).
pub async fn take(tx: &Tx, now: DateTime<Utc>, holder: Holder, tuple: &Tuple) -> Result<Option<Grant>> {
    let held = find(tx, holder, tuple).await?;
    let held = held.filter(|grant| grant.terms.expires_at.is_none_or(|end| now < end));
    if let Some(grant) = &held {
        tx.delete_where::<Entity>(Condition::all().add(Column::Id.eq(grant.id))).await?;
    }
    Ok(held)
}

/// Takes a grant by its id, as long as it ends at `end`.
pub async fn remove_ended(tx: &Tx, id: Id, end: DateTime<Utc>) -> Result<bool> {
    let condition = Condition::all().add(Column::Id.eq(id)).add(Column::ExpiresAt.eq(end));
    tx.delete_where::<Entity>(condition).await.map(|rows| rows > 0)
}

/// Everything that several holders hold at `now` in the transaction's organisation, of any scope; and whether
/// something has ended that was not taken away yet, so that no version tells of it.
pub async fn held_tuples(tx: &Tx, now: DateTime<Utc>, holders: &[Holder]) -> Result<(Vec<Grant>, bool)> {
    let ids: Vec<Id> = holders.iter().map(|holder| holder.parts().1).collect();
    let select = tx.find::<Entity>().filter(Column::HolderId.is_in(ids));
    let rows = tx.all(select).await?.into_iter().map(Grant::from);
    let theirs = rows.filter(|grant| holders.contains(&grant.holder));
    let (held, ended): (Vec<Grant>, Vec<Grant>) =
        theirs.partition(|grant| grant.terms.expires_at.is_none_or(|end| now < end));
    Ok((held, !ended.is_empty()))
}

/// What part of the grants is asked for; what is `None` may be anything.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Held by users, and by this one.
    pub user: Option<Id>,
    /// With this type of scope.
    pub scope_type: Option<String>,
    /// In this scope.
    pub scope_id: Option<String>,
    /// Of this module.
    pub module: Option<String>,
    /// Of this action.
    pub action: Option<String>,
    /// Those with greater ids.
    pub after: Option<Id>,
}

/// Grants to users in the transaction's organisation, by id, that have not ended at `now`.
pub async fn page(tx: &Tx, now: DateTime<Utc>, found: &Found, limit: u64) -> Result<Vec<Grant>> {
    let open = Condition::any().add(Column::ExpiresAt.is_null()).add(Column::ExpiresAt.gt(now));
    let mut condition = Condition::all().add(Column::HolderKind.eq("user")).add(open);
    for (column, value) in [
        (Column::ScopeType, &found.scope_type),
        (Column::ScopeId, &found.scope_id),
        (Column::Module, &found.module),
        (Column::Action, &found.action),
    ] {
        if let Some(value) = value {
            condition = condition.add(column.eq(value.as_str()));
        }
    }
    if let Some(user) = found.user {
        condition = condition.add(Column::HolderId.eq(user));
    }
    if let Some(after) = found.after {
        condition = condition.add(Column::Id.gt(after));
    }
    let select = tx.find::<Entity>().filter(condition).order_by_asc(Column::Id).limit(limit);
    Ok(tx.all(select).await?.into_iter().map(Grant::from).collect())
}

/// Grants of all organisations that have ended at `now` and are still there, by organisation. Needs a system
/// transaction.
pub async fn expired(tx: &Tx, now: DateTime<Utc>, limit: u64) -> Result<HashMap<Id, Vec<Grant>>> {
    let select = tx
        .find::<Entity>()
        .filter(Column::ExpiresAt.lte(now))
        .order_by_asc(Column::ExpiresAt)
        .order_by_asc(Column::Id)
        .limit(limit);
    let mut by_org: HashMap<Id, Vec<Grant>> = HashMap::new();
    for grant in tx.all(select).await?.into_iter().map(Grant::from) {
        by_org.entry(grant.org).or_default().push(grant);
    }
    Ok(by_org)
}
