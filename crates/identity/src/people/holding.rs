//! Members who are looked for: by what they have, by what they are called, by who may see them.
//!
//! May import: `kernel`'s list grammar, `store`, the tables of members and their roles.

use std::collections::{HashMap, HashSet};

use base::{Id, Result, text};
use kernel::{
    Reach, Resource,
    port::{Among, CalledBy, Holding, Holds},
    resource::{ListQuery, Page, paginate},
};
use sea_orm::{
    ColumnTrait, Condition, QueryFilter,
    sea_query::{Alias, Expr, ExprTrait, Func, Query, SelectStatement},
};
use store::{Dialect, Tx};

use super::found;
use crate::{
    entity::{app_user, membership_role, organization},
    resource::{Status, role, user},
};

/// Names in one statement.
const CHUNK: usize = 500;

/// The rows of `membership` that `among` is about; nothing where it is every one.
fn narrowed(tx: &Tx, among: &Among<'_>) -> Option<Condition> {
    let mut all = Condition::all();
    if let Reach::Some { departments, own } = among.reach {
        let mut within = Condition::any().add(Expr::col("department_id").is_in(departments.iter().copied()));
        if *own {
            within = within.add(Expr::col("id").eq(among.who));
        }
        all = all.add(within);
    }
    // Position instead of LIKE: nothing in the text is a wildcard.
    let position = if tx.dialect() == Dialect::Postgres { "strpos" } else { "instr" };
    for word in among.words.iter().filter(|word| !word.is_empty()) {
        let place =
            Func::cust(Alias::new(position)).arg(Expr::col("search_key")).arg(Expr::value(word.as_str()));
        all = all.add(place.gt(0));
    }
    (!all.is_empty()).then_some(all)
}

/// See [`kernel::port::People::among`].
pub(super) fn among(tx: &Tx, among: &Among<'_>) -> Result<Option<SelectStatement>> {
    let Some(narrow) = narrowed(tx, among) else { return Ok(None) };
    let select = Query::select()
        .column("id")
        .from("membership")
        .and_where(Expr::col("org_id").eq(tx.require_org()?))
        .cond_where(narrow)
        .to_owned();
    Ok(Some(select))
}

/// Ids of members who have a permission that are read one by one. Where there are more, members are looked
/// through in their order, which soon fills a page.
const FEW: u64 = 2_000;

/// The ids of whoever has the permission, whether he may work or not: a select for each way to have it.
fn having(tx: &Tx, holding: &Holding, roles: &[role::entity::Model]) -> Result<Vec<SelectStatement>> {
    let org = tx.require_org()?;
    let mut all = vec![holding.users.clone()];
    if !roles.is_empty() {
        let by_role = Query::select()
            .column("user_id")
            .from("membership_role")
            .and_where(Expr::col("org_id").eq(org))
            .and_where(Expr::col("role_id").is_in(roles.iter().map(|role| role.id)))
            .to_owned();
        all.push(by_role);
    }
    Ok(all)
}

/// The members who have the permission, as a condition on `membership`.
async fn holds(tx: &Tx, holding: &Holding, roles: &[role::entity::Model]) -> Result<Condition> {
    let ways = having(tx, holding, roles)?;
    let (mut ids, mut is_few) = (HashSet::new(), true);
    for way in &ways {
        let rows = tx.query_all(&way.clone().limit(FEW + 1).to_owned()).await?;
        for row in &rows {
            ids.insert(store::read::<Id>(row, "user_id")?);
        }
        is_few &= rows.len() as u64 <= FEW && ids.len() as u64 <= FEW;
        if !is_few {
            break;
        }
    }
    let mut any = Condition::any();
    if is_few {
        any = any.add(Expr::col("id").is_in(ids));
    } else {
        for way in ways {
            any = any.add(Expr::col("id").in_subquery(way));
        }
    }
    Ok(if holding.owners { any.add(Expr::col("is_owner").eq(true)) } else { any })
}

