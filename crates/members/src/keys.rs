//! How the keys of the issuers that are believed stand: for readiness and metrics, and kept fresh by every
//! node for itself, so that no token waits for them.

use std::time::Duration;

use base::Result;
use futures_util::{StreamExt, stream};
use kernel::App;
use oidc::Standing;

use crate::{issuer, service::Members};

/// Issuers that are asked at once.
const AT_ONCE: usize = 8;

/// The keys of all issuers together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IssuerKeys {
    /// The worst of them; `ok` as well where nobody is believed.
    pub standing: Standing,
    /// The age of the oldest.
    pub oldest: Option<Duration>,
    /// Fetches that came to something since the start.
    pub fetched: u64,
    /// Those that did not.
    pub failed: u64,
}

/// How they stand on this node. Fetches none.
pub async fn issuer_keys(app: &App) -> Result<IssuerKeys> {
    let verifier = &Members::of(app)?.verifier;
    let states: Vec<_> = issuer::believed(app).await?.iter().map(|one| verifier.state(one)).collect();
    let any = |standing| states.iter().any(|state| state.standing == standing);
    let standing = match () {
        () if any(Standing::Empty) => Standing::Empty,
        () if any(Standing::Stale) => Standing::Stale,
        () => Standing::Ok,
    };
    let (fetched, failed) = verifier.fetches();
    Ok(IssuerKeys { standing, oldest: states.iter().filter_map(|state| state.age).max(), fetched, failed })
}

/// Fetches those that have had their time. An issuer that is down is told by [`issuer_keys`].
pub async fn warm_issuers(app: &App) -> Result<()> {
    let verifier = &Members::of(app)?.verifier;
    let issuers = issuer::believed(app).await?;
    stream::iter(&issuers)
        .for_each_concurrent(AT_ONCE, |issuer| async move {
            if let Err(error) = verifier.warm(issuer).await {
                tracing::debug!(?error, issuer = issuer.issuer, "an issuer's keys could not be fetched");
            }
        })
        .await;
    Ok(())
}
