//! What the store knows of an entity: whether it belongs to an organisation, and whether it can be trashed.

use std::str::FromStr;

use sea_orm::{
    ActiveModelTrait, EntityTrait, FromQueryResult, IdenStatic, IntoActiveModel, Iterable, ModelTrait,
};

/// Any SeaORM entity. An entity with a column `org_id` belongs to an organisation, one with
/// `deleted_at` can be trashed; [`crate::Tx`] narrows every statement accordingly.
pub trait Table:
    EntityTrait<
        Model: ModelTrait<Entity = Self>
                   + FromQueryResult
                   + IntoActiveModel<<Self as EntityTrait>::ActiveModel>
                   + Sync
                   + 'static,
        ActiveModel: ActiveModelTrait<Entity = Self> + Send + Sync + 'static,
    >
{
    /// The organisation column, if it is a tenant's table.
    fn org_column() -> Option<Self::Column> {
        Self::Column::from_str("org_id").ok()
    }
    /// The trash column, if records can be trashed.
    fn trash_column() -> Option<Self::Column> {
        Self::Column::from_str("deleted_at").ok()
    }
    /// The column of that name.
    fn column(name: &str) -> Option<Self::Column> {
        Self::Column::iter().find(|column| column.as_str() == name)
    }
}

impl<E> Table for E where
    E: EntityTrait<
            Model: ModelTrait<Entity = E>
                       + FromQueryResult
                       + IntoActiveModel<<E as EntityTrait>::ActiveModel>
                       + Sync
                       + 'static,
            ActiveModel: ActiveModelTrait<Entity = E> + Send + Sync + 'static,
        >
{
}
