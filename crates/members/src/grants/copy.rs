//! `POST /api/members/{user_id}/copy-grants`: a member gets the direct grants that another one has, as far as
//! the caller may give them.

use base::{Error, Result, Timestamp};
use kernel::{
    Cx, Json,
    access::{self, Grant, Holder},
    audit::{self, Event},
    port::Person,
};
use serde_json::{Value, json};

use super::{
    judge::{CHANGE, Case, Judge, LIST, is_refusal, member, told as said},
    wish::{Copied, CopyOutcome, Copying, NotCopied},
};
use crate::permission::change::{self, Author, Change, Told, Until};

/// The savepoint of a dry run.
const POINT: &str = "copy";
/// Tuples that an entry of the trail names.
const NAMED: usize = 500;

/// `POST /api/members/{user_id}/copy-grants`. A dry run does the same and takes it back.
pub async fn copy(cx: &Cx, wish: Copying) -> Result<Json<CopyOutcome>> {
    let tx = cx.tx()?;
    let judge = Judge::begin(cx).await?;
    let to = member(cx, CHANGE, cx.id("user_id")?).await?;
    if wish.from_user_id == to.id {
        let message = "is the member who is to have them";
        return Err(Error::field("from_user_id", "invalid_value", message));
    }
    // Whoever copies learns what the other one has.
    let from = member(cx, LIST, wish.from_user_id).await.map_err(|error| match error.code() {
        "not_found" => {
            let message = "is no member of this organisation whom you reach";
            Error::field("from_user_id", "unknown_reference", message)
        }
        _ => error,
    })?;
    if wish.dry_run {
        tx.savepoint(POINT).await?;
    }
    let done = perform(cx, judge, &wish, &from, &to).await;
    if wish.dry_run && done.is_ok() {
        tx.back_to_savepoint(POINT).await?;
        tx.release_savepoint(POINT).await?;
    }
    done.map(Json)
}

async fn perform(
    cx: &Cx,
    mut judge: Judge<'_>,
    wish: &Copying,
    from: &Person,
    to: &Person,
) -> Result<CopyOutcome> {
    let (tx, now, author) = (cx.tx()?, cx.now(), Author::person(cx)?);
    let (mut grants, _) = access::held_tuples(tx, now, &[Holder::User(from.id)]).await?;
    let (has, _) = access::held_tuples(tx, now, &[Holder::User(to.id)]).await?;
    let is_wanted =
        |grant: &Grant| wish.scope_types.as_ref().is_none_or(|types| types.contains(&grant.tuple.scope_type));
    grants.retain(is_wanted);
    grants.sort_by(|a, b| a.tuple.cmp(&b.tuple));
    let mut outcome = CopyOutcome { added: Vec::new(), already: 0, refused: Vec::new() };
    let mut told = Told::default();
    for grant in grants {
        if has.iter().any(|held| held.tuple == grant.tuple) {
            outcome.already += 1;
            continue;
        }
        let until = grant.terms.expires_at.filter(|_| wish.keep_expiry).map_or(Until::Ever, Until::At);
        let gives = Some(until);
        match judge.check(Case { place: "", user: to.id, tuple: &grant.tuple, gives }).await {
            Ok(_) => {}
            Err(error) if is_refusal(&error) => {
                let (code, detail) = said(&error);
                outcome.refused.push(NotCopied { tuple: grant.tuple, code, detail });
                continue;
            }
            Err(error) => return Err(error),
        }
        let reason = wish.reason.as_deref().or(grant.terms.reason.as_deref());
        let change = Change { user: to.id, tuple: &grant.tuple, gives, reason };
        let made = change::carry_out(cx, tx, &author, change, &mut told).await?;
        let expires_at = made.grant.and_then(|grant| grant.terms.expires_at).map(Timestamp);
        outcome.added.push(Copied { tuple: grant.tuple, expires_at });
    }
    told.tell(tx, now).await?;
    if !outcome.added.is_empty() {
        let event = Event::new("members:permission:copy", "identity.user")
            .target(to.id, to.username.clone())
            .change("from", Value::Null, json!({ "id": from.id, "username": from.username }))
            .change("added", Value::Null, json!(outcome.added.len()))
            .change("permissions", Value::Null, json!(outcome.added.iter().take(NAMED).collect::<Vec<_>>()))
            .change("reason", Value::Null, json!(wish.reason));
        audit::write(tx, now, author.who, &cx.origin, event).await?;
    }
    Ok(outcome)
}
