//! Layer 1: databases.
//!
//! Pools, dialects, the organisation-bound [`Tx`], table declarations, migrations, the
//! key-value store, and the operator's commands (roles, policies, backup). May import
//! `base`, SeaORM and sqlx; knows no HTTP and no product table.

pub mod backup;
mod connection;
mod dialect;
mod error;
pub mod facts;
mod hooks;
pub mod kv;
mod listener;
pub mod migration;
pub mod provision;
pub mod rls;
pub mod schema;
mod store;
mod table;
mod tx;

pub use dialect::Dialect;
pub use error::error;
pub use listener::Listener;
pub use migration::{Migration, Migrations};
pub use schema::Ddl;
pub use store::{Mode, Options, POOLED, Store};
pub use table::Table;
pub use tx::{Opening, Role, Tx, model, read};
