//! Grants: which tuples a role or a user holds.

use std::collections::BTreeSet;

use base::{Error, FieldError, Id, Result};
use chrono::{DateTime, Utc};
use sea_orm::{Condition, QueryFilter, entity::prelude::*};
use store::Tx;

use super::{
    Catalogue, Permission,
    tuple::{self, Granter, ORG, Terms, Tuple},
};
use crate::Cx;

pub(super) mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "permission_grant")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub org_id: Uuid,
        pub holder_kind: String,
        pub holder_id: Uuid,
        pub scope_type: String,
        pub scope_id: String,
        pub module: String,
        pub action: String,
        pub granted_by: Option<String>,
        pub granted_by_kind: Option<String>,
        pub granted_by_id: Option<Uuid>,
        pub reason: Option<String>,
        pub granted_at: Option<DateTimeUtc>,
        pub expires_at: Option<DateTimeUtc>,
        pub told_end_at: Option<DateTimeUtc>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Who holds a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// Everybody with the role.
    Role(Id),
    /// One user.
    User(Id),
}

impl Holder {
    pub(super) fn parts(self) -> (&'static str, Id) {
        match self {
            Self::Role(id) => ("role", id),
            Self::User(id) => ("user", id),
        }
    }
}

impl entity::Model {
    pub(super) fn holder(&self) -> Holder {
        match self.holder_kind.as_str() {
            "role" => Holder::Role(self.holder_id),
            _ => Holder::User(self.holder_id),
        }
    }
}

/// The permissions of several holders in the transaction's own organisation, each with the instant at which
/// it ends. Tuples that the catalogue does not know are left out, and so is what has ended at `now`.
pub(super) async fn held_by(
    tx: &Tx,
    catalogue: &Catalogue,
    now: DateTime<Utc>,
    holders: &[Holder],
) -> Result<Vec<(Holder, Permission, Option<DateTime<Utc>>)>> {
    let ids = holders.iter().map(|holder| holder.parts().1);
    let select = tx
        .find::<entity::Entity>()
        .filter(entity::Column::HolderId.is_in(ids))
        .filter(entity::Column::ScopeType.eq(ORG))
        .filter(entity::Column::ScopeId.eq(tx.require_org()?.to_string()));
    let rows = tx.all(select).await?;
    let found = rows.iter().filter(|row| row.expires_at.is_none_or(|end| now < end)).filter_map(|row| {
        let (holder, permission) = (row.holder(), catalogue.find_tuple(&row.module, &row.action)?);
        holders.contains(&holder).then_some((holder, permission, row.expires_at))
    });
    Ok(found.collect())
}

/// The codes that each of several holders holds at `now`.
pub async fn grants_of(
    tx: &Tx,
    catalogue: &Catalogue,
    now: DateTime<Utc>,
    holders: &[Holder],
) -> Result<Vec<(Holder, String)>> {
    let found = held_by(tx, catalogue, now, holders).await?;
    Ok(found.into_iter().map(|(holder, p, _)| (holder, catalogue.entry(p).code.clone())).collect())
}

/// The codes that one holder holds at `now`, sorted.
pub async fn codes_of(
    tx: &Tx,
    catalogue: &Catalogue,
    now: DateTime<Utc>,
    holder: Holder,
) -> Result<Vec<String>> {
    let found = grants_of(tx, catalogue, now, &[holder]).await?;
    let mut codes: Vec<String> = found.into_iter().map(|(_, code)| code).collect();
    codes.sort();
    Ok(codes)
}

/// What [`set_grants`] changed: permissions of the organisation itself.
#[derive(Clone, Debug, Default)]
pub struct Reset {
    /// What was given.
    pub added: Vec<Tuple>,
    /// What was taken.
    pub removed: Vec<Tuple>,
}

