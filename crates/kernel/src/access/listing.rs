//! Lists of grants to users, whoever holds a tuple, and what ends soon: what is asked of the table of grants
//! beside what one holder may do.
//!
//! May import: the list grammar, the table of grants.

use base::{Error, Id, Result};
use chrono::{DateTime, Utc};
use sea_orm::{
    Condition, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait, Query, SelectStatement},
};
use store::Tx;

use super::{
    Grant, Tuple,
    grant::entity::{Column, Entity, Model},
};
use crate::resource::{self, Filter, ListQuery, Operator, Page, Spec};

/// Ids in one statement.
const CHUNK: usize = 500;

/// What lists of grants are made of: by age, the newest first, without filters of the grammar's own.
pub fn grants_spec() -> Spec {
    Spec::of::<Entity>(Column::Action).sort([Column::Id]).order([(Column::Id, true)])
}

/// Which grants a list is about; what is `None` may be anything.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Held by this user.
    pub user: Option<Id>,
    /// With this type of scope.
    pub scope_type: Option<String>,
    /// In this scope.
    pub scope_id: Option<String>,
    /// Of this module.
    pub module: Option<String>,
    /// Of this action.
    pub action: Option<String>,
    /// Given by this person or program.
    pub granted_by: Option<Id>,
    /// Those that end before this instant.
    pub expires_before: Option<DateTime<Utc>>,
    /// Held by one of several users.
    pub users: Option<Users>,
    /// With one of these types of scope: every one that there is, where only the scope is asked for, so that an
    /// index finds it.
    pub scope_types: Option<Vec<String>>,
    /// Of one of these modules: every one that there is, where only the action is asked for.
    pub modules: Option<Vec<String>>,
}

/// Several users.
#[derive(Clone, Debug)]
pub enum Users {
    /// These: their own grants are read, and no others.
    These(Vec<Id>),
    /// Those whose ids this select gives: the newest grants are looked through for theirs.
    Of(Box<SelectStatement>),
}

