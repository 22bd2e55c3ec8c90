//! Who asks: a sister system with the shared secret, or a program with a key of its own.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use base::{Error, Id, Result, Secret, secret::ExposeSecret};
use kernel::{
    ActorKind, Cx,
    audit::{self, Event, Who},
    port::MemberCount,
};
use sha2::{Digest, Sha256};
use store::{Mode, Opening, Role, Tx};

use crate::{call, client, entity, fields::once, issuer, meter, service::Members};

/// Failed attempts of one client address in a minute.
const FAILURES: u64 = 20;

/// A program that was recognised.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The organisation that it acts in.
    pub org: Id,
    /// The issuer whose names it uses.
    pub issuer: Id,
    /// As journals name it.
    pub name: String,
    /// The row of a program with a key of its own.
    pub client: Option<client::Client>,
}

impl Caller {
    /// As the audit trail names it.
    pub fn who(&self) -> Who {
        Who { kind: ActorKind::ApiKey, id: self.client.as_ref().map(|one| one.id), name: self.name.clone() }
    }

    /// 403 unless it has the scope.
    pub fn require(&self, scope: &str) -> Result<()> {
        match &self.client {
            Some(client) if !client.scopes.iter().any(|held| held == scope) => {
                Err(Error::forbidden("insufficient_scope", format!("this needs the scope {scope}")))
            }
            _ => Ok(()),
        }
    }

    /// The same as it is now, its row locked until the transaction ends. Between the recognition and a change
    /// it may have been switched off, limited or given another key, and whoever did that counts on it.
    ///
    /// Errors: 401 `invalid_client`; 403 as [`program`].
    pub async fn again(&self, cx: &Cx, tx: &Tx, scope: &str) -> Result<Self> {
        let ids = self.client.iter().map(|client| client.id).collect();
        self.renewed(cx, client::lock(tx, ids).await?.first(), scope)
    }

    /// As [`Self::again`], with the row that was read.
    pub fn renewed(&self, cx: &Cx, row: Option<&entity::client::Model>, scope: &str) -> Result<Self> {
        let Some(client) = &self.client else { return Ok(self.clone()) };
        let client = client.renewed(row, cx.now())?;
        client::admit(cx, &client)?;
        let caller = Self { client: Some(client), ..self.clone() };
        caller.require(scope).map(|()| caller)
    }
}

/// Failures of client addresses within a minute, on this node.
#[derive(Default)]
pub struct Failures {
    minute: Mutex<(i64, HashMap<String, Attempts>)>,
}

#[derive(Default)]
struct Attempts {
    failed: u64,
    /// Those that are not decided yet: many at once are as many, and a busy back office has many good ones.
    open: u64,
}

/// Addresses that are counted; what a minute with more brings is not counted by address.
const ADDRESSES: usize = 100_000;
/// Undecided attempts of one address.
const OPEN: u64 = 200;

impl Failures {
    fn with<T>(&self, cx: &Cx, look: impl FnOnce(&mut HashMap<String, Attempts>, String) -> T) -> T {
        let minute = cx.now().timestamp().div_euclid(60);
        let mut held = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        if held.0 != minute {
            *held = (minute, HashMap::new());
        }
        look(&mut held.1, cx.origin.network())
    }

    /// Begins an attempt, unless the address has failed too often.
    fn begin(&self, cx: &Cx) -> Result<()> {
        self.with(cx, |counts, address| {
            if counts.len() >= ADDRESSES && !counts.contains_key(&address) {
                return Ok(());
            }
            let attempts = counts.entry(address).or_default();
            if attempts.failed >= FAILURES {
                let detail = "too many failed attempts; wait a minute";
                return Err(Error::too_many("rate_limited", detail).retry_after(60));
            }
            if attempts.open >= OPEN {
                return Err(Error::unavailable("busy", "too many calls at once").retry_after(1));
            }
            attempts.open += 1;
            Ok(())
        })
    }

    /// Ends it.
    fn end(&self, cx: &Cx, has_failed: bool) {
        self.with(cx, |counts, address| {
            if let Some(attempts) = counts.get_mut(&address) {
                attempts.open = attempts.open.saturating_sub(1);
                attempts.failed += u64::from(has_failed);
            }
        });
    }
}

fn digest(secret: &[u8]) -> [u8; 32] {
    Sha256::digest(secret).into()
}

