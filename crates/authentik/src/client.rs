//! One attempt, several attempts, and what may be done when Authentik does not answer.

use std::{fmt, sync::Arc, time::Duration};

use base::{Clock, Error, Result, Secret, secret::ExposeSecret};
use outbound::{
    GuardedClient, Purpose,
    http::{Answer, Call, HeaderMap, Method, header},
};
use serde_json::Value;
use tokio::time::sleep;

use crate::{
    SubMode,
    breaker::Breaker,
    trouble::{self, Trouble},
    turn::Turns,
};

/// The time for one answer, connecting included. Connecting alone is bounded by `outbound`.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest answer that is read: a page of users with everything that is kept about them.
const BODY_MAX: usize = 8 * 1024 * 1024;
/// The pauses before a question is asked again.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];

/// Where Authentik is, and as whom it is asked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its address, below which `/api/v3/` is; a slash at the end does not matter.
    pub base_url: String,
    /// A token of the intent `api`.
    pub token: Secret,
    /// How its tokens call users.
    pub sub_mode: SubMode,
    /// The id of the stage that mails links for a new password.
    pub recovery_stage: Option<String>,
    /// The time for one answer; `None` is ten seconds.
    pub timeout: Option<Duration>,
}

impl Settings {
    /// Those of an installation, everything else as usual.
    pub fn new(base_url: impl Into<String>, token: Secret) -> Self {
        let (base_url, sub_mode) = (base_url.into(), SubMode::default());
        Self { base_url, token, sub_mode, recovery_stage: None, timeout: None }
    }
}

/// Whether Authentik answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// As far as is known.
    Ok,
    /// It has failed several times in a row a short while ago.
    Down,
}

impl Standing {
    /// The word for readiness checks.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Down => "down",
        }
    }
}

/// The admin API of one installation. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    http: GuardedClient,
    /// With `/api/v3`, without a slash at the end.
    root: String,
    settings: Settings,
    breaker: Breaker,
    turns: Turns,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("root", &self.shared.root).finish_non_exhaustive()
    }
}

impl Client {
    /// A client. Nothing is asked yet.
    ///
    /// Errors: 422 `invalid_setting` for a token that cannot stand in a header.
    pub fn new(http: GuardedClient, clock: Arc<dyn Clock>, settings: Settings) -> Result<Self> {
        let root = format!("{}/api/v3", settings.base_url.trim_end_matches('/'));
        authorization(&settings.token)?;
        let shared = Shared { http, root, settings, breaker: Breaker::new(clock), turns: Turns::default() };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// How tokens call users.
    pub fn sub_mode(&self) -> SubMode {
        self.shared.settings.sub_mode
    }

    /// The stage that mails links for a new password.
    pub(crate) fn recovery_stage(&self) -> Option<&str> {
        self.shared.settings.recovery_stage.as_deref()
    }

    /// Whether it answers, as far as is known without asking.
    pub fn standing(&self) -> Standing {
        if self.shared.breaker.is_open() { Standing::Down } else { Standing::Ok }
    }

    pub(crate) fn turns(&self) -> &Turns {
        &self.shared.turns
    }

    /// A text without the token, whoever may have put it there.
    pub(crate) fn hide(&self, text: &str) -> String {
        text.replace(self.shared.settings.token.expose_secret(), "***")
    }

    /// Asks; twice more where that may help. `path` begins with a slash and ends with one, or with a query.
    pub(crate) async fn get(&self, path: &str) -> Result<Answer, Trouble> {
        let permit = self.admit()?;
        let mut pauses = PAUSES.iter();
        let outcome = loop {
            match self.attempt(Method::GET, path, None).await {
                Err(trouble) if trouble.may_pass() => match pauses.next() {
                    Some(pause) => sleep(*pause).await,
                    None => break Err(trouble),
                },
                outcome => break outcome,
            }
        };
        permit.end(outcome.is_ok());
        outcome
    }

    /// Tells, once: what was told may have been done although no answer came.
    pub(crate) async fn tell(&self, method: Method, path: &str, body: &Value) -> Result<Answer, Trouble> {
        let permit = self.admit()?;
        let outcome = self.attempt(method, path, Some(body)).await;
        permit.end(outcome.is_ok());
        outcome
    }

    fn admit(&self) -> Result<crate::breaker::Permit<'_>, Trouble> {
        self.shared.breaker.admit().map_err(|seconds| Trouble::Shut(trouble::unavailable(seconds)))
    }

    async fn attempt(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, Trouble> {
        let shared = &self.shared;
        let mut call = Call {
            timeout: shared.settings.timeout.unwrap_or(TIMEOUT),
            body_max: BODY_MAX,
            ..Call::new(method, format!("{}{path}", shared.root))
        };
        let prepared = authorization(&shared.settings.token).map(|mut headers| {
            headers.insert(header::ACCEPT, header::HeaderValue::from_static("application/json"));
            headers
        });
        call.headers = prepared.map_err(Trouble::Unreachable)?;
        if let Some(body) = body {
            let json = header::HeaderValue::from_static("application/json");
            call.headers.insert(header::CONTENT_TYPE, json);
            call.body = body.to_string().into_bytes().into();
        }
        Trouble::of(shared.http.send(Purpose::Authentik, call).await)
    }
}

/// The header that says who asks, marked so that nothing prints it.
fn authorization(token: &Secret) -> Result<HeaderMap> {
    let value = header::HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()));
    let mut value = value.map_err(|_| {
        Error::invalid("invalid_setting", "AUTHENTIK_ADMIN_TOKEN has characters that no header may have")
    })?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(header::AUTHORIZATION, value)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_prints_the_token() {
        let token = "very-secret-token";
        let settings = Settings::new("https://sso.example/", token.to_owned().into());
        let headers = authorization(&settings.token).unwrap();
        let http = GuardedClient::new(outbound::Policy::default());
        let client = Client::new(http, Arc::new(base::SystemClock), settings.clone()).unwrap();
        let all = format!("{settings:?} {headers:?} {client:?} {}", client.hide("a very-secret-token b"));
        assert!(!all.contains(token), "{all}");
        assert!(all.contains("https://sso.example/api/v3"));
        let broken = Settings::new("https://sso.example/", "a\nb".to_owned().into());
        let http = GuardedClient::new(outbound::Policy::default());
        let error = Client::new(http, Arc::new(base::SystemClock), broken).unwrap_err();
        assert_eq!(error.code(), "invalid_setting");
    }
}
