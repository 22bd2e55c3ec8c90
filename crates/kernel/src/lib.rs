//! Layer 2: what every product module is made with.
//!
//! The Resource engine, permissions and data scopes, the request guard, the mapping of errors to
//! HTTP, OpenAPI, and the audit trail. May import `base`, `store` and axum; knows no product table.

pub mod access;
pub mod api;
mod app;
pub mod audit;
mod cx;
pub mod download;
pub mod http;
pub mod meta;
mod nullable;
pub mod port;
pub mod resource;
pub mod sheet;
pub mod transfer;

pub use access::{Catalogue, Effective, Permission, Reach};
pub use api::{Accepted, Api, Created, Json, NoContent};
pub use app::{App, Services, Settings};
pub use cx::{Actor, ActorKind, Cx, Delegation, Origin, Work};
pub use nullable::Nullable;
pub use resource::{Change, Draft, Input, Meta, Model, Resource, Sample, Spec};

/// The kernel's own tables.
pub const MIGRATIONS: &[store::Migration] =
    &[access::MIGRATION, audit::MIGRATION, http::idempotency::MIGRATION, audit::platform::MIGRATION];

/// What the kernel's tables became later, after those of the modules.
pub const LATER_MIGRATIONS: &[store::Migration] = &[access::TUPLES, access::SUBJECTS, access::DETAILS];

/// What they became after those of the authority on members.
pub const LATEST_MIGRATIONS: &[store::Migration] =
    &[access::GRANTERS, audit::seal::MIGRATION, access::SPREAD];
