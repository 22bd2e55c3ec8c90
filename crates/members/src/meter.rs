//! What is counted for the operator, in words out of few: nothing that a caller chose becomes a label.

use std::sync::Arc;

use base::{Error, Kind};
use kernel::{
    App,
    port::{MemberCount, Meter},
};

/// Codes of refusals that are counted by themselves; any other is `other`.
const REASONS: [&str; 14] = [
    "account_disabled",
    "client_auth_required",
    "client_disabled",
    "client_expired",
    "client_not_allowed",
    "insufficient_scope",
    "internal_auth_required",
    "invalid_client",
    "invalid_token",
    "missing_token",
    "no_organization",
    "session_ended",
    "sub_taken",
    "user_removed",
];

/// Counts it, where somebody counts.
pub fn count(app: &App, what: MemberCount) {
    if let Ok(meter) = app.service::<Arc<dyn Meter>>() {
        meter.member(what);
    }
}

/// Counts a caller who was not let in; `kind` says how he spoke for himself, `scope` what limits his calls.
pub fn refused(app: &App, kind: &'static str, scope: &'static str, error: &Error) {
    match error.kind() {
        Kind::TooMany if error.code() == "rate_limited" => count(app, MemberCount::RateLimited("failures")),
        Kind::TooMany => count(app, MemberCount::RateLimited(scope)),
        Kind::Unauthenticated | Kind::Forbidden | Kind::Conflict => {
            let reason = REASONS.into_iter().find(|known| *known == error.code()).unwrap_or("other");
            count(app, MemberCount::AuthFailure { kind, reason });
        }
        _ => {}
    }
}
