//! Password hashes: Argon2id for what Tenon writes, bcrypt for what it inherits.
//!
//! Hashing is slow on purpose, so it runs on blocking threads behind a semaphore with one
//! permit per core: a flood of sign-ins waits in line and cannot starve other requests. An
//! unknown user costs the same as a wrong password (ASVS 6.3.8).
//! May import: argon2, bcrypt, tokio. The rules for new passwords are in [`super::policy`].

use std::{sync::Arc, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, phc::PasswordHash},
};
use base::{Error, Result, Secret, secret::ExposeSecret};
use tokio::sync::Semaphore;

use super::broken;

/// Memory in KiB, passes and lanes: the OWASP minimum for Argon2id, and RFC 9106 section 4 in spirit.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A stored hash may not make us spend more than this, whoever wrote it.
const MEMORY_KIB_MAX: u32 = 262_144;
const PASSES_MAX: u32 = 16;
const BCRYPT_COST_MAX: u32 = 16;

/// A hash that no password has, with the parameters of real ones: what an unknown user is compared with.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$dGVub25kdW1teXNhbHQwMQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// How long a sign-in waits for its turn before it is told to come back.
const PATIENCE: Duration = Duration::from_secs(10);

/// The outcome of [`Hasher::verify`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the password is the stored one.
    pub matches: bool,
    /// Whether the stored hash should be replaced by [`Hasher::hash`] of the password that just
    /// matched: it is bcrypt, or Argon2 with other parameters. Never true without `matches`.
    pub rehash: bool,
}

/// Hashes and verifies passwords, a bounded number at a time.
#[derive(Clone)]
pub struct Hasher {
    turns: Arc<Semaphore>,
    patience: Duration,
}

impl Default for Hasher {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self::new(cores, PATIENCE)
    }
}

impl Hasher {
    /// A hasher that works on `permits` passwords at a time (at least one) and lets others wait for `patience`.
    pub fn new(permits: usize, patience: Duration) -> Self {
        Self { turns: Arc::new(Semaphore::new(permits.max(1))), patience }
    }

    /// The PHC string of `password` with a fresh salt. The password is taken as it is: not
    /// trimmed, not normalised, not shortened (ASVS 6.2.8).
    pub async fn hash(&self, password: &Secret) -> Result<String> {
        let password = password.clone();
        self.work(move || hash_now(password.expose_secret().as_bytes())).await?
    }

    /// Compares `password` with the stored hash. `None` (no such user) and a stored value that
    /// is no hash at all (an account without a password) take the time of a real comparison
    /// and do not match.
    pub async fn verify(&self, password: &Secret, stored: Option<&str>) -> Result<Verdict> {
        let password = password.clone();
        let stored = stored.map(str::to_owned);
        self.work(move || verify_now(password.expose_secret().as_bytes(), stored.as_deref())).await
    }

    async fn work<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let turn = tokio::time::timeout(self.patience, Arc::clone(&self.turns).acquire_owned())
            .await
            .map_err(|_| Error::unavailable("busy", "too many sign-ins at once").retry_after(5))?
            .map_err(Error::internal)?;
        // The permit travels with the work: a caller that goes away does not free its core.
        let work = tokio::task::spawn_blocking(move || {
            let out = job();
            drop(turn);
            out
        });
        work.await.map_err(Error::internal)
    }
}

fn argon2(params: Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash_now(password: &[u8]) -> Result<String> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| broken("argon2 parameters"))?;
    let salt = base::random::bytes::<16>();
    let hash: PasswordHash =
        argon2(params).hash_password_with_salt(password, &salt).map_err(|_| broken("argon2"))?;
    Ok(hash.to_string())
}

fn verify_now(password: &[u8], stored: Option<&str>) -> Verdict {
    let outcome = match stored {
        Some(hash) if is_bcrypt(hash) => bcrypt_matches(password, hash).map(|matches| (matches, true)),
        Some(hash) => argon2_matches(password, hash),
        None => None,
    };
    let (matches, outdated) = outcome.unwrap_or_else(|| {
        // The result is thrown away; the time it takes is the point.
        std::hint::black_box(argon2_matches(password, NOBODY));
        (false, false)
    });
    Verdict { matches, rehash: matches && outdated }
}

fn is_bcrypt(hash: &str) -> bool {
    ["$2a$", "$2b$", "$2x$", "$2y$"].iter().any(|prefix| hash.starts_with(prefix))
}

/// `None` when nothing was computed. bcrypt reads 72 bytes at most: a longer password is
/// refused and not compared by its beginning.
fn bcrypt_matches(password: &[u8], hash: &str) -> Option<bool> {
    let cost: u32 = hash.get(4..6)?.parse().ok()?;
    if cost > BCRYPT_COST_MAX {
        return None;
    }
    bcrypt::non_truncating_verify(password, hash).ok()
}

/// `None` when nothing was computed; else whether it matches and whether the parameters are not today's.
fn argon2_matches(password: &[u8], stored: &str) -> Option<(bool, bool)> {
    let hash = PasswordHash::new(stored).ok()?;
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
    let version = hash.version.map_or(Some(Version::V0x13), |v| Version::try_from(v).ok())?;
    let params = Params::try_from(&hash).ok()?;
    if params.m_cost() > MEMORY_KIB_MAX || params.t_cost() > PASSES_MAX || params.p_cost() > PASSES_MAX {
        return None;
    }
    let current = algorithm == Algorithm::Argon2id
        && version == Version::V0x13
        && (params.m_cost(), params.t_cost(), params.p_cost()) == (MEMORY_KIB, PASSES, LANES);
    let expected = hash.hash?;
    let mut actual = vec![0; expected.len()];
    Argon2::new(algorithm, version, params).hash_password_into(password, &hash.salt?, &mut actual).ok()?;
    Some((base::secret::same(&actual, expected.as_bytes()), !current))
}
