//! Layer 3: what happens in an organisation, told to programs of others, by Standard Webhooks.
//!
//! Modules publish events through the kernel's port `Publisher` in the transaction of what they tell of
//! ([`publish`]); people of the organisation keep receivers ([`endpoint`]) and look at what became of each
//! message ([`delivery`]); jobs deliver them ([`deliver`]) and give up on receivers that do not answer
//! (`health`). May import `base`, `store`, `outbound`, `jobs` and `kernel`; no other product crate.

pub mod deliver;
pub mod delivery;
pub mod endpoint;
pub mod entity;
pub mod event_type;
mod health;
pub mod publish;
mod replay;
mod service;
mod signature;
mod tend;

use jobs::{Declared, Registry};
use kernel::{Api, App};

pub use entity::MIGRATION;
pub use publish::Outbox;
pub use service::{Webhooks, reseal};

/// The tables whose rows belong to organisations, in the order in which rows may be deleted.
pub const TENANT_TABLES: [&str; 5] =
    ["webhook_attempt", "webhook_delivery", "webhook_message", "webhook_secret", "webhook_endpoint"];

/// Routes.
pub fn mount(api: &mut Api) {
    api.resource::<endpoint::Endpoint>();
    api.resource::<delivery::Delivery>();
    event_type::mount(api);
}

/// Kinds of jobs.
pub fn register(registry: Registry<App>) -> Registry<App> {
    registry
        .with::<deliver::Deliver>()
        .with::<deliver::Retry>()
        .with::<replay::Replayed>()
        .with::<tend::Tend>()
}

/// Those that recur.
pub fn declared() -> base::Result<Vec<Declared>> {
    Ok(vec![Declared::every(60, "webhooks.tend", &tend::Tend {})?])
}
