//! The kinds of hash that a program's key may have: Argon2, bcrypt and, from the service that this one
//! replaces, plain SHA-256. A row may not make the server spend more than it would by itself.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, phc::PasswordHash},
};
use base::{Error, Result};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

/// Memory in KiB, passes and lanes of new hashes: the OWASP minimum for Argon2id.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// What a stored hash may ask for.
const MEMORY_KIB_MAX: u32 = 262_144;
const PASSES_MAX: u32 = 10;
const LANES_MAX: u32 = 8;
const BCRYPT_COST: std::ops::RangeInclusive<u32> = 4..=14;

/// A hash that no key has, with the parameters of real ones.
pub const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$dGVub25kdW1teXNhbHQwMQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// How long a comparison waits for its turn.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// Compares keys, a bounded number at a time, on threads that may block.
pub struct Hasher {
    turns: Arc<Semaphore>,
}

impl Default for Hasher {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { turns: Arc::new(Semaphore::new(cores * 2)) }
    }
}

impl Hasher {
    async fn work<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned())
            .await
            .map_err(|_| Error::unavailable("busy", "too many keys are compared at once").retry_after(5))?
            .map_err(Error::internal)?;
        let work = tokio::task::spawn_blocking(move || {
            let out = job();
            drop(turn);
            out
        });
        work.await.map_err(Error::internal)
    }

    /// Which of the hashes is the key's.
    pub async fn matches(&self, key: &str, hashes: &[String]) -> Result<Option<usize>> {
        let (key, hashes) = (key.to_owned(), hashes.to_vec());
        self.work(move || hashes.iter().position(|hash| matches(key.as_bytes(), hash))).await
    }

    /// The hash of a new key.
    pub async fn hash(&self, key: &str) -> Result<String> {
        let key = key.to_owned();
        self.work(move || {
            let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(broken)?;
            let salt = base::random::bytes::<16>();
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            let hash: PasswordHash = argon2.hash_password_with_salt(key.as_bytes(), &salt).map_err(broken)?;
            Ok(hash.to_string())
        })
        .await?
    }
}

fn broken(cause: impl std::fmt::Display) -> Error {
    Error::internal(format!("argon2: {cause}"))
}

/// Whether keys can be held against it at all.
pub fn is_usable(hash: &str) -> bool {
    sha256_of(hash).is_some() || cost_of(hash).is_some() || argon2_of(hash).is_some()
}

/// Whether a hash is worth to be replaced: it protects keys with much randomness only.
pub fn is_weak(hash: &str) -> bool {
    hash.starts_with("sha256:")
}

fn matches(key: &[u8], hash: &str) -> bool {
    if let Some(stored) = sha256_of(hash) {
        return base::secret::same(&stored, &Sha256::digest(key));
    }
    if cost_of(hash).is_some() {
        // bcrypt reads 72 bytes; a longer key is refused, not compared by its beginning.
        return bcrypt::non_truncating_verify(key, hash).unwrap_or(false);
    }
    argon2_of(hash).is_some_and(|parsed| argon2_matches(key, &parsed))
}

fn sha256_of(hash: &str) -> Option<[u8; 32]> {
    let digits = hash.strip_prefix("sha256:").filter(|digits| digits.len() == 64 && digits.is_ascii())?;
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

fn cost_of(hash: &str) -> Option<u32> {
    if !["$2a$", "$2b$", "$2x$", "$2y$"].iter().any(|prefix| hash.starts_with(prefix)) {
        return None;
    }
    let cost = hash.get(4..6)?.parse().ok()?;
    BCRYPT_COST.contains(&cost).then_some(cost)
}

fn argon2_of(hash: &str) -> Option<PasswordHash> {
    let parsed = PasswordHash::new(hash).ok()?;
    let params = Params::try_from(&parsed).ok()?;
    Algorithm::try_from(parsed.algorithm.as_str()).ok()?;
    let is_bounded =
        params.m_cost() <= MEMORY_KIB_MAX && params.t_cost() <= PASSES_MAX && params.p_cost() <= LANES_MAX;
    (is_bounded && parsed.hash.is_some()).then_some(parsed)
}

fn argon2_matches(key: &[u8], parsed: &PasswordHash) -> bool {
    let (Ok(params), Ok(algorithm)) =
        (Params::try_from(parsed), Algorithm::try_from(parsed.algorithm.as_str()))
    else {
        return false;
    };
    let version = parsed.version.map_or(Some(Version::V0x13), |version| Version::try_from(version).ok());
    let (Some(salt), Some(stored), Some(version)) = (parsed.salt, parsed.hash, version) else { return false };
    let mut computed = vec![0; stored.len()];
    Argon2::new(algorithm, version, params).hash_password_into(key, &salt, &mut computed).is_ok()
        && base::secret::same(&computed, stored.as_bytes())
}