impl Asked {
    /// As filters of a list, so that a cursor belongs to them.
    fn filters(&self) -> Vec<Filter> {
        let one = |column: Column, operator: Operator, value: Option<sea_orm::Value>| {
            let column = sea_orm::IdenStatic::as_str(&column);
            value.map(|value| Filter { column, operator, values: vec![value] })
        };
        let text = |text: &Option<String>| text.clone().map(sea_orm::Value::from);
        [
            one(Column::HolderId, Operator::Eq, self.user.map(Into::into)),
            one(Column::ScopeType, Operator::Eq, text(&self.scope_type)),
            one(Column::ScopeId, Operator::Eq, text(&self.scope_id)),
            one(Column::Module, Operator::Eq, text(&self.module)),
            one(Column::Action, Operator::Eq, text(&self.action)),
            one(Column::GrantedById, Operator::Eq, self.granted_by.map(Into::into)),
            one(Column::ExpiresAt, Operator::Lt, self.expires_before.map(Into::into)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// A page of the grants to users in the transaction's organisation that have not ended at `now`. `query`
/// brings the window alone.
pub async fn list_grants(
    tx: &Tx,
    now: DateTime<Utc>,
    mut query: ListQuery,
    asked: &Asked,
) -> Result<(Vec<Grant>, Page)> {
    let spec = grants_spec();
    query.filters = asked.filters();
    let mut select = tx.find::<Entity>().filter(Column::HolderKind.eq("user")).filter(open_at(now));
    if let Some(types) = &asked.scope_types {
        select = select.filter(Column::ScopeType.is_in(types.iter().map(String::as_str)));
    }
    if let Some(modules) = &asked.modules {
        select = select.filter(Column::Module.is_in(modules.iter().map(String::as_str)));
    }
    if asked.user.is_some() || matches!(asked.users, Some(Users::These(_))) {
        // By an order that no index has: a planner that expects a page to fill soon would rather look through
        // all grants by their ids than read those of the few and sort them.
        let down = query.sort.first().is_some_and(|(_, down)| *down);
        query.sort = vec![("granted_at", down)];
    }
    match &asked.users {
        Some(Users::These(ids)) => select = select.filter(Column::HolderId.is_in(ids.iter().copied())),
        Some(Users::Of(users)) => select = select.filter(Column::HolderId.in_subquery((**users).clone())),
        None => {}
    }
    let mut page = resource::paginate(tx, &spec, select.into_query(), &query).await?;
    let rows = std::mem::take(&mut page.rows);
    let rows = rows.iter().map(store::model::<Model>).collect::<Result<Vec<_>>>()?;
    Ok((rows.into_iter().map(Grant::from).collect(), page))
}

fn open_at(now: DateTime<Utc>) -> Condition {
    Condition::any().add(Column::ExpiresAt.is_null()).add(Column::ExpiresAt.gt(now))
}

/// The grants by which roles hold exactly this tuple at `now` in the transaction's organisation.
pub async fn holding_roles(tx: &Tx, now: DateTime<Utc>, tuple: &Tuple) -> Result<Vec<Grant>> {
    let select =
        tx.find::<Entity>().filter(tuple.is().add(Column::HolderKind.eq("role"))).filter(open_at(now));
    Ok(tx.all(select).await?.into_iter().map(Grant::from).collect())
}

/// A select of the ids of users to whom exactly this tuple is granted at `now` in the transaction's
/// organisation, in the column `user_id`.
pub fn holding_users(tx: &Tx, now: DateTime<Utc>, tuple: &Tuple) -> Result<SelectStatement> {
    let condition = tuple.is().add(Column::HolderKind.eq("user")).add(open_at(now));
    let select = Query::select()
        .expr_as(Expr::col(Column::HolderId), "user_id")
        .from(Entity)
        .and_where(Expr::col(Column::OrgId).eq(tx.require_org()?))
        .cond_where(condition)
        .to_owned();
    Ok(select)
}

/// The grants by which these users hold exactly this tuple at `now`.
pub async fn of_users(tx: &Tx, now: DateTime<Utc>, tuple: &Tuple, users: &[Id]) -> Result<Vec<Grant>> {
    let select = tx
        .find::<Entity>()
        .filter(tuple.is().add(Column::HolderKind.eq("user")))
        .filter(Column::HolderId.is_in(users.iter().copied()))
        .filter(open_at(now));
    Ok(tx.all(select).await?.into_iter().map(Grant::from).collect())
}

/// Grants to users of all organisations that end after `now` and not after `until`, of whose end nobody was
/// told yet, holder by holder, those after an organisation's holder. Needs a system transaction.
pub async fn ending(
    tx: &Tx,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
    after: Option<(Id, Id)>,
    limit: u64,
) -> Result<Vec<Grant>> {
    if tx.org().is_some() {
        return Err(Error::internal("what ends is looked for in every organisation"));
    }
    let untold = Condition::any()
        .add(Column::ToldEndAt.is_null())
        .add(Expr::col(Column::ToldEndAt).ne(Expr::col(Column::ExpiresAt)));
    let mut select = tx.find::<Entity>();
    if let Some((org, holder)) = after {
        let same = Condition::all().add(Column::OrgId.eq(org)).add(Column::HolderId.gt(holder));
        select = select.filter(Condition::any().add(Column::OrgId.gt(org)).add(same));
    }
    let select = select
        .filter(Column::HolderKind.eq("user"))
        .filter(Column::ExpiresAt.gt(now))
        .filter(Column::ExpiresAt.lte(until))
        .filter(untold)
        .order_by_asc(Column::OrgId)
        .order_by_asc(Column::HolderId)
        .order_by_asc(Column::Id)
        .limit(limit);
    Ok(tx.all(select).await?.into_iter().map(Grant::from).collect())
}

/// Notes that holders and givers were told of the ends that these grants have. What has another end by now is
/// told of again.
pub async fn mark_told(tx: &Tx, grants: &[&Grant]) -> Result<()> {
    for chunk in grants.chunks(CHUNK) {
        let mut any = Condition::any();
        for grant in chunk {
            let this = Condition::all().add(Column::Id.eq(grant.id));
            any = any.add(this.add(Column::ExpiresAt.eq(grant.terms.expires_at)));
        }
        let mark = Query::update()
            .table(Entity)
            .value(Column::ToldEndAt, Expr::col(Column::ExpiresAt))
            .and_where(Expr::col(Column::OrgId).eq(tx.require_org()?))
            .cond_where(any)
            .to_owned();
        tx.execute(&mark).await?;
    }
    Ok(())
}
