//! What the id service keeps between requests.

use std::sync::{Arc, OnceLock};

use base::{Error, Id, Result, Secret};
use connector::Connector;
use idgen::Engine;
use jobs::Vault;
use kernel::{App, Cx};
use store::{Mode, Opening, Role, Tx};

use super::{first_use::Turnstiles, gate::Gate};

/// Who may have ids over the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AllocateAuth {
    /// Anybody who reaches the server, in the name of the first organisation.
    #[default]
    None,
    /// Holders of an API key, or people who are signed in, with `ids:key:allocate`.
    Key,
}

impl AllocateAuth {
    /// As configured and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Key => "key",
        }
    }
}

/// The service: a value of the application.
pub struct Ids {
    engine: Engine,
    connector: Connector,
    vault: Arc<dyn Vault>,
    auth: AllocateAuth,
    home: OnceLock<Id>,
    pub(super) gate: Gate,
    pub(super) turnstiles: Turnstiles,
}

impl Ids {
    /// Puts it together.
    pub fn new(engine: Engine, connector: Connector, vault: Arc<dyn Vault>, auth: AllocateAuth) -> Self {
        Self {
            engine,
            connector,
            vault,
            auth,
            home: OnceLock::new(),
            gate: Gate::default(),
            turnstiles: Turnstiles::default(),
        }
    }

    /// That of an application.
    pub fn of(app: &App) -> Result<&Self> {
        app.service::<Self>()
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
    pub(super) fn connector(&self) -> &Connector {
        &self.connector
    }
    /// Who may have ids over the wire.
    pub fn auth(&self) -> AllocateAuth {
        self.auth
    }

    /// The organisation of callers without a name.
    ///
    /// Errors: 503 `not_initialized` before the set-up.
    pub(super) async fn home(&self, app: &App) -> Result<Id> {
        if let Some(home) = self.home.get() {
            return Ok(*home);
        }
        let first = app.directory().home(app).await?;
        let first = first.ok_or_else(|| {
            Error::unavailable("not_initialized", "the first set-up was not done yet").retry_after(10)
        })?;
        Ok(*self.home.get_or_init(|| first))
    }

    /// The same, once it was asked for.
    pub(super) fn known_home(&self) -> Option<Id> {
        self.home.get().copied()
    }

    /// A password as it is stored.
    pub(super) fn seal(&self, password: &Secret) -> Result<String> {
        use base::secret::ExposeSecret;
        self.vault.seal(password.expose_secret().as_bytes(), PURPOSE)
    }
    /// The password again.
    pub(super) fn open(&self, sealed: &str) -> Result<Secret> {
        let plain = String::from_utf8(self.vault.open(sealed, PURPOSE)?).map_err(Error::internal)?;
        Ok(plain.into())
    }
    /// The same password under today's key, if it lies under another one.
    pub(super) fn reseal(&self, sealed: &str) -> Result<Option<String>> {
        if self.vault.is_stale(sealed) { self.seal(&self.open(sealed)?).map(Some) } else { Ok(None) }
    }
}

/// What passwords of databases are sealed for.
const PURPOSE: &str = "ids.database";

/// The organisation that a caller works in. The routes of this module begin their own units of work: the
/// engine has its own, and an embedded database has one writer.
pub(super) fn org(cx: &Cx) -> Result<Id> {
    let none = || Error::forbidden("no_organization", "choose an organisation first");
    cx.actor()?.org.ok_or_else(none)
}

/// A unit of work that reads the caller's organisation.
pub(super) async fn reading(cx: &Cx) -> Result<Tx> {
    cx.app.store().begin(Mode::Read, Opening::new(Role::App, Some(org(cx)?))).await
}

/// A unit of work that changes it.
pub(super) fn writing(cx: &Cx) -> Result<Opening> {
    Ok(Opening::new(Role::App, Some(org(cx)?)))
}
