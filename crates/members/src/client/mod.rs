//! Programs with a key of their own: who they are, what limits them, and how they are kept.

mod admin;
mod admit;
mod dto;
mod hash;
mod keep;
mod manage;

use std::time::Duration;

use base::{Error, Id, Result, Secret, secret::ExposeSecret};
use chrono::{DateTime, TimeDelta, Utc};
use http::HeaderMap;
use kernel::{Api, App, Cx};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter};
use sha2::{Digest, Sha256};
use store::{Mode, Opening, Role};

pub use admit::admit;
pub(crate) use dto::Wish;
pub(crate) use hash::is_usable;
pub(crate) use keep::{CALLS, MAKER, insert, lock};

use crate::{
    entity::client::{ActiveModel, Column, Entity, Model},
    fields::once,
    service::Members,
};

/// What a program may be allowed to do.
pub const SCOPES: [&str; 10] = [
    "permissions:read",
    "permissions:write",
    "users:read",
    "users:write",
    "users:create",
    "catalog:read",
    "catalog:write",
    "audit:read",
    "clients:read",
    "clients:write",
];

/// For how long a key that was proven is taken without the slow comparison.
const TRUST: Duration = Duration::from_secs(60);
/// How often the last use of a key is written.
const USES: TimeDelta = TimeDelta::seconds(60);

/// Routes of the console and of programs.
pub fn mount(api: &mut Api) {
    manage::mount(api);
    admin::mount(api);
}

/// A program as it is kept.
#[derive(Clone, Debug)]
pub struct Client {
    /// The row.
    pub id: Id,
    /// Its organisation.
    pub org: Id,
    /// Its public name.
    pub client_key: String,
    /// Its name to show.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Modules of which it may grant, or `module:action`.
    pub may_grant: Vec<String>,
    /// Calls in a minute; 0 for no limit.
    pub calls_per_minute: i32,
    active: bool,
    expires_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
    allow_origins: Option<Vec<String>>,
    allow_ips: Option<Vec<String>>,
    allow_paths: Option<Vec<String>>,
    /// The hash of the key that it showed, or of its newest one.
    key: Secret,
}

fn list(value: Option<&serde_json::Value>) -> Result<Option<Vec<String>>> {
    value.map(|value| serde_json::from_value(value.clone()).map_err(Error::internal)).transpose()
}

impl Client {
    fn of(row: &Model) -> Result<Self> {
        Ok(Self {
            id: row.id,
            org: row.org_id,
            client_key: row.client_key.clone(),
            name: row.name.clone(),
            scopes: list(row.scopes.as_ref())?.unwrap_or_default(),
            may_grant: list(row.may_grant.as_ref())?.unwrap_or_default(),
            calls_per_minute: row.calls_per_minute,
            active: row.active,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
            allow_origins: list(row.allow_origins.as_ref())?,
            allow_ips: list(row.allow_ips.as_ref())?,
            allow_paths: list(row.allow_paths.as_ref())?,
            key: row.key_hash.clone().into(),
        })
    }

    /// With the key of that hash, which it showed.
    fn with_key(row: &Model, hash: &str) -> Result<Self> {
        Ok(Self { key: hash.to_owned().into(), ..Self::of(row)? })
    }

    /// As its row says now, if the key that it showed counts still.
    ///
    /// Errors: 401 `invalid_client`.
    pub fn renewed(&self, row: Option<&Model>, now: DateTime<Utc>) -> Result<Self> {
        let key = self.key.expose_secret();
        let counts = |row: &&Model| {
            row.id == self.id && (row.key_hash == key || previous(row, now).is_some_and(|hash| hash == key))
        };
        Self::with_key(row.filter(counts).ok_or_else(unproven)?, key)
    }

    /// Whether it may give or take that permission.
    pub fn may_grant(&self, module: &str, action: &str) -> bool {
        self.may_grant.iter().any(|held| held == module || *held == format!("{module}:{action}"))
    }
}

fn unproven() -> Error {
    Error::unauthenticated("invalid_client", "unknown client or wrong key")
}

/// The hash of the key before the newest one, for its time. The time is looked at for every call.
fn previous(row: &Model, now: DateTime<Utc>) -> Option<&str> {
    row.previous_hash.as_deref().filter(|_| row.previous_until.is_some_and(|end| now < end))
}

/// Keys that were proven lately, so that the slow comparison is not made for every request. What was wrong is
/// never remembered.
pub struct Proven {
    keys: moka::sync::Cache<[u8; 32], (Id, String)>,
    salt: [u8; 32],
    hasher: hash::Hasher,
}

