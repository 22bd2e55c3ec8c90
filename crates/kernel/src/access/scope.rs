//! The five data scopes of a role.

use sea_orm::{
    ColIdx, DbErr, QueryResult, TryGetError, TryGetable, Value,
    sea_query::{ArrayType, ColumnType, Nullable, StringLen, ValueType, ValueTypeErr},
};
use serde::{Deserialize, Serialize};

/// Which rows a role opens. Stored under the words of the wire; written by hand because the
/// derive cannot spell `self`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataScope {
    /// Every row of the organisation.
    All,
    /// Rows of the departments that the role names.
    Departments,
    /// Rows of the member's own department.
    Department,
    /// Rows of the member's own department and every one below it.
    DepartmentAndBelow,
    /// The member's own rows.
    #[serde(rename = "self")]
    Own,
}

impl DataScope {
    const EVERY: [Self; 5] =
        [Self::All, Self::Departments, Self::Department, Self::DepartmentAndBelow, Self::Own];

    /// As stored and as sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Departments => "departments",
            Self::Department => "department",
            Self::DepartmentAndBelow => "department_and_below",
            Self::Own => "self",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::EVERY.into_iter().find(|scope| scope.as_str() == text)
    }
}

impl From<DataScope> for Value {
    fn from(scope: DataScope) -> Self {
        scope.as_str().into()
    }
}

impl TryGetable for DataScope {
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        let text = String::try_get_by(row, index)?;
        Self::parse(&text).ok_or_else(|| TryGetError::DbErr(DbErr::Type(format!("{text} is no data scope"))))
    }
}

impl ValueType for DataScope {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        let text = <String as ValueType>::try_from(value)?;
        Self::parse(&text).ok_or(ValueTypeErr)
    }
    fn type_name() -> String {
        "DataScope".to_owned()
    }
    fn array_type() -> ArrayType {
        ArrayType::String
    }
    fn column_type() -> ColumnType {
        ColumnType::String(StringLen::N(32))
    }
}

impl Nullable for DataScope {
    fn null() -> Value {
        Value::String(None)
    }
}
