//! Layer 2, an engine: jobs that survive everything, and the schedules that make them.
//!
//! A job is a row. It is enqueued in the caller's transaction, claimed under a lease and a fencing
//! token, renewed while it runs, and ends succeeded, dead or cancelled. This crate knows neither
//! HTTP nor the product: kinds are registered by whoever has work to do, and are handed a context
//! of their own type. May import `base` and the crate `store`; SQL stands in [`store`] alone.

pub mod cron;
mod engine;
mod failure;
mod file;
mod inspect;
mod kind;
mod new_job;
mod policy;
mod run;
pub mod schedule;
mod secret;
mod state;
pub mod steps;
pub mod store;
pub mod worker;

pub use base::Vault;
pub use engine::Engine;
pub use failure::{Failure, Outcome};
pub use file::{FILE_LIMIT, FileWriter, NewFile};
pub use inspect::{Filter, Gauges};
pub use kind::{Arguments, Audience, Job, Kind, Kinds, Registry, Runners, Words};
pub use new_job::{Enqueued, NewJob, When};
pub use policy::{Backoff, Policy, Rate};
pub use run::{Input, Level, Run, Stop};
pub use schedule::Declared;
pub use secret::redact;
pub use state::State;
pub use store::{MIGRATION, TENANT_TABLES};

/// The organisation under which the product's own jobs run: none.
pub const PLATFORM: base::Id = base::Id::nil();
