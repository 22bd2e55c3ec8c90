//! The verifier against issuers: one of these tests, whose keys and answers they control (`issuer`), and a
//! certified implementation in Node (`stand_in`), which is left out, with a word, where Node is not.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod discovery;
mod flood;
mod issuer;
mod outage;
mod rotation;
mod signer;
mod stand_in;
mod tokens;
