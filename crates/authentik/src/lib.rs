//! Layer 2, an engine: users of an Authentik installation, through its admin API.
//!
//! A [`Client`] calls the few routes that are needed, through [`outbound::GuardedClient`] for
//! [`outbound::Purpose::Authentik`]; [`Client::ensure`] makes a user be as he is wished, and
//! [`Client::page`] goes through all of them. Nothing here knows a database or HTTP as a server, and nothing
//! is kept but whether Authentik answers at all (`breaker`).
//!
//! Errors: 502 `authentik_error` when it refuses, or answers with what cannot be read; 504
//! `authentik_timeout`; 503 `authentik_unavailable`, with `Retry-After`, when it cannot be reached or has not
//! answered a while. The token is in none of them, nor in the log.
//!
//! After the OpenAPI document of Authentik 2026.8 (members, section 12.2). Unknown members of answers are
//! passed over and unknown values of enumerations kept as they are, so that a newer server stays readable.
//! May import `base` and `outbound`.

mod breaker;
mod call;
mod client;
mod ensure;
mod find;
mod sub_mode;
mod trouble;
mod turn;
mod user;

pub use client::{Client, Settings, Standing};
pub use ensure::{Ensured, Known, Progress, Wish};
pub use sub_mode::SubMode;
pub use user::{Page, User};
