//! Layer 1: what leaves the machine.
//!
//! [`mail`] sends letters; [`http`] calls addresses that a user may have typed, without
//! letting them reach into the network the server stands in. Nothing else in the product
//! opens a connection to a host that is not in its own configuration.
//! May import: `base`, lettre, reqwest, rustls, tokio.

pub mod http;
pub mod mail;

pub use http::{GuardedClient, Policy, Purpose, install_crypto_provider};
pub use mail::{Mail, MailSettings, Mailer, TlsMode};
