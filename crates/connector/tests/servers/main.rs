//! The connector against servers: real ones for PostgreSQL and MySQL/MariaDB (`TEST_POSTGRES_URL`,
//! `TEST_MYSQL_URL`; without its variable, a server's tests pass without doing anything), and for all
//! products peers that hang, refuse, or speak another protocol.
//!
//! PostgreSQL lets everybody in from 127.0.0.1 where this runs, so its wrong password is told by a small
//! peer of these tests. SQL Server is a peer of these tests altogether (`tds`); of Oracle there is none, and
//! the tests reach as far as its listener's answer.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod hostile;
mod mysql;
mod oracle;
mod pipe;
mod postgres;
mod sqlserver;
mod support;
mod tds;
