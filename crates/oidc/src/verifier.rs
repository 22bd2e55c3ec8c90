//! The whole judgement about a token, and the caches of all issuers.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use base::{Clock, Result};
use jsonwebtoken::DecodingKey;
use outbound::GuardedClient;

use crate::{
    Claims, Issuer, State,
    bearer::missing,
    cache::Cache,
    claims,
    keys::Choice,
    token::{Token, refused},
};

/// Verifies access tokens, and holds the keys of the issuers it has seen. Cheap to clone; clones share the
/// keys.
#[derive(Clone)]
pub struct Verifier {
    inner: Arc<Inner>,
}

/// By issuer, then by the configured address of its keys.
type Caches = HashMap<String, HashMap<Option<String>, Arc<Cache>>>;

struct Inner {
    client: GuardedClient,
    clock: Arc<dyn Clock>,
    caches: RwLock<Caches>,
}

impl Verifier {
    /// A verifier without keys: they are fetched when first needed, or by [`Verifier::warm`].
    pub fn new(client: GuardedClient, clock: Arc<dyn Clock>) -> Self {
        Self { inner: Arc::new(Inner { client, clock, caches: RwLock::default() }) }
    }

    /// The claims of a token that `issuer` signed and that holds now. May fetch the issuer's keys, once.
    ///
    /// Errors: 401 `missing_token` for an empty token; 401 `invalid_token` for one that is not valid, in the
    /// same words whatever is wrong with it (the source says what); 503 `jwks_unavailable` with
    /// `Retry-After` when there are no keys to judge it by.
    pub async fn verify(&self, issuer: &Issuer, token: &str) -> Result<Claims> {
        if token.is_empty() {
            return Err(missing());
        }
        let token = Token::read(token)?;
        if !issuer.algorithms.contains(&token.alg) {
            return Err(refused("an algorithm that this issuer may not use"));
        }
        // Before the signature: what would be refused anyway must not cost a fetch.
        let claims = claims::check(token.payload, issuer, self.inner.clock.now())?;
        self.check_signature(issuer, &token).await?;
        Ok(claims)
    }

    /// Fetches the issuer's keys if they are not there or have had their time. For the start, and for a
    /// rhythm of the caller's own, which keeps [`Verifier::state`] from becoming stale without tokens.
    /// Errors: 503 `jwks_unavailable`, after which the product can go on.
    pub async fn warm(&self, issuer: &Issuer) -> Result<()> {
        self.cache(issuer).keys().await.map(drop)
    }

    /// How the issuer's keys stand. Fetches nothing.
    pub fn state(&self, issuer: &Issuer) -> State {
        self.cache(issuer).state()
    }

    /// How many fetches of keys came to something, and how many did not, since the start; of all issuers.
    pub fn fetches(&self) -> (u64, u64) {
        let caches = self.inner.caches.read().unwrap_or_else(PoisonError::into_inner);
        let all = caches.values().flat_map(HashMap::values).map(|cache| cache.fetches());
        all.fold((0, 0), |(done, failed), one| (done + one.0, failed + one.1))
    }

    async fn check_signature(&self, issuer: &Issuer, token: &Token<'_>) -> Result<()> {
        let cache = self.cache(issuer);
        let held = cache.keys().await?;
        let kid = match held.set.choose(token) {
            Choice::Key(key) => return signed(token, key),
            Choice::None(why) => return Err(refused(why)),
            Choice::Unknown(kid) => kid,
        };
        let newer = cache.newer(&held, kid).await.ok_or_else(|| refused("an unknown key id"))?;
        match newer.set.choose(token) {
            Choice::Key(key) => signed(token, key),
            Choice::None(why) => Err(refused(why)),
            Choice::Unknown(_) => Err(refused("an unknown key id")),
        }
    }

    fn cache(&self, issuer: &Issuer) -> Arc<Cache> {
        let caches = self.inner.caches.read().unwrap_or_else(PoisonError::into_inner);
        let known = caches.get(&issuer.issuer).and_then(|places| places.get(&issuer.jwks_url));
        if let Some(cache) = known {
            return Arc::clone(cache);
        }
        drop(caches);
        let mut caches = self.inner.caches.write().unwrap_or_else(PoisonError::into_inner);
        let places = caches.entry(issuer.issuer.clone()).or_default();
        let cache = places.entry(issuer.jwks_url.clone()).or_insert_with(|| {
            let (client, clock) = (self.inner.client.clone(), Arc::clone(&self.inner.clock));
            Arc::new(Cache::new(client, clock, issuer.issuer.clone(), issuer.jwks_url.clone()))
        });
        Arc::clone(cache)
    }
}

fn signed(token: &Token<'_>, key: &DecodingKey) -> Result<()> {
    let message = token.message.as_bytes();
    match jsonwebtoken::crypto::verify(token.signature, message, key, token.alg.library()) {
        Ok(true) => Ok(()),
        _ => Err(refused("the signature")),
    }
}