/// See [`kernel::port::People::holders`].
pub(super) async fn holders(
    tx: &Tx,
    holding: &Holding,
    among: Among<'_>,
    mut query: ListQuery,
) -> Result<(Vec<Holds>, Page)> {
    let enabled = tx
        .find::<role::entity::Entity>()
        .filter(role::entity::Column::Id.is_in(holding.roles.iter().copied()))
        .filter(role::entity::Column::Status.eq(Status::Enabled));
    let roles = tx.all(enabled).await?;
    let spec = user::User::spec();
    let blocked = Query::select()
        .expr(Expr::val(1))
        .from_as("app_user", "u")
        .and_where(Expr::col(("u", "id")).equals(("membership", "id")))
        .and_where(Expr::col(("u", "disabled_at")).is_not_null())
        .to_owned();
    let mut select = Query::select();
    select
        .columns(<user::entity::Column as sea_orm::Iterable>::iter())
        .from("membership")
        .and_where(Expr::col("org_id").eq(tx.require_org()?))
        .and_where(Expr::col("deleted_at").is_null())
        .and_where(Expr::col("active").eq(true))
        .cond_where(holds(tx, holding, &roles).await?)
        .and_where(Expr::exists(blocked).not());
    if is_closing(tx).await? {
        // An organisation that is about to go is open to its owners only.
        select.and_where(Expr::col("is_owner").eq(true));
    }
    if let Some(narrow) = narrowed(tx, &among) {
        select.cond_where(narrow);
    }
    // There is an index for it.
    query.sort = vec![("username", false)];
    let mut page = paginate(tx, &spec, select, &query).await?;
    let rows = std::mem::take(&mut page.rows);
    let rows = rows.iter().map(store::model::<user::entity::Model>).collect::<Result<Vec<_>>>()?;
    let order: Vec<Id> = rows.iter().map(|row| row.id).collect();
    let mut held = held_of(tx, &order, &roles).await?;
    let people = found(tx, rows).await?;
    let holds = people.into_iter().map(|person| {
        let roles = held.remove(&person.id).unwrap_or_default();
        Holds { person, roles }
    });
    Ok((holds.collect(), page))
}

async fn is_closing(tx: &Tx) -> Result<bool> {
    let home = tx.lookup::<organization::Entity>(tx.require_org()?).await?;
    Ok(home.is_some_and(|home| home.deleting_at.is_some()))
}

/// Which of these roles each of the members has.
async fn held_of(
    tx: &Tx,
    users: &[Id],
    roles: &[role::entity::Model],
) -> Result<HashMap<Id, Vec<(Id, String)>>> {
    let mut held: HashMap<Id, Vec<(Id, String)>> = HashMap::new();
    if roles.is_empty() || users.is_empty() {
        return Ok(held);
    }
    let links = tx
        .find::<membership_role::Entity>()
        .filter(membership_role::Column::UserId.is_in(users.iter().copied()))
        .filter(membership_role::Column::RoleId.is_in(roles.iter().map(|role| role.id)));
    for link in tx.all(links).await? {
        let role = roles.iter().find(|role| role.id == link.role_id);
        held.entry(link.user_id).or_default().extend(role.map(|role| (role.id, role.name.clone())));
    }
    Ok(held)
}

/// See [`kernel::port::People::called`].
pub(super) async fn called(tx: &Tx, by: CalledBy, names: &[String]) -> Result<Vec<(String, Id)>> {
    let mut out = Vec::new();
    for chunk in names.chunks(CHUNK) {
        let mut keys: HashMap<String, Vec<&String>> = HashMap::new();
        for name in chunk {
            keys.entry(text::fold(name)).or_default().push(name);
        }
        let mut known: Vec<(String, Id)> = Vec::new();
        for (key, id) in by_keys(tx, by, &keys).await? {
            known.extend(keys.get(&key).into_iter().flatten().map(|name| ((*name).clone(), id)));
        }
        // Whoever is a member of another organisation only is nobody here.
        let ids = known.iter().map(|(_, id)| *id);
        let here = tx.find::<user::entity::Entity>().filter(user::entity::Column::Id.is_in(ids));
        let here: HashSet<Id> = tx.all(here).await?.into_iter().map(|row| row.id).collect();
        known.retain(|(_, id)| here.contains(id));
        known.sort();
        known.dedup();
        out.extend(known);
    }
    Ok(out)
}

/// The people of these keys, each with his key.
async fn by_keys(tx: &Tx, by: CalledBy, keys: &HashMap<String, Vec<&String>>) -> Result<Vec<(String, Id)>> {
    let all = keys.keys().cloned();
    let accounts = tx.find::<app_user::Entity>();
    Ok(match by {
        CalledBy::Username => {
            let named = tx.all(accounts.filter(app_user::Column::UsernameKey.is_in(all))).await?;
            named.into_iter().map(|account| (account.username_key, account.id)).collect()
        }
        // Unique and folded, unlike what somebody says of himself.
        CalledBy::Email => {
            let proven = tx.all(accounts.filter(app_user::Column::LoginEmail.is_in(all))).await?;
            proven.into_iter().filter_map(|account| Some((account.login_email?, account.id))).collect()
        }
        CalledBy::Claim => {
            let lower = Expr::expr(Func::lower(Expr::col("email")));
            let told = tx.all(tx.find::<user::entity::Entity>().filter(lower.is_in(all))).await?;
            told.into_iter().filter_map(|row| Some((text::fold(&row.email?), row.id))).collect()
        }
    })
}
