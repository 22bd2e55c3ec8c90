//! The job engine through its public surface, on a real database (`TEST_DATABASE` chooses which).

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod flood;
mod flows;
mod kill;
mod leases;
mod life;
mod limits;
mod model;
mod outage;
mod process;
mod schedules;
mod support;
