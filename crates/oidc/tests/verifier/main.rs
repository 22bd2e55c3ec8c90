//! The verifier against issuers: one of these tests, whose keys and answers they control (`issuer`), and a
//! certified implementation in Node (`stand_in`), which is left out, with a word, where Node is not.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod discovery;
mod flood;
mod issuer;
mod outage;
#[path = "../../../../tests/stand_ins/oidc_issuer/process.rs"]
mod process;
mod rotation;
mod signer;
mod stand_in;
mod tokens;
