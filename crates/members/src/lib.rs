//! Layer 3: the authority on who may do what, for other systems.
//!
//! Sister systems ask for snapshots of what a member may do, back-office tools grant and revoke. Grants are
//! those of the kernel's access tables, which the console's roles and direct grants are in as well; this crate
//! adds who may ask ([`caller`], [`client`]), whose tokens are believed (`issuer`), how people are called
//! elsewhere (`subject`), what names there are (`term`), and the wire. May import `base`, `store`, `jobs`, `oidc` and `kernel`; people are reached through
//! the kernel's port `People`.

pub mod caller;
pub mod client;
mod entity;
mod feed;
mod fields;
mod head;
mod internal;
mod issuer;
mod me;
mod office;
pub mod permission;
mod problem;
pub mod service;
mod snapshot;
mod subject;
mod sweep;
mod term;

use jobs::{Declared, Registry};
use kernel::{Api, App};

pub use entity::MIGRATION;
pub use service::{Members, Settings};
pub use sweep::{ExpireGrants, expire};

/// The tables whose rows belong to organisations, in the order in which rows may be deleted.
pub const TENANT_TABLES: [&str; 4] = ["member_term", "member_client", "member_subject", "member_issuer"];

/// Routes.
pub fn mount(api: &mut Api) {
    internal::mount(api);
    feed::mount(api);
    permission::mount(api);
    term::mount(api);
    client::mount(api);
    issuer::mount(api);
    me::mount(api);
    office::mount(api);
}

/// Kinds of jobs.
pub fn register(registry: Registry<App>) -> Registry<App> {
    registry.with::<ExpireGrants>()
}

/// Those that recur.
pub fn declared() -> base::Result<Vec<Declared>> {
    Ok(vec![Declared::every(30, "members.expire", &ExpireGrants {})?])
}