impl Default for Proven {
    fn default() -> Self {
        let keys = moka::sync::Cache::builder().max_capacity(10_000).time_to_live(TRUST).build();
        Self { keys, salt: base::random::bytes(), hasher: hash::Hasher::default() }
    }
}

impl Proven {
    /// A name for key and secret that says nothing of either outside of this process.
    fn name(&self, client_key: &str, api_key: &str) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(self.salt);
        digest.update((client_key.len() as u64).to_be_bytes());
        digest.update(client_key.as_bytes());
        digest.update(api_key.as_bytes());
        digest.finalize().into()
    }
}

/// The two headers of a program, each once.
///
/// Errors: 401 `client_auth_required`.
pub fn presented(headers: &HeaderMap) -> Result<(&str, &str)> {
    let required =
        || Error::unauthenticated("client_auth_required", "send X-Client-Key and X-API-Key, each once");
    let fits = |text: &&str| {
        text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
    };
    let client_key = once(headers, "x-client-key").filter(fits).ok_or_else(required)?;
    let visible =
        |text: &&str| (20..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    let api_key = once(headers, "x-api-key").filter(visible).ok_or_else(required)?;
    Ok((client_key, api_key))
}

/// The program whose key this is. An unknown one takes as long as a wrong key.
///
/// Errors: 401 `invalid_client`; 503.
pub async fn prove(cx: &Cx, client_key: &str, api_key: &str) -> Result<Client> {
    let proven = &Members::of(&cx.app)?.proven;
    let tx = cx.app.system(Mode::Read).await?;
    let row = tx.one(tx.find::<Entity>().filter(Column::ClientKey.eq(client_key))).await?;
    tx.commit().await?;
    let name = proven.name(client_key, api_key);
    if let Some(row) = &row
        && let Some((id, hash)) = proven.keys.get(&name)
        && id == row.id
        && (hash == row.key_hash || previous(row, cx.now()) == Some(hash.as_str()))
    {
        return Client::with_key(row, &hash);
    }
    let Some(row) = row else {
        proven.hasher.matches(api_key, &[hash::NOBODY.to_owned()]).await?;
        return Err(unproven());
    };
    let mut hashes = vec![row.key_hash.clone()];
    hashes.extend(previous(&row, cx.now()).map(str::to_owned));
    match proven.hasher.matches(api_key, &hashes).await? {
        Some(at) => {
            proven.keys.insert(name, (row.id, hashes[at].clone()));
            if hash::is_weak(&hashes[at]) {
                tracing::debug!(client = row.client_key, "this client's key has a weak kind of hash");
            }
            Client::with_key(&row, &hashes[at])
        }
        None => {
            // Other kinds of hash are compared faster than nobody's.
            if !row.key_hash.starts_with("$argon2") {
                proven.hasher.matches(api_key, &[hash::NOBODY.to_owned()]).await?;
            }
            Err(unproven())
        }
    }
}

/// Notes the last use, once a minute at most. That it cannot be noted refuses nobody.
pub async fn used(cx: &Cx, client: &Client) {
    if client.last_used_at.is_some_and(|at| cx.now() - at < USES) {
        return;
    }
    let work = async {
        let opening = Opening::new(Role::System, Some(client.org));
        let tx = cx.app.store().begin(Mode::Write, opening).await?;
        let values = ActiveModel { last_used_at: Set(Some(cx.now())), ..Default::default() };
        tx.update_where(values, Condition::all().add(Column::Id.eq(client.id))).await?;
        tx.commit().await
    };
    if let Err(error) = work.await {
        tracing::debug!(?error, "the last use of a client's key could not be noted");
    }
}

/// A new key. To be made before a unit of work begins: its hash takes long.
struct Key {
    /// What is shown once.
    text: String,
    /// Its beginning, to show.
    prefix: String,
    hash: String,
}

impl Key {
    /// Draws one.
    ///
    /// Errors: 503 `busy`.
    async fn draw(app: &App) -> Result<Self> {
        let random = base::random::token();
        let letters: String = random.chars().filter(char::is_ascii_alphanumeric).collect();
        let body = format!("mk_{}_{letters}", if app.settings().dev { "dev" } else { "live" });
        let sum: String =
            Sha256::digest(body.as_bytes()).iter().take(3).map(|b| format!("{b:02x}")).collect();
        let text = format!("{body}_{sum}");
        let hash = Members::of(app)?.proven.hasher.hash(&text).await?;
        Ok(Self { prefix: text.chars().take(12).collect(), text, hash })
    }

    /// Makes it the newest key of a row.
    fn open(&self, row: &mut Model) {
        row.key_hash.clone_from(&self.hash);
        row.key_prefix.clone_from(&self.prefix);
    }
}
