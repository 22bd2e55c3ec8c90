//! What members may do, against a server that fails as it is told, and against a real one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fake;
mod feed;
mod real;
mod snapshots;
mod webhooks;

use tenon_id::members::{Error, Members, Reason};

use crate::fake::Tuple;

/// Whether a member may.
async fn may(members: &Members, sub: &str, (scope_type, scope_id, module, action): Tuple) -> bool {
    members.allowed(sub, scope_type, scope_id, module, action).await.unwrap()
}

/// Why he may not.
async fn why(members: &Members, sub: &str, (scope_type, scope_id, module, action): Tuple) -> Reason {
    match members.require(sub, scope_type, scope_id, module, action).await.unwrap_err() {
        Error::Denied { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}
