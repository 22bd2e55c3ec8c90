//! `GET /api/member-grants/who-can`: everybody who may do one thing, owners and holders of roles included, and
//! why.

use base::{Id, Result};
use kernel::{
    Cx, Json,
    access::{self, Grant, Holder, ORG, Tuple},
    port::{Among, Holding},
    resource::{ListQuery, Page},
};

use super::{
    dto::{HolderView, Holders, Origin, RoleView, WhoCanQuery, window},
    judge::LIST,
    named,
};
use crate::{fields::check_tuple, service::people};

/// Whether a tuple is one of the product's own permissions in the transaction's organisation, which owners have
/// without a grant; `None` where no member of an organisation can have it.
fn is_own(cx: &Cx, tuple: &Tuple) -> Result<Option<bool>> {
    if tuple.scope_type != ORG || tuple.scope_id != cx.org()?.to_string() {
        return Ok(Some(false));
    }
    let catalogue = cx.app.catalogue();
    Ok(match catalogue.find_tuple(&tuple.module, &tuple.action) {
        Some(permission) if catalogue.entry(permission).is_platform() => None,
        found => Some(found.is_some()),
    })
}

/// `GET /api/member-grants/who-can`.
pub async fn who_can(cx: &Cx) -> Result<Json<Holders>> {
    let (tx, now) = (cx.tx()?, cx.now());
    let query = ListQuery::parse_with(&access::grants_spec(), &cx.query_pairs(), &WhoCanQuery::NAMES)?;
    let window = window(&query);
    let tuple = cx.query::<WhoCanQuery>()?.tuple();
    check_tuple("", &tuple)?;
    let (own, reach) = (is_own(cx, &tuple)?, cx.reach(LIST)?);
    let Some(has_owners) = own else {
        let none = Page { rows: Vec::new(), total: Some(0), capped: false, next_cursor: None };
        return Ok(Json(Holders::of(window, none, Vec::new())));
    };
    let roles = access::holding_roles(tx, now, &tuple).await?;
    let role_of = |grant: &Grant| match grant.holder {
        Holder::Role(id) => Some(id),
        Holder::User(_) => None,
    };
    let holding = Holding {
        owners: has_owners,
        roles: roles.iter().filter_map(role_of).collect(),
        users: access::holding_users(tx, now, &tuple)?,
    };
    let among = Among { reach: &reach, who: cx.actor()?.id, words: &[] };
    let (holders, found) = people(&cx.app)?.holders(tx, &holding, among, query).await?;
    let ids: Vec<Id> = holders.iter().map(|one| one.person.id).collect();
    let direct = access::of_users(tx, now, &tuple, &ids).await?;
    let givers = named(cx, &[direct.clone(), roles.clone()].concat()).await?;
    let items = holders.into_iter().map(|holder| {
        let mut origins = Vec::new();
        if holding.owners && holder.person.owner {
            origins.push(Origin::owner());
        }
        for (id, name) in holder.roles {
            let grants = roles.iter().filter(|grant| grant.holder == Holder::Role(id));
            origins.extend(
                grants.map(|grant| Origin::of(grant, Some(RoleView { id, name: name.clone() }), &givers)),
            );
        }
        let own = direct.iter().filter(|grant| grant.holder == Holder::User(holder.person.id));
        origins.extend(own.map(|grant| Origin::of(grant, None, &givers)));
        HolderView { user: (&holder.person).into(), origins }
    });
    let items = items.collect();
    Ok(Json(Holders::of(window, found, items)))
}