/// Makes `codes` what the holder holds. Nobody can give what he lacks: a code that is added and
/// that the caller does not hold is 403, an unknown one 422. On how many rows the holder will reach
/// with it, and whether the caller does, depends on the holder and is for the module to judge, which
/// takes [`Cx::lock_access`] first. What has ended is not held; its row is left to whoever tells of
/// ends ([`tuple::expired`]), unless it is given anew.
pub async fn set_grants(cx: &Cx, holder: Holder, codes: &[String]) -> Result<Reset> {
    let (tx, catalogue) = (cx.tx()?, cx.app.catalogue());
    let before = codes_of(tx, catalogue, cx.now(), holder).await?;
    let wanted: BTreeSet<&str> = codes.iter().map(String::as_str).collect();
    let mut unknown = Vec::new();
    for (at, code) in codes.iter().enumerate() {
        let grantable = catalogue.find(code).is_some_and(|p| !catalogue.entry(p).is_platform());
        if !grantable {
            let message = format!("there is no permission {code}");
            unknown.push(FieldError::new(format!("permissions.{at}"), "unknown_permission", message));
        }
    }
    if !unknown.is_empty() {
        return Err(Error::fields(unknown));
    }
    let added: Vec<&str> = wanted.iter().copied().filter(|c| !before.iter().any(|b| b == c)).collect();
    if let Some(lacking) = added.iter().find(|code| cx.reach(code).is_err()) {
        return Err(Error::forbidden(
            "cannot_grant",
            format!("you cannot grant {lacking}, which you do not hold"),
        ));
    }
    let removed: Vec<&str> =
        before.iter().map(String::as_str).filter(|code| !wanted.contains(code)).collect();
    remove(tx, catalogue, holder, removed.iter().copied()).await?;
    // A row that has ended has the place of what is given anew.
    remove(tx, catalogue, holder, added.iter().copied()).await?;
    add(cx, holder, &added).await?;
    let org = tx.require_org()?;
    let tuples = |codes: &[&str]| {
        let known = codes.iter().filter_map(|code| catalogue.find(code));
        known.map(|permission| Tuple::own(org, catalogue.entry(permission))).collect()
    };
    let reset = Reset { added: tuples(&added), removed: tuples(&removed) };
    let after: Vec<&str> = wanted.into_iter().collect();
    cx.note("permissions", serde_json::json!(before), serde_json::json!(after));
    Ok(reset)
}

/// What is kept keeps its terms, so only what is not wanted any more goes.
async fn remove(
    tx: &Tx,
    catalogue: &Catalogue,
    holder: Holder,
    codes: impl Iterator<Item = &str>,
) -> Result<()> {
    let (kind, id) = holder.parts();
    let mut any = Condition::any();
    for entry in codes.filter_map(|code| catalogue.find(code)).map(|p| catalogue.entry(p)) {
        let one = Condition::all()
            .add(entity::Column::Module.eq(entry.tuple_module()))
            .add(entity::Column::Action.eq(entry.action.as_str()));
        any = any.add(one);
    }
    if any.is_empty() {
        return Ok(());
    }
    let condition = Condition::all()
        .add(entity::Column::HolderKind.eq(kind))
        .add(entity::Column::HolderId.eq(id))
        .add(entity::Column::ScopeType.eq(ORG))
        .add(entity::Column::ScopeId.eq(tx.require_org()?.to_string()))
        .add(any);
    tx.delete_where::<entity::Entity>(condition).await.map(drop)
}

async fn add(cx: &Cx, holder: Holder, codes: &[&str]) -> Result<()> {
    let (tx, catalogue) = (cx.tx()?, cx.app.catalogue());
    let by = cx.actor().ok().map(Granter::person);
    let rows = codes.iter().filter_map(|code| catalogue.find(code)).map(|permission| {
        let tuple = Tuple::own(tx.org().unwrap_or_default(), catalogue.entry(permission));
        let terms = Terms { granted_by: by.clone(), reason: None, expires_at: None };
        tuple::row(cx.app.new_id(), tx.org().unwrap_or_default(), Some(cx.now()), holder, &tuple, &terms)
    });
    tx.insert_all(rows.collect()).await
}

/// Gives a new holder what another one holds; for set-up, where nobody is asking yet.
pub async fn copy_grants(
    tx: &Tx,
    new_id: impl Fn() -> Id,
    catalogue: &Catalogue,
    holder: Holder,
    codes: impl IntoIterator<Item = Permission>,
) -> Result<()> {
    let org = tx.require_org()?;
    let rows = codes.into_iter().map(|permission| {
        let tuple = Tuple::own(org, catalogue.entry(permission));
        tuple::row(new_id(), org, None, holder, &tuple, &Terms::default())
    });
    tx.insert_all(rows.collect()).await
}

/// Takes everything from a holder.
pub async fn forget(tx: &Tx, holder: Holder) -> Result<()> {
    let (kind, id) = holder.parts();
    let condition =
        Condition::all().add(entity::Column::HolderKind.eq(kind)).add(entity::Column::HolderId.eq(id));
    tx.delete_where::<entity::Entity>(condition).await.map(drop)
}
