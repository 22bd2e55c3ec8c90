//! What identity keeps between requests: settings, keys, the hasher, the post office.

use std::{
    sync::{Arc, RwLock},
    time::Duration,
};

use base::{Error, Result, Secret, SecretBytes, secret::ExposeSecret};
use chrono::{DateTime, Utc};
use kernel::App;
use outbound::mail::Mailer;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryOrder};
use store::{Mode, Tx};

use crate::{
    api_key::Uses,
    credential::{
        envelope::EnvelopeKey,
        jwt::{Algorithm, Keyring, SigningKey, VerifyingKey},
        password::Hasher,
        seal::Sealer,
    },
    entity::signing_key,
    mail,
};

/// Settings of sign-in.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `iss` of access tokens.
    pub issuer: String,
    /// Life of an access token.
    pub access: Duration,
    /// Idle life of a session.
    pub refresh_idle: Duration,
    /// Life of a session, however busy.
    pub refresh_absolute: Duration,
    /// How access tokens are signed.
    pub algorithm: Algorithm,
    /// The secret of HS256, and what refresh tokens are derived with.
    pub jwt_secret: Secret,
    /// The secret of HS256 before this one; access tokens that it signed are accepted until they end.
    pub jwt_secret_previous: Option<Secret>,
    /// A private key of the operator's own, for the asymmetric algorithms.
    pub jwt_private_key: Option<Secret>,
    /// Characters of a password (administrators: at least 12).
    pub password_min: usize,
    /// Accept the seeds' raw PKCS#1 v1.5 passwords.
    pub rsa_pkcs1: bool,
    /// Anybody who is signed in may found an organisation.
    pub organization_signup: bool,
    /// Asked for at set-up.
    pub setup_token: Option<Secret>,
}

/// `aud` of access tokens.
pub const AUDIENCE: &str = "tenon";
/// How long a key that signs no more is still accepted.
pub const KEY_OVERLAP: chrono::Duration = chrono::Duration::hours(24);
/// Tokens with unknown key ids make a process read the keys at most once in this time.
const RELOAD_EVERY: chrono::Duration = chrono::Duration::seconds(5);

/// The keys of one moment.
#[derive(Clone)]
pub struct Keys {
    /// Access tokens.
    pub ring: Keyring,
    /// Encrypted passwords; the first one is offered.
    pub envelopes: Arc<Vec<EnvelopeKey>>,
}

/// Identity's service.
pub struct Identity {
    /// Settings.
    pub settings: Settings,
    /// Passwords.
    pub hasher: Hasher,
    /// Secrets at rest.
    pub sealer: Sealer,
    /// Mail.
    pub mailer: Mailer,
    keys: RwLock<Keys>,
    /// When the keys were last read for a token with an unknown key id.
    looked: tokio::sync::Mutex<Option<DateTime<Utc>>>,
    /// Last uses of API keys.
    pub(crate) key_uses: Uses,
}

impl Identity {
    /// Loads the keys, making those that are missing.
    pub async fn open(
        store: &store::Store,
        now: DateTime<Utc>,
        settings: Settings,
        sealer: Sealer,
        mailer: Mailer,
    ) -> Result<Self> {
        let tx = store.begin_system(Mode::Write).await?;
        let keys = load(&tx, now, &settings, &sealer).await?;
        tx.commit().await?;
        Ok(Self {
            settings,
            hasher: Hasher::default(),
            sealer,
            mailer,
            keys: RwLock::new(keys),
            looked: tokio::sync::Mutex::default(),
            key_uses: Uses::default(),
        })
    }

    /// The service of a running application.
    pub fn of(app: &App) -> Result<&Self> {
        app.service::<Self>()
    }

