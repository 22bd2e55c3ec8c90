//! Proofs of identity: passwords, opaque tokens, signed tokens, the sign-in envelope, secrets at rest.
//!
//! Pure of HTTP and SQL: every function takes values and gives values, so that each rule is
//! tested without a server. May import: `base`, cryptography crates and tokio. All
//! cryptography is aws-lc's, except Argon2 and bcrypt (RustCrypto).

pub mod envelope;
mod jwk;
pub mod jwt;
pub mod password;
mod pem;
pub mod policy;
pub mod seal;
pub mod token;

use aws_lc_rs::digest;
use base::Error;

/// SHA-256 (FIPS 180-4).
fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

/// A failure of the cryptographic library where none is expected.
#[track_caller]
fn broken(what: &'static str) -> Error {
    Error::internal(what)
}
