//! Validators of snapshots: what the caller has already is not sent again.

use std::sync::Arc;

use base::{Id, Result};
use http::{StatusCode, header};
use kernel::{Cx, api::AtHand, port::MemberCount};

use crate::{
    caller,
    internal::{Asked, SnapshotView, view},
    issuer, meter,
    problem::Answered,
    service::Members,
    snapshot::{self, Mark, Snapshot},
};

/// What an answer depends on.
const VARY: &str = "authorization, x-internal-secret";

/// Says what a snapshot is known by and for how long it may be used.
fn validate(cx: &Cx, mark: &Mark) -> Result<()> {
    let settings = &Members::of(&cx.app)?.settings;
    let left = mark.until.map_or(i64::MAX, |until| (until - cx.now()).num_seconds().max(0));
    let max_age = i64::from(settings.max_age).min(left);
    let cache = format!("private, max-age={max_age}, stale-if-error={}", settings.stale_if_error);
    cx.respond_with(header::ETAG, &mark.tag())?;
    cx.respond_with(header::CACHE_CONTROL, &cache)?;
    Ok(())
}

/// The answer to somebody who has it already.
pub fn not_modified<T>(cx: &Cx, mark: &Mark) -> Result<Answered<T>> {
    cx.respond_with(header::VARY, VARY)?;
    validate(cx, mark)?;
    meter::count(&cx.app, MemberCount::SnapshotNotModified);
    Ok(Answered { status: StatusCode::NOT_MODIFIED, body: None })
}

/// What the caller has already.
pub fn known_to(cx: &Cx) -> Option<&str> {
    cx.headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok())
}

/// The answer with its validators, or 304 when the caller has it.
pub fn conditional(
    cx: &Cx,
    of: (Id, &str),
    user: Id,
    snapshot: &Snapshot,
    asked: &Asked,
) -> Result<Answered<SnapshotView>> {
    if asked.is_whole() {
        if known_to(cx).is_some_and(|known| snapshot.mark.is_known_as(known)) {
            return not_modified(cx, &snapshot.mark);
        }
        validate(cx, &snapshot.mark)?;
    }
    cx.respond_with(header::VARY, VARY)?;
    Ok(Answered { status: StatusCode::OK, body: Some(view(cx, of, user, snapshot, asked)?) })
}

/// 304 from memory, to whoever trades freshness for speed (`max_stale=1`) and has what is remembered.
pub fn unchanged(cx: &Cx) -> AtHand<'_, Answered<SnapshotView>> {
    let Some(mark) = remembered(cx) else { return AtHand::No };
    AtHand::Soon(Box::pin(async move {
        caller::internal(cx).await?;
        not_modified(cx, &mark)
    }))
}

fn remembered(cx: &Cx) -> Option<Arc<Mark>> {
    let known = known_to(cx)?;
    Asked::of(cx).ok().filter(|asked| asked.stale && asked.is_whole())?;
    let members = Members::of(&cx.app).ok()?;
    let org = members.home_at_hand()?;
    let issuer = issuer::usual_at_hand(members, org)?;
    let newest = members.heads.at_hand()?;
    let mark = snapshot::mark_at_hand(&cx.app, (org, issuer), cx.text("authentik_sub").ok()?, newest)?;
    Some(mark).filter(|mark| !mark.is_gone && mark.is_known_as(known))
}