    /// The keys.
    pub fn keys(&self) -> Keys {
        self.keys.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Reads the keys again, so that a rotation on another node is seen. Called by the node's upkeep.
    pub async fn reload(&self, app: &App) -> Result<()> {
        let tx = app.system(Mode::Write).await?;
        let keys = load(&tx, app.now(), &self.settings, &self.sealer).await?;
        tx.commit().await?;
        *self.keys.write().unwrap_or_else(std::sync::PoisonError::into_inner) = keys;
        Ok(())
    }

    /// Reads the keys again for a token that names an unknown one: another node may have made it and
    /// signed with it before this node's upkeep has looked. Whether the key is known now. Made-up
    /// key ids cost one reading in [`RELOAD_EVERY`]; those who come meanwhile wait for it. The
    /// caller holds no transaction.
    pub async fn reload_for_unknown_kid(&self, app: &App, token: &str) -> Result<bool> {
        if !self.keys().ring.misses_key_of(token) {
            return Ok(false);
        }
        let mut looked = self.looked.lock().await;
        if !self.keys().ring.misses_key_of(token) {
            return Ok(true);
        }
        let now = app.now();
        if looked.is_some_and(|at| (now - at).abs() < RELOAD_EVERY) {
            return Ok(false);
        }
        *looked = Some(now);
        tracing::debug!("the keys are read again for a token with an unknown key id");
        self.reload(app).await?;
        Ok(!self.keys().ring.misses_key_of(token))
    }

    /// The key that refresh tokens' successors are derived with.
    pub fn refresh_key(&self) -> &[u8] {
        self.settings.jwt_secret.expose_secret().as_bytes()
    }
}

/// What a key is for.
const SIGN: &str = "sign";
const ENVELOPE: &str = "envelope";

async fn load(tx: &Tx, now: DateTime<Utc>, settings: &Settings, sealer: &Sealer) -> Result<Keys> {
    let rows = tx.all(tx.find::<signing_key::Entity>().order_by_desc(signing_key::Column::CreatedAt)).await?;
    let open = |row: &signing_key::Model| sealer.open(&row.sealed, &context(&row.kid));
    let live = |row: &&signing_key::Model| row.retires_at.is_none_or(|at| now < at);
    let mut envelopes = Vec::new();
    for row in rows.iter().filter(live).filter(|row| row.purpose == ENVELOPE) {
        envelopes.push(EnvelopeKey::from_pkcs8(&open(row)?)?);
    }
    if envelopes.is_empty() {
        let key = tokio::task::spawn_blocking(EnvelopeKey::generate).await.map_err(Error::internal)??;
        keep(tx, now, sealer, ENVELOPE, "RSA-OAEP-256", key.kid(), &key.to_pkcs8()?).await?;
        envelopes.push(key);
    }
    let mut retired: Vec<VerifyingKey> = Vec::new();
    let mut active = configured(settings)?;
    for row in rows.iter().filter(live).filter(|row| row.purpose == SIGN) {
        let key = SigningKey::from_bytes(row.algorithm.parse()?, &open(row)?)?;
        let usable = row.retires_at.is_none() && key.alg() == settings.algorithm;
        if active.is_none() && usable {
            active = Some(key);
        } else {
            retired.push(key.verifying(row.retires_at));
        }
    }
    if settings.algorithm == Algorithm::HS256
        && let Some(previous) = &settings.jwt_secret_previous
    {
        retired.push(hs256(previous)?.verifying(None));
    }
    let active = match active {
        Some(key) => key,
        None => make_signing_key(tx, now, settings.algorithm, sealer).await?,
    };
    retired.retain(|key| key.kid != active.kid());
    Ok(Keys { ring: Keyring::new(active, retired)?, envelopes: Arc::new(envelopes) })
}

/// The key that configuration gives, if it does.
fn configured(settings: &Settings) -> Result<Option<SigningKey>> {
    match (settings.algorithm, &settings.jwt_private_key) {
        (Algorithm::HS256, _) => hs256(&settings.jwt_secret).map(Some),
        (_, Some(pem)) => SigningKey::from_pem(pem.expose_secret()).map(Some),
        _ => Ok(None),
    }
}

fn hs256(secret: &Secret) -> Result<SigningKey> {
    SigningKey::from_bytes(Algorithm::HS256, &SecretBytes::from(secret.expose_secret().as_bytes().to_vec()))
}

fn context(kid: &str) -> String {
    format!("signing_key/sealed/{kid}")
}

async fn make_signing_key(
    tx: &Tx,
    now: DateTime<Utc>,
    algorithm: Algorithm,
    sealer: &Sealer,
) -> Result<SigningKey> {
    let key = tokio::task::spawn_blocking(move || SigningKey::generate(algorithm))
        .await
        .map_err(Error::internal)??;
    keep(tx, now, sealer, SIGN, algorithm.as_str(), key.kid(), key.to_bytes()).await?;
    Ok(key)
}

async fn keep(
    tx: &Tx,
    now: DateTime<Utc>,
    sealer: &Sealer,
    purpose: &str,
    algorithm: &str,
    kid: &str,
    bytes: &SecretBytes,
) -> Result<()> {
    tx.insert(signing_key::ActiveModel {
        kid: Set(kid.to_owned()),
        purpose: Set(purpose.to_owned()),
        algorithm: Set(algorithm.to_owned()),
        sealed: Set(sealer.seal(bytes.expose_secret(), &context(kid))?),
        created_at: Set(now),
        retires_at: Set(None),
    })
    .await
}

/// What [`rotate_keys`] did.
#[derive(Debug)]
pub struct Rotation {
    /// The ids of the new keys.
    pub made: Vec<String>,
    /// How many stored secrets were sealed with another `ENCRYPTION_KEY` and are sealed with today's.
    pub resealed: u64,
}

/// `tenon keys rotate`: a new key signs from now on; the old ones are accepted for [`KEY_OVERLAP`].
/// Also makes a new key for encrypted passwords, and seals again under the current `ENCRYPTION_KEY`
/// whatever lies there under the previous one.
pub async fn rotate_keys(
    tx: &Tx,
    now: DateTime<Utc>,
    settings: &Settings,
    sealer: &Sealer,
) -> Result<Rotation> {
    let retire = signing_key::ActiveModel { retires_at: Set(Some(now + KEY_OVERLAP)), ..Default::default() };
    tx.update_where(retire, Condition::all().add(signing_key::Column::RetiresAt.is_null())).await?;
    let mut made = Vec::new();
    if settings.algorithm != Algorithm::HS256 && settings.jwt_private_key.is_none() {
        made.push(make_signing_key(tx, now, settings.algorithm, sealer).await?.kid().to_owned());
    }
    let key = tokio::task::spawn_blocking(EnvelopeKey::generate).await.map_err(Error::internal)??;
    keep(tx, now, sealer, ENVELOPE, "RSA-OAEP-256", key.kid(), &key.to_pkcs8()?).await?;
    made.push(key.kid().to_owned());
    let gone = Condition::all().add(signing_key::Column::RetiresAt.lt(now));
    tx.delete_where::<signing_key::Entity>(gone).await?;
    let resealed = reseal(tx, sealer).await? + mail::reseal(tx, sealer).await?;
    Ok(Rotation { made, resealed })
}

async fn reseal(tx: &Tx, sealer: &Sealer) -> Result<u64> {
    let mut done = 0;
    let rows = tx.all(tx.find::<signing_key::Entity>()).await?;
    for row in rows.iter().filter(|row| sealer.needs_reseal(&row.sealed)) {
        let plain = sealer.open(&row.sealed, &context(&row.kid))?;
        let sealed = sealer.seal(plain.expose_secret(), &context(&row.kid))?;
        let values = signing_key::ActiveModel { sealed: Set(sealed), ..Default::default() };
        let this = Condition::all().add(signing_key::Column::Kid.eq(row.kid.as_str()));
        done += tx.update_where(values, this).await?;
    }
    Ok(done)
}
