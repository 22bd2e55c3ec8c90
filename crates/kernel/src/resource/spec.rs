//! Which columns of a record do what.

use sea_orm::{ColumnTrait, EntityTrait, IdenStatic, Iterable, sea_query::ColumnType};
use store::Table;

/// How a column's values look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// Integer.
    Integer,
    /// True or false.
    Boolean,
    /// Instant.
    Instant,
    /// Id.
    Uuid,
    /// JSON.
    Json,
}

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Name.
    pub name: &'static str,
    /// Kind.
    pub kind: Kind,
    /// Whether it can be NULL.
    pub nullable: bool,
}

/// Columns and their duties. Everything that is not named here cannot be filtered, sorted or searched.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Table name.
    pub table: &'static str,
    pub(crate) columns: Vec<Column>,
    pub(crate) search: Vec<&'static str>,
    pub(crate) filter: Vec<&'static str>,
    pub(crate) sort: Vec<&'static str>,
    pub(crate) order: Vec<(&'static str, bool)>,
    pub(crate) unique: Vec<Vec<&'static str>>,
    pub(crate) references: Vec<(&'static str, &'static str)>,
    pub(crate) owner: Option<&'static str>,
    pub(crate) dept: Option<&'static str>,
    pub(crate) label: &'static str,
}

/// Columns that the engine keeps by itself.
pub(crate) const STAMPS: [&str; 9] = [
    "id",
    "org_id",
    "version",
    "created_at",
    "updated_at",
    "created_by",
    "updated_by",
    "deleted_at",
    "alive",
];
/// The normalised text that `search=` looks at.
pub(crate) const SEARCH_KEY: &str = "search_key";

impl Spec {
    /// The columns of an entity; `label` is the one that names a record to people.
    pub fn of<E: Table>(label: E::Column) -> Self {
        let columns = E::Column::iter().map(|column| {
            let def = column.def();
            let kind = kind_of(def.get_column_type());
            Column { name: column.as_str(), kind, nullable: def.is_null() }
        });
        Self {
            table: <E as DefaultTable>::default_table(),
            columns: columns.collect(),
            search: Vec::new(),
            filter: Vec::new(),
            sort: Vec::new(),
            order: Vec::new(),
            unique: Vec::new(),
            references: Vec::new(),
            owner: None,
            dept: None,
            label: label.as_str(),
        }
    }
    /// Columns that `search=` finds a record by. `search_key` is kept from them.
    #[must_use]
    pub fn search<C: ColumnTrait>(mut self, columns: impl IntoIterator<Item = C>) -> Self {
        self.search = names(columns);
        self
    }
    /// Columns that can be filtered.
    #[must_use]
    pub fn filter<C: ColumnTrait>(mut self, columns: impl IntoIterator<Item = C>) -> Self {
        self.filter = names(columns);
        self
    }
    /// Columns that can be sorted.
    #[must_use]
    pub fn sort<C: ColumnTrait>(mut self, columns: impl IntoIterator<Item = C>) -> Self {
        self.sort = names(columns);
        self
    }
    /// The order of a list that asks for none; `true` is descending. The default is newest first.
    #[must_use]
    pub fn order<C: ColumnTrait>(mut self, columns: impl IntoIterator<Item = (C, bool)>) -> Self {
        self.order = columns.into_iter().map(|(column, down)| (column.as_str(), down)).collect();
        self
    }
    /// Columns whose values, taken together, name one record of the organisation.
    #[must_use]
    pub fn unique<C: ColumnTrait>(mut self, columns: impl IntoIterator<Item = C>) -> Self {
        self.unique.push(names(columns));
        self
    }
    /// A column that holds the id of another resource's record: `identity.department`.
    #[must_use]
    pub fn reference<C: ColumnTrait>(mut self, column: C, resource: &'static str) -> Self {
        self.references.push((column.as_str(), resource));
        self
    }
    /// The column of the user to whom a record belongs, for data scopes.
    #[must_use]
    pub fn owner<C: ColumnTrait>(mut self, column: C) -> Self {
        self.owner = Some(column.as_str());
        self
    }
    /// The column of the department to which a record belongs, for data scopes.
    #[must_use]
    pub fn dept<C: ColumnTrait>(mut self, column: C) -> Self {
        self.dept = Some(column.as_str());
        self
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
    pub(crate) fn has(&self, name: &str) -> bool {
        self.column(name).is_some()
    }
    /// The order of a list that asks for none.
    pub(crate) fn default_order(&self) -> Vec<(&'static str, bool)> {
        match self.order.as_slice() {
            [] if self.has("created_at") => vec![("created_at", true)],
            [] => Vec::new(),
            order => order.to_vec(),
        }
    }
}

trait DefaultTable: EntityTrait {
    fn default_table() -> &'static str;
}

impl<E: EntityTrait> DefaultTable for E {
    fn default_table() -> &'static str {
        E::default().table_name()
    }
}

fn names<C: ColumnTrait>(columns: impl IntoIterator<Item = C>) -> Vec<&'static str> {
    columns.into_iter().map(|column| column.as_str()).collect()
}

fn kind_of(column: &ColumnType) -> Kind {
    match column {
        ColumnType::Boolean => Kind::Boolean,
        ColumnType::Integer | ColumnType::BigInteger | ColumnType::SmallInteger => Kind::Integer,
        ColumnType::DateTime | ColumnType::Timestamp | ColumnType::TimestampWithTimeZone => Kind::Instant,
        ColumnType::Uuid => Kind::Uuid,
        ColumnType::Json | ColumnType::JsonBinary => Kind::Json,
        _ => Kind::Text,
    }
}
