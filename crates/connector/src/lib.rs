//! Layer 2, an engine: the tables, keys and highest ids of databases that belong to other people.
//!
//! The id service asks it what a target holds before it issues ids for it. A [`Target`] says where a
//! database server is and who signs in; a [`Connector`] reaches it within [`Limits`] and only at addresses
//! that the operator's outbound policy allows; a [`Session`] reads one database. Nothing here writes.
//!
//! How far it is verified: PostgreSQL 15 and MariaDB 10.11 by tests on real servers; MySQL itself speaks the
//! same protocol and was not at hand, so the form of its time limit is tested as text only. SQL Server by a
//! peer of the tests that speaks its protocol, with TLS 1.2 and without: signing in, rows, errors, silence;
//! what the statements find in a real catalogue is unverified, and tested as text. Oracle up to its
//! listener's answer (refusals, redirects, silence); signing in and every statement are unverified, and the
//! statements are tested as text. Oracle's driver is a beta.
//! May import `base` and `outbound`; sqlx, tiberius and oracledb each in the file of their product.

mod connector;
mod dialect;
mod failure;
mod limits;
mod name;
mod product;
mod session;
mod table;
mod target;
mod wire;

pub use connector::{Connector, DatabaseReading, Probe, Reading, TableReading};
pub use limits::Limits;
pub use product::Product;
pub use session::Session;
pub use table::{Column, Found, Integer, KeyOf, Table};
pub use target::Target;
