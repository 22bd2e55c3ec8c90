//! The id service: keys over HTTP, the databases that they are for, and the wire of the service that this
//! one replaces.
//!
//! The engine (`idgen`) works in units of work of its own, so routes here are detached: the guard verifies
//! the caller, and no unit of work of his is open while the engine works.

pub mod adopt;
mod caller;
mod check;
pub mod database;
pub mod entity;
mod first_use;
mod gate;
mod generator;
mod initialize;
pub mod key;
mod next;
mod plan;
mod progress;
mod scan;
mod service;
mod table;
mod wire;

use jobs::{Declared, Registry};
use kernel::{Api, App};

pub use check::CheckKeys;
pub use initialize::InitializeDatabase;
pub use key::dto::LOW_DAYS;
pub use scan::{ScanDatabases, scan_all};
pub use service::{AllocateAuth, Ids};

/// The tables whose rows belong to organisations, in the order in which rows may be deleted.
pub const TENANT_TABLES: [&str; 2] = ["id_table", "id_database"];

/// Routes.
pub fn mount(api: &mut Api) {
    wire::mount(api);
    database::mount(api);
    table::mount(api);
    key::mount(api);
    next::mount(api);
    generator::mount(api);
}

/// Kinds of jobs.
pub fn register(registry: Registry<App>) -> Registry<App> {
    registry.with::<InitializeDatabase>().with::<ScanDatabases>().with::<CheckKeys>()
}

/// Those that recur.
pub fn declared() -> base::Result<Vec<Declared>> {
    Ok(vec![
        Declared::every(60, "ids.scan", &ScanDatabases {})?,
        Declared::every(3_600, "ids.check", &CheckKeys {})?,
    ])
}
