//! `POST /api/members/{user_id}/offboard`: everything that a member has of the organisation ends at once.

use base::{Error, Result};
use kernel::{
    Cx, Json,
    access::{self, Holder},
    audit::{self, Event},
};
use serde_json::{Value, json};

use super::{
    dto::RoleView,
    judge::member,
    wish::{Offboarded, Offboarding},
};
use crate::{
    permission::change::{Author, Told, detail},
    service::people,
};

/// The permission.
const OFFBOARD: &str = "members:member:offboard";
/// The savepoint of a dry run.
const POINT: &str = "offboard";
/// Tuples that an entry of the trail names.
const NAMED: usize = 500;

/// `POST /api/members/{user_id}/offboard`. A dry run does the same and takes it back.
pub async fn offboard(cx: &Cx, wish: Offboarding) -> Result<Json<Offboarded>> {
    let tx = cx.tx()?;
    cx.lock_access().await?;
    let person = member(cx, OFFBOARD, cx.id("user_id")?).await?;
    if person.id == cx.actor()?.id {
        let detail = "you cannot offboard yourself; leave the organisation instead";
        return Err(Error::conflict("own_membership", detail));
    }
    if person.owner && !cx.is_owner()? {
        return Err(Error::forbidden("owner_only", "only an owner may do this to an owner"));
    }
    if wish.dry_run {
        tx.savepoint(POINT).await?;
    }
    let done = perform(cx, &wish, person.id, &person.username).await;
    if wish.dry_run && done.is_ok() {
        tx.back_to_savepoint(POINT).await?;
        tx.release_savepoint(POINT).await?;
    }
    done.map(Json)
}

async fn perform(cx: &Cx, wish: &Offboarding, user: base::Id, name: &str) -> Result<Offboarded> {
    let (tx, now, holder) = (cx.tx()?, cx.now(), Holder::User(user));
    let (grants, _) = access::held_tuples(tx, now, &[holder]).await?;
    access::forget(tx, holder).await?;
    let departure = people(&cx.app)?.offboard(&cx.app, tx, user, wish.disable).await?;
    let mut told = Told::default();
    for grant in &grants {
        told.add(user, "revoked", Some(detail(cx, grant)));
    }
    told.add(user, if departure.disabled { "user_disabled" } else { "membership_changed" }, None);
    told.tell(tx, now).await?;
    let roles: Vec<RoleView> = departure.roles.into_iter().map(|(id, name)| RoleView { id, name }).collect();
    let tuples: Vec<_> = grants.iter().take(NAMED).map(|grant| &grant.tuple).collect();
    let author = Author::person(cx)?;
    let event = Event::new(OFFBOARD, "identity.user")
        .target(user, name)
        .change("reason", Value::Null, json!(wish.reason))
        .change("grants", json!(grants.len()), json!(0))
        .change("permissions", json!(tuples), Value::Null)
        .change("roles", json!(roles), json!([]))
        .change("is_owner", json!(departure.owner), json!(false))
        .change("sessions", json!(departure.sessions), json!(0))
        .change("api_keys", json!(departure.api_keys), json!(0))
        .change("disabled", json!(false), json!(departure.disabled));
    audit::write(tx, now, author.who, &cx.origin, event).await?;
    Ok(Offboarded {
        grants: grants.len(),
        roles,
        sessions: departure.sessions,
        api_keys: departure.api_keys,
        disabled: departure.disabled,
        was_owner: departure.owner,
    })
}
