//! The client against a double of the admin API: what it does there (`users`), what it makes of trouble
//! (`troubles`), and that both sides keep to Authentik's published contract (`contract`), which is left out,
//! with a word, where Node is not.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod contract;
#[path = "../../../../tests/stand_ins/authentik/double.rs"]
mod double;
mod support;
mod troubles;
mod users;
