//! The one integration binary: everything with HTTP or SQL, in process, on the database that
//! `TEST_DATABASE` names.

#![recursion_limit = "256"]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on must stop")]

mod account_flows;
mod contract;
mod credential;
mod credential_envelope;
mod credential_jwt;
mod escalation;
mod idempotency;
mod identity_flows;
mod kernel_rules;
mod retention;
mod session_rules;
mod support;
mod sweep;
mod tenancy;
