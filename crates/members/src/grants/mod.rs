//! Who may do what, seen and changed by people who are signed in: lists of grants, who can do something, what a
//! member may do and why, changes, offboarding, copies, files.
//!
//! Changes go through [`crate::permission::change`], as those of programs do; who may make them is for
//! [`judge`] to say. Nobody sees or changes grants of members whom he does not reach.

mod batch;
mod copy;
mod dto;
mod explain;
mod export;
mod import;
mod judge;
mod offboard;
mod remind;
mod who_can;
mod wish;

use std::collections::HashMap;

use base::{Error, Id, Result, Timestamp};
use kernel::{
    Api, Cx, Json,
    access::{self, Asked, Grant, GranterKind, Holder, Users},
    port::{Among, Person},
    resource::{ListQuery, Page},
};
use serde_json::json;

pub use self::remind::{RemindOfEnds, Reminded, remind};
use self::{
    dto::{AccessQuery, GRANT_QUERY, GiverView, GrantQuery, GrantView, Listed, WhoCanQuery, window},
    judge::LIST,
};
use crate::{service::people, term::Terms};

/// Bytes of a file that is imported, as elsewhere.
const FILE: usize = 16 * 1024 * 1024;
/// Members whose own grants are read; where more of them are asked for, the newest grants are looked through.
const FEW: u64 = 2_000;

/// Routes.
pub fn mount(api: &mut Api) {
    let mut grants = api.guarded("members", "grant");
    grants
        .get("list", "/api/member-grants", "Grants to members, the newest first", list)
        .query::<GrantQuery>()
        .lists(&access::grants_spec());
    grants
        .get("who_can", "/api/member-grants/who-can", "Who can do this, and why", who_can::who_can)
        .needs(LIST)
        .query::<WhoCanQuery>();
    grants
        .get("export", "/api/member-grants/export", "Grants to members as a CSV file", export::export)
        .needs(LIST)
        .query::<GrantQuery>()
        .answers(200, vec![("text/csv".to_owned(), json!({ "type": "string" }))]);
    grants
        .post("change", "/api/member-grants/batch", "Give and take several permissions", batch::batch)
        .example(json!({ "operations": [{
            "op": "grant", "user_id": "0199e0a0-0000-7000-8000-000000000001", "scope_type": "shop",
            "scope_id": "7", "module": "mkt", "action": "read", "reason": "cover for Ann", "expires_at": null,
        }] }));
    grants
        .act("import", "/api/member-grants/import", "Give and take what a file says", import::import)
        .needs(judge::CHANGE)
        .query::<import::ImportQuery>()
        .table(FILE);
    let mut members = api.guarded("members", "member");
    members
        .get("access", "/api/members/{user_id}/access", "What a member may do, and why", explain::access)
        .needs(LIST)
        .query::<AccessQuery>()
        .problems(&[404]);
    members
        .post(
            "copy_grants",
            "/api/members/{user_id}/copy-grants",
            "Give a member what another one has",
            copy::copy,
        )
        .needs(judge::CHANGE)
        .problems(&[404]);
    members
        .post(
            "offboard",
            "/api/members/{user_id}/offboard",
            "Take everything from a member",
            offboard::offboard,
        )
        .problems(&[404, 409]);
}

/// The words that are searched for; 422 for a text that is too long.
fn words(search: Option<&str>) -> Result<Vec<String>> {
    let Some(text) = search else { return Ok(Vec::new()) };
    if text.chars().count() > 200 || text.contains('\0') {
        return Err(Error::field("search", "invalid_value", "must have at most 200 characters, none U+0000"));
    }
    let words = base::text::fold(text);
    Ok(words.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect())
}

/// What a query asks for, as far as the caller reaches with `members:grant:list`.
async fn asked(cx: &Cx, query: GrantQuery) -> Result<Asked> {
    let (tx, reach) = (cx.tx()?, cx.reach(LIST)?);
    let words = words(query.search.as_deref())?;
    let among = Among { reach: &reach, who: cx.actor()?.id, words: &words };
    let users = match people(&cx.app)?.among(tx, &among)? {
        Some(select) => {
            let few = select.clone().limit(FEW + 1).to_owned();
            let rows = tx.query_all(&few).await?;
            let ids: Vec<Id> = rows.iter().map(|row| store::read(row, "id")).collect::<Result<_>>()?;
            Some(if ids.len() as u64 <= FEW { Users::These(ids) } else { Users::Of(Box::new(select)) })
        }
        None => None,
    };
    let names = async |kind: &str, is_asked: bool| -> Result<Option<Vec<String>>> {
        if is_asked { Ok(Some(Terms::read(&cx.app, tx).await?.names(kind))) } else { Ok(None) }
    };
    Ok(Asked {
        scope_types: names("scope_type", query.scope_id.is_some() && query.scope_type.is_none()).await?,
        modules: names("module", query.action.is_some() && query.module.is_none()).await?,
        user: query.user_id,
        scope_type: query.scope_type,
        scope_id: query.scope_id,
        module: query.module,
        action: query.action,
        granted_by: query.granted_by,
        expires_before: query.expires_before,
        users,
    })
}

/// A page of grants, with the people whom they name.
async fn page(cx: &Cx, query: ListQuery, asked: &Asked) -> Result<(Vec<GrantView>, Page)> {
    let (grants, page) = access::list_grants(cx.tx()?, cx.now(), query, asked).await?;
    let people = named(cx, &grants).await?;
    let view = |grant: Grant| {
        let Holder::User(user) = grant.holder else { return None };
        Some(GrantView {
            id: grant.id,
            user: people.get(&user)?.into(),
            granted_by: grant.terms.granted_by.as_ref().map(|granter| GiverView::of(granter, &people)),
            tuple: grant.tuple,
            reason: grant.terms.reason,
            expires_at: grant.terms.expires_at.map(Timestamp),
            created_at: grant.granted_at.map(Timestamp),
        })
    };
    Ok((grants.into_iter().filter_map(view).collect(), page))
}

/// The people whom grants name: who holds them, who gave them.
async fn named(cx: &Cx, grants: &[Grant]) -> Result<HashMap<Id, Person>> {
    let givers = grants.iter().filter_map(|grant| {
        let giver = grant.terms.granted_by.as_ref()?;
        giver.id.filter(|_| giver.kind == GranterKind::User)
    });
    let holders = grants.iter().filter_map(|grant| match grant.holder {
        Holder::User(user) => Some(user),
        Holder::Role(_) => None,
    });
    let mut ids: Vec<Id> = givers.chain(holders).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut people_by_id = HashMap::new();
    for chunk in ids.chunks(500) {
        let found = people(&cx.app)?.find(cx.tx()?, chunk).await?;
        people_by_id.extend(found.into_iter().map(|person| (person.id, person)));
    }
    Ok(people_by_id)
}

/// `GET /api/member-grants`.
async fn list(cx: &Cx) -> Result<Json<Listed<GrantView>>> {
    let query = ListQuery::parse_with(&access::grants_spec(), &cx.query_pairs(), &GRANT_QUERY)?;
    let (window, asked) = (window(&query), asked(cx, cx.query()?).await?);
    let (items, found) = page(cx, query, &asked).await?;
    Ok(Json(Listed::of(window, found, items)))
}
