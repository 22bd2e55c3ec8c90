//! The id engine through its public surface, on a real database (`TEST_DATABASE` chooses which).

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod crash;
mod doubt;
mod issuing;
mod journal;
mod kill;
mod limits;
mod names;
mod nodes;
mod raising;
mod redis;
mod repeats;
mod returns;
mod snowflakes;
mod support;
