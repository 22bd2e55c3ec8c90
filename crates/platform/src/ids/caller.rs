//! Who asks for ids: somebody with a name, or a client address.

use base::{Error, Id, Result};
use kernel::{Cx, port::CredentialKind};
use store::Mode;

/// A caller.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The organisation whose keys he means.
    pub org: Id,
    /// As the journal names him.
    pub name: String,
    /// He has shown nothing.
    pub is_anonymous: bool,
}

impl Caller {
    /// One who shows nothing, known by his network.
    pub fn anonymous(cx: &Cx, org: Id) -> Self {
        let network = cx.origin.network();
        let name = if network.is_empty() { "anonymous".to_owned() } else { format!("anonymous {network}") };
        Self { org, name, is_anonymous: true }
    }

    /// Whether the request carries an API key.
    pub fn shows_key(cx: &Cx) -> bool {
        let bearer = |value: &http::HeaderValue| {
            let text = value.to_str().unwrap_or_default();
            text.split_once(' ').is_some_and(|(_, token)| token.trim().starts_with("tnk_"))
        };
        cx.headers.contains_key("x-api-key")
            || cx.headers.get(http::header::AUTHORIZATION).is_some_and(bearer)
    }

    /// One who must be somebody with the permission.
    ///
    /// Errors: 401; 403 without the permission or the organisation.
    pub async fn known(cx: &Cx, permission: &str, mode: Mode) -> Result<Self> {
        let own = cx.as_caller(mode).await?;
        let mut own = own.ok_or_else(|| Error::unauthenticated("unauthenticated", "sign in first"))?;
        own.require(permission)?;
        let caller = Self::of(&own)?;
        own.commit().await?;
        Ok(caller)
    }

    /// The caller of a route that knows him.
    ///
    /// Errors: 403 without an organisation.
    pub fn of(cx: &Cx) -> Result<Self> {
        let actor = cx.actor()?;
        let none = || Error::forbidden("no_organization", "choose an organisation first");
        let name = match actor.credential {
            CredentialKind::Key(id) => format!("{} (key {id})", actor.username),
            CredentialKind::Session(_) | CredentialKind::Delegated => actor.username.clone(),
        };
        Ok(Self { org: actor.org.ok_or_else(none)?, name, is_anonymous: false })
    }

    /// By what name his use is limited; none for all who have no name.
    pub fn limited_as(&self) -> Option<&str> {
        if self.is_anonymous { None } else { Some(&self.name) }
    }
}
