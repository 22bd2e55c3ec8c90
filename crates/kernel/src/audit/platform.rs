//! The installation's own audit trail: what platform administrators and the command line do, what
//! becomes of organisations, and what people without an organisation do.
//!
//! All work may add to it; only a system transaction reads it, and on PostgreSQL no other role can.

/// The table's name.
pub(super) const TABLE: &str = "platform_audit_entry";

/// The table.
pub const MIGRATION: store::Migration = store::Migration {
    name: "0004_platform_audit",
    up: |ddl| super::columns_of(ddl.platform_log(TABLE)).create(),
    down: |ddl| ddl.drop_tables(&[TABLE]),
};

/// The table, row by row.
pub mod entity {
    use sea_orm::entity::prelude::*;

    /// One entry; the columns are those of an organisation's.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "platform_audit_entry")]
    pub struct Model {
        /// Id.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        /// When.
        pub at: DateTimeUtc,
        /// user, api_key, cli or system.
        pub actor_kind: String,
        /// Who.
        pub actor_id: Option<Uuid>,
        /// The name at that time.
        pub actor_name: String,
        /// `module:name:action`.
        pub action: String,
        /// What kind of thing: `identity.user`.
        pub target_type: String,
        /// Which one.
        pub target_id: Option<Uuid>,
        /// Its name at that time.
        pub target_name: String,
        /// ok, denied or failed.
        pub outcome: String,
        /// From where.
        pub ip: String,
        /// With what.
        pub user_agent: String,
        /// Under which request id.
        pub request_id: String,
        /// `{field: {before, after}}`.
        pub changes: Option<Json>,
        /// What `search=` looks at.
        pub search_key: String,
    }

    /// No relations: an entry outlives what it tells of.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
