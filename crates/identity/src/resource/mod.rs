//! The records of an organisation: one folder each, `mod.rs` for the rules, `entity.rs` for the
//! table, `dto.rs` for what goes over the wire.

pub mod audit_entry;
pub mod department;
pub mod menu;
pub mod post;
pub mod role;
pub mod sign_in;
pub mod user;

use schemars::JsonSchema;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// Whether something is in use.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, JsonSchema,
)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// In use.
    #[default]
    Enabled,
    /// Kept, but without effect.
    Disabled,
}
