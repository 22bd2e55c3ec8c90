//! Grants: which tuples a role or a user holds.

use std::collections::BTreeSet;

use base::{Error, FieldError, Id, Result};
use sea_orm::{ActiveValue::Set, Condition, QueryFilter, entity::prelude::*};
use store::Tx;

use super::{Catalogue, Permission};
use crate::Cx;

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "access_grant")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub org_id: Uuid,
        pub holder_kind: String,
        pub holder_id: Uuid,
        pub scope_type: String,
        pub scope_id: Uuid,
        pub module: String,
        pub action: String,
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
    fn parts(self) -> (&'static str, Id) {
        match self {
            Self::Role(id) => ("role", id),
            Self::User(id) => ("user", id),
        }
    }
}

/// The permissions of several holders. Tuples that the catalogue does not know are left out.
pub(super) async fn held_by(
    tx: &Tx,
    catalogue: &Catalogue,
    holders: &[Holder],
) -> Result<Vec<(Holder, Permission)>> {
    let ids = holders.iter().map(|holder| holder.parts().1);
    let select = tx.find::<entity::Entity>().filter(entity::Column::HolderId.is_in(ids));
    let rows = tx.all(select).await?;
    let own = |row: &entity::Model| row.scope_type == "org" && row.scope_id == row.org_id;
    let found = rows.iter().filter(|row| own(row)).filter_map(|row| {
        let holder = match row.holder_kind.as_str() {
            "role" => Holder::Role(row.holder_id),
            _ => Holder::User(row.holder_id),
        };
        let permission = catalogue.find_tuple(&row.module, &row.action)?;
        holders.contains(&holder).then_some((holder, permission))
    });
    Ok(found.collect())
}

/// The codes that each of several holders holds.
pub async fn grants_of(tx: &Tx, catalogue: &Catalogue, holders: &[Holder]) -> Result<Vec<(Holder, String)>> {
    let found = held_by(tx, catalogue, holders).await?;
    Ok(found.into_iter().map(|(holder, p)| (holder, catalogue.entry(p).code.clone())).collect())
}

/// The codes that one holder holds, sorted.
pub async fn codes_of(tx: &Tx, catalogue: &Catalogue, holder: Holder) -> Result<Vec<String>> {
    let mut codes: Vec<String> =
        grants_of(tx, catalogue, &[holder]).await?.into_iter().map(|(_, code)| code).collect();
    codes.sort();
    Ok(codes)
}

/// Makes `codes` what the holder holds. Nobody can give what he lacks: a code that is added and
/// that the caller does not hold is 403, an unknown one 422. On how many rows the holder will reach
/// with it, and whether the caller does, depends on the holder and is for the module to judge.
pub async fn set_grants(cx: &Cx, holder: Holder, codes: &[String]) -> Result<()> {
    let (tx, catalogue) = (cx.tx()?, cx.app.catalogue());
    let before = codes_of(tx, catalogue, holder).await?;
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
    if let Some(lacking) = added.iter().find(|code| !cx.can(code)) {
        return Err(Error::forbidden(
            "cannot_grant",
            format!("you cannot grant {lacking}, which you do not hold"),
        ));
    }
    write(tx, cx, holder, &wanted).await?;
    let after: Vec<&str> = wanted.into_iter().collect();
    cx.note("permissions", serde_json::json!(before), serde_json::json!(after));
    Ok(())
}

async fn write(tx: &Tx, cx: &Cx, holder: Holder, wanted: &BTreeSet<&str>) -> Result<()> {
    forget(tx, holder).await?;
    let org = tx.require_org()?;
    let rows = wanted.iter().filter_map(|code| {
        let permission = cx.app.catalogue().find(code)?;
        let entry = cx.app.catalogue().entry(permission);
        let (kind, id) = holder.parts();
        Some(entity::ActiveModel {
            id: Set(cx.app.new_id()),
            org_id: Set(org),
            holder_kind: Set(kind.into()),
            holder_id: Set(id),
            scope_type: Set("org".into()),
            scope_id: Set(org),
            module: Set(entry.tuple_module()),
            action: Set(entry.action.clone()),
        })
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
    let (kind, id) = holder.parts();
    let rows = codes.into_iter().map(|permission| {
        let entry = catalogue.entry(permission);
        entity::ActiveModel {
            id: Set(new_id()),
            org_id: Set(org),
            holder_kind: Set(kind.into()),
            holder_id: Set(id),
            scope_type: Set("org".into()),
            scope_id: Set(org),
            module: Set(entry.tuple_module()),
            action: Set(entry.action.clone()),
        }
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
