//! The job engine through its public surface, on a real database (`TEST_DATABASE` chooses which).

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod flows;
mod life;
mod limits;
mod support;
