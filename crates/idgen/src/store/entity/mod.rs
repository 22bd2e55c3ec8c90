//! The tables that others may read: keys, leases, the journal.

pub mod generator;
pub mod key;
pub mod lease;
pub mod line;
