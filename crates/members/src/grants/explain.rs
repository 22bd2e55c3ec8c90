//! `GET /api/members/{user_id}/access`: what a member may do and why: the same that other systems are told in
//! his snapshot, with where each permission comes from.

use std::collections::BTreeMap;

use base::{Result, Timestamp};
use chrono::{DateTime, Utc};
use kernel::{
    Cx, Json,
    access::{self, Grant, Holder, ORG, Standing, Tuple},
};

use super::{
    dto::{AccessQuery, AccessView, Origin, PermissionView, RoleView},
    judge::{LIST, member},
    named, words,
};
use crate::snapshot;

/// When the last of several reasons ends; `None`: never.
fn last(ends: impl Iterator<Item = Option<DateTime<Utc>>>) -> Option<DateTime<Utc>> {
    ends.reduce(|one, other| Some(one?.max(other?))).flatten()
}

/// The grants by which a member has something, those that count.
fn counted(cx: &Cx, grants: Vec<Grant>) -> Result<Vec<Grant>> {
    let (org, catalogue) = (cx.org()?.to_string(), cx.app.catalogue());
    let counts = |grant: &Grant| {
        let is_own = grant.tuple.scope_type == ORG && grant.tuple.scope_id == org;
        let permission = catalogue.find_tuple(&grant.tuple.module, &grant.tuple.action);
        !(is_own && permission.is_some_and(|one| catalogue.entry(one).is_platform()))
    };
    Ok(grants.into_iter().filter(counts).collect())
}

/// By which ways a permission comes, and until when by each.
type Reasons = Vec<(Origin, Option<DateTime<Utc>>)>;

async fn reasons(cx: &Cx, user: base::Id, standing: &Standing) -> Result<BTreeMap<Tuple, Reasons>> {
    let (tx, org) = (cx.tx()?, cx.org()?);
    let mut found: BTreeMap<Tuple, Reasons> = BTreeMap::new();
    if standing.owner {
        for (_, entry) in cx.app.catalogue().iter().filter(|(_, entry)| !entry.is_platform()) {
            found.entry(Tuple::own(org, entry)).or_default().push((Origin::owner(), None));
        }
    }
    let mut holders: Vec<Holder> = standing.roles.iter().map(|role| Holder::Role(role.id)).collect();
    holders.push(Holder::User(user));
    let (held, _) = access::held_tuples(tx, cx.now(), &holders).await?;
    let held = counted(cx, held)?;
    let givers = named(cx, &held).await?;
    for grant in held {
        let role = match grant.holder {
            Holder::User(_) => None,
            Holder::Role(id) => {
                let role = standing.roles.iter().find(|role| role.id == id);
                Some(RoleView { id, name: role.map(|role| role.name.clone()).unwrap_or_default() })
            }
        };
        let origin = Origin::of(&grant, role, &givers);
        found.entry(grant.tuple).or_default().push((origin, grant.terms.expires_at));
    }
    Ok(found)
}

fn fits(query: &AccessQuery, words: &[String], one: &PermissionView) -> bool {
    let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
    let tuple = &one.tuple;
    if !is(&query.scope_type, &tuple.scope_type) || !is(&query.module, &tuple.module) {
        return false;
    }
    let names = one.origins.iter().filter_map(|origin| origin.role.as_ref()).map(|role| role.name.as_str());
    let parts = [&tuple.scope_type, &tuple.scope_id, &tuple.module, &tuple.action].map(String::as_str);
    let text = base::text::fold(&parts.into_iter().chain(names).collect::<Vec<_>>().join("\u{1f}"));
    words.iter().all(|word| text.contains(word))
}

/// `GET /api/members/{user_id}/access`.
pub async fn access(cx: &Cx) -> Result<Json<AccessView>> {
    let query: AccessQuery = cx.query()?;
    let words = words(query.search.as_deref())?;
    let person = member(cx, LIST, cx.id("user_id")?).await?;
    let tx = cx.tx()?;
    let standing = cx.app.directory().standing(tx, person.id).await?.filter(|_| person.active);
    let found = match &standing {
        Some(standing) => reasons(cx, person.id, standing).await?,
        None => BTreeMap::new(),
    };
    let permission = |(tuple, reasons): (Tuple, Reasons)| PermissionView {
        tuple,
        expires_at: last(reasons.iter().map(|(_, end)| *end)).map(Timestamp),
        origins: reasons.into_iter().map(|(origin, _)| origin).collect(),
    };
    let permissions = found.into_iter().map(permission).filter(|one| fits(&query, &words, one)).collect();
    Ok(Json(AccessView {
        user: (&person).into(),
        is_owner: person.owner,
        version: snapshot::version(&cx.app, tx, cx.org()?, person.id).await?,
        permissions,
    }))
}
