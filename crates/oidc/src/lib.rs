//! Layer 2, an engine: access tokens of other people's OpenID Connect issuers.
//!
//! A [`Verifier`] holds a Bearer token against an [`Issuer`] that the operator trusts, and answers with its
//! [`Claims`] or with 401 `invalid_token`, which never tells what was wrong. The issuer's keys come from its
//! JWK set, through [`outbound::GuardedClient`] for [`outbound::Purpose::Oidc`], and are kept in memory:
//! refreshed ahead of time, fetched again (not often) for an unknown key id, and used for up to a day while
//! the issuer is down. Nothing here writes, and nothing here knows HTTP as a server.
//!
//! After RFC 8725 (best current practices), RFC 9068 (access tokens), RFC 7517 (keys) and OpenID Connect
//! Discovery 1.0. Not supported: encrypted tokens, HMAC, P-521 (`ES512`, which the library does not have),
//! opaque tokens.
//! May import `base` and `outbound`; jsonwebtoken for signatures only.

mod algorithm;
mod bearer;
mod cache;
mod claims;
mod fetch;
mod issuer;
mod keys;
mod state;
mod token;
mod verifier;

pub use algorithm::Algorithm;
pub use bearer::bearer;
pub use claims::Claims;
pub use issuer::Issuer;
pub use state::{Standing, State};
pub use token::unverified_issuer;
pub use verifier::Verifier;
