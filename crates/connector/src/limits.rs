//! How long and how much a target is read.

use std::time::Duration;

/// Bounds for one target. A server that hangs never holds the caller longer than `connect`, `statement`
/// (plus [`Limits::GRACE`]) or `total`, whichever ends first.
#[derive(Clone, Debug)]
pub struct Limits {
    /// For resolving the name, connecting and signing in, together.
    pub connect: Duration,
    /// For one statement. The server is told where it understands such a limit.
    pub statement: Duration,
    /// For everything that one [`Session`](crate::Session) does, counted from when it was opened.
    pub total: Duration,
    /// The most tables of one database; one that has more is refused (`target_too_many_tables`).
    pub tables: usize,
}

impl Limits {
    /// What the server has for ending a statement by itself before the connection is given up.
    pub const GRACE: Duration = Duration::from_secs(1);
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            statement: Duration::from_secs(10),
            total: Duration::from_secs(60),
            tables: 10_000,
        }
    }
}
