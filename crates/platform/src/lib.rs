//! Layer 3: the faces of the engines over HTTP, and the kinds of jobs that ship with the product.
//!
//! An engine knows no HTTP and no permission; this crate gives its work to people, as resources and
//! operations of the kernel. May import `base`, `store`, `outbound`, `kernel` and every engine; other
//! product crates meet it through the kernel's ports, never by name.

pub mod alert;
pub mod ids;
pub mod job;
pub mod job_kind;
pub mod kind;
pub mod operate;
pub mod schedule;
pub mod transfer;

use kernel::Api;

/// Registers everything that this crate offers over HTTP.
pub fn mount(api: &mut Api) {
    api.resource::<job::Job>();
    api.resource::<schedule::Schedule>();
    api.resource::<alert::Alert>();
    job_kind::mount(api);
    operate::mount(api);
    ids::mount(api);
}

/// Mounts what follows from every resource of the product; after all of them are registered.
pub fn mount_last(api: &mut Api) {
    transfer::mount(api);
}

/// The tables of this crate.
pub const MIGRATIONS: &[store::Migration] = &[transfer::journal::MIGRATION, ids::entity::MIGRATION];