/// A sister system with `X-Internal-Secret`.
///
/// Errors: 401 `internal_auth_required`, the same whether it is missing or wrong; 429; 503.
pub async fn internal(cx: &Cx) -> Result<Caller> {
    let found = sister(cx).await;
    if let Err(error) = &found {
        meter::refused(&cx.app, "internal", "internal", error);
    }
    found
}

async fn sister(cx: &Cx) -> Result<Caller> {
    let members = Members::of(&cx.app)?;
    let refused = || Error::unauthenticated("internal_auth_required", "send X-Internal-Secret");
    members.internal_failures.begin(cx)?;
    let shown = once(&cx.headers, "x-internal-secret").map(|text| digest(text.as_bytes()));
    let settings = &members.settings;
    let is = |secret: &Option<Secret>| {
        let known = secret.as_ref().map(|secret| digest(secret.expose_secret().as_bytes()));
        // Both are compared always, so that nothing tells which one it was.
        base::secret::same(&known.unwrap_or([0; 32]), &shown.unwrap_or([1; 32])) && known.is_some()
    };
    let (current, previous) = (is(&settings.internal_secret), is(&settings.internal_secret_previous));
    let previous = previous & settings.internal_secret_previous_until.is_none_or(|end| cx.now() < end);
    let is_known = current | previous;
    members.internal_failures.end(cx, !is_known);
    if !is_known {
        return Err(refused());
    }
    meter::count(&cx.app, MemberCount::InternalSecret(if current { "current" } else { "previous" }));
    if settings.internal_calls > 0 {
        cx.app.limit("members:internal:calls", settings.internal_calls, Duration::from_secs(60)).await?;
    }
    let org = members.home(&cx.app).await?;
    let issuer = issuer::usual(&cx.app, org).await?;
    Ok(Caller { org, issuer, name: "internal".to_owned(), client: None })
}

/// A program with `X-Client-Key` and `X-API-Key` that has the scope. The checks are those of the specification
/// (members, section 6), in its order.
///
/// Errors: 401 `client_auth_required`, `invalid_client`; 403 `client_disabled`, `client_expired`,
/// `client_not_allowed`, `insufficient_scope`; 429; 503.
pub async fn program(cx: &Cx, scope: &str) -> Result<Caller> {
    let found = recognise(cx, scope).await;
    if let Err(error) = &found {
        meter::refused(&cx.app, "client", "client", error);
    }
    found
}

async fn recognise(cx: &Cx, scope: &str) -> Result<Caller> {
    let failures = &Members::of(&cx.app)?.client_failures;
    let (client_key, api_key) = client::presented(&cx.headers)?;
    failures.begin(cx)?;
    let proven = client::prove(cx, client_key, api_key).await;
    failures.end(cx, proven.as_ref().is_err_and(|error| error.code() == "invalid_client"));
    let client = proven?;
    cx.keep(call::By { org: client.org, client: client.id });
    let caller = Caller {
        org: client.org,
        issuer: issuer::usual(&cx.app, client.org).await?,
        name: format!("{} ({})", client.name, client.client_key),
        client: Some(client.clone()),
    };
    let allowed = client::admit(cx, &client).and_then(|()| caller.require(scope));
    if let Err(error) = allowed {
        denied(cx, &caller, &error).await;
        return Err(error);
    }
    let calls = u64::try_from(client.calls_per_minute).unwrap_or(0);
    if calls > 0 {
        cx.app.limit(&format!("members:calls:{}", client.id), calls, Duration::from_secs(60)).await?;
    }
    client::used(cx, &client).await;
    Ok(caller)
}

/// Leaves an entry about a program that was refused, ten a minute at most.
pub(crate) async fn denied(cx: &Cx, caller: &Caller, error: &Error) {
    let key = format!("members:denied:{}", caller.name);
    if cx.app.limit(&key, 10, Duration::from_secs(60)).await.is_err() {
        return;
    }
    let mut event = Event::new("members:client:refused", "members.client").change(
        "code",
        serde_json::Value::Null,
        error.code().into(),
    );
    event.outcome = Some("denied");
    event.target_id = caller.client.as_ref().map(|client| client.id);
    event.target_name.clone_from(&caller.name);
    let work = async {
        let opening = Opening::new(Role::System, Some(caller.org));
        let tx = cx.app.store().begin(Mode::Write, opening).await?;
        audit::write(&tx, cx.now(), caller.who(), &cx.origin, event).await?;
        tx.commit().await
    };
    if let Err(error) = work.await {
        tracing::warn!(?error, "a refused program could not be written down");
    }
}
