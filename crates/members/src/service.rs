//! What this module keeps between requests.

use std::sync::{Arc, OnceLock};

use base::{Error, Id, Result, Secret};
use chrono::{DateTime, Utc};
use kernel::{App, Cx, port::People};
use oidc::Verifier;
use store::{Mode, Opening, Role, Tx};

use crate::{call::Calls, caller::Failures, client::Proven, head::Heads, relay::Relay, snapshot::Snapshots};

/// For how long another node may use the issuer that an organisation had before.
const USUAL: std::time::Duration = std::time::Duration::from_secs(5);

/// For how long a profile that was told of is not compared again.
const TOLD: std::time::Duration = std::time::Duration::from_secs(300);

/// Settings of the authority.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What internal callers show (`INTERNAL_SHARED_SECRET`); without it their routes answer 401.
    pub internal_secret: Option<Secret>,
    /// What they showed before, while it is being replaced.
    pub internal_secret_previous: Option<Secret>,
    /// From when on that one is taken no more.
    pub internal_secret_previous_until: Option<DateTime<Utc>>,
    /// Calls of all sister systems in a minute; 0 for no limit.
    pub internal_calls: u64,
    /// The issuer whose tokens are believed from the start, in the first organisation (`AUTHENTIK_ISSUER`).
    pub issuer: Option<oidc::Issuer>,
    /// The Authentik whose users are kept (`AUTHENTIK_BASE_URL`), if there is one.
    pub authentik: Option<::authentik::Settings>,
    /// For how many seconds a snapshot may be used without asking again.
    pub max_age: u32,
    /// For how many more while this server cannot be reached.
    pub stale_if_error: u32,
    /// Days before its end at which a grant's holder and giver are told of it; 0: never.
    pub remind_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            internal_secret: None,
            internal_secret_previous: None,
            internal_secret_previous_until: None,
            internal_calls: 6_000,
            issuer: None,
            authentik: None,
            max_age: 300,
            stale_if_error: 3_600,
            remind_days: 7,
        }
    }
}

/// The service: a value of the application.
pub struct Members {
    pub(crate) settings: Settings,
    pub(crate) heads: Heads,
    pub(crate) snapshots: Snapshots,
    pub(crate) proven: Proven,
    pub(crate) calls: Calls,
    pub(crate) internal_failures: Failures,
    pub(crate) client_failures: Failures,
    pub(crate) verifier: Verifier,
    pub(crate) relay: Relay,
    /// The issuer whose names an organisation's programs use, for some seconds.
    pub(crate) usual: moka::sync::Cache<Id, Id>,
    /// Profiles that issuers told of lately, by the row of the name.
    pub(crate) told: moka::sync::Cache<(Id, Option<String>, Option<String>), ()>,
    home: OnceLock<Id>,
}

impl Members {
    /// Puts it together.
    pub fn new(settings: Settings, verifier: Verifier) -> Self {
        Self {
            settings,
            heads: Heads::default(),
            snapshots: Snapshots::default(),
            proven: Proven::default(),
            calls: Calls::default(),
            internal_failures: Failures::default(),
            client_failures: Failures::default(),
            verifier,
            relay: Relay::default(),
            usual: moka::sync::Cache::builder().max_capacity(10_000).time_to_live(USUAL).build(),
            told: moka::sync::Cache::builder().max_capacity(50_000).time_to_live(TOLD).build(),
            home: OnceLock::new(),
        }
    }

    /// That of an application.
    pub fn of(app: &App) -> Result<&Self> {
        app.service::<Self>()
    }

    /// The same as [`Self::home`], once it is known.
    pub(crate) fn home_at_hand(&self) -> Option<Id> {
        self.home.get().copied()
    }

    /// The organisation of callers that belong to the installation: the first one.
    ///
    /// Errors: 503 `not_initialized` before the set-up.
    pub(crate) async fn home(&self, app: &App) -> Result<Id> {
        if let Some(home) = self.home_at_hand() {
            return Ok(home);
        }
        let first = app.directory().home(app).await?;
        let first = first.ok_or_else(|| {
            Error::unavailable("not_initialized", "the first set-up was not done yet").retry_after(10)
        })?;
        Ok(*self.home.get_or_init(|| first))
    }
}

/// The people of the application.
pub(crate) fn people(app: &App) -> Result<&Arc<dyn People>> {
    app.service::<Arc<dyn People>>()
}

/// A unit of work that reads an organisation.
pub(crate) async fn reading(app: &App, org: Id) -> Result<Tx> {
    app.store().begin(Mode::Read, Opening::new(Role::App, Some(org))).await
}

/// Begins a unit of work that changes an organisation and its people.
pub(crate) async fn begin(cx: &Cx, org: Id) -> Result<Tx> {
    cx.app.store().begin(Mode::Write, Opening::new(Role::System, Some(org))).await
}

/// Ends it: commits what was done. `None` when it lost a lock and is worth another try.
pub(crate) async fn settle<T>(tx: Tx, outcome: Result<T>, tries: &mut usize) -> Result<Option<T>> {
    *tries += 1;
    match outcome {
        Ok(done) => tx.commit().await.map(|()| Some(done)),
        Err(error) => {
            let _ = tx.rollback().await;
            // Two first calls for one name meet at its uniqueness; the second one then finds it.
            let is_race = error.is_retryable() || error.code() == "conflict";
            if is_race && *tries < 3 { Ok(None) } else { Err(error) }
        }
    }
}

/// Does a unit of work in an organisation, again when it lost a lock, and commits what it did.
macro_rules! writing {
    ($cx:expr, $org:expr, $tx:ident => $work:expr) => {{
        let mut tries = 0;
        loop {
            let $tx = $crate::service::begin($cx, $org).await?;
            let outcome: base::Result<_> = async { $work }.await;
            if let Some(done) = $crate::service::settle($tx, outcome, &mut tries).await? {
                break done;
            }
        }
    }};
}
pub(crate) use writing;
