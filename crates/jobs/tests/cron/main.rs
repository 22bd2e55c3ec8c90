//! Cron expressions against committed tables, and their laws as properties.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on must stop")]

mod expressions;
mod laws;
mod tables;
mod words;
