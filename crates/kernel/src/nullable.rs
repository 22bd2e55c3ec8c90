//! Members of a PATCH: absent keeps, `null` clears, a value sets.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

/// A member of a PATCH that can be cleared: absent, `null`, or a value.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Nullable<T> {
    /// Keep.
    #[default]
    Absent,
    /// Clear.
    Null,
    /// Set.
    Value(T),
}

impl<T: Clone + Into<sea_orm::Value> + sea_orm::sea_query::Nullable> Nullable<T> {
    /// Applies itself to a nullable column.
    pub fn apply(&self, column: &mut sea_orm::ActiveValue<Option<T>>) {
        match self {
            Self::Absent => {}
            Self::Null => *column = sea_orm::ActiveValue::Set(None),
            Self::Value(value) => *column = sea_orm::ActiveValue::Set(Some(value.clone())),
        }
    }
}

/// Applies an optional member of a PATCH to a column that cannot be empty.
pub fn apply<T: Clone + Into<sea_orm::Value>>(input: &Option<T>, column: &mut sea_orm::ActiveValue<T>) {
    if let Some(value) = input {
        *column = sea_orm::ActiveValue::Set(value.clone());
    }
}

impl<T: Serialize> Serialize for Nullable<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            _ => serializer.serialize_none(),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Nullable<T> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> std::result::Result<Self, D::Error> {
        Ok(match Option::<T>::deserialize(source)? {
            Some(value) => Self::Value(value),
            None => Self::Null,
        })
    }
}

impl<T: JsonSchema> JsonSchema for Nullable<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Option::<T>::schema_name()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Option::<T>::json_schema(generator)
    }
}

macro_rules! validate_inner {
    ($($trait:ident :: $method:ident -> $out:ty),* $(,)?) => { $(
        impl<T: validator::$trait> validator::$trait for Nullable<T> {
            fn $method(&self) -> Option<$out> {
                match self {
                    Self::Value(value) => value.$method(),
                    _ => None,
                }
            }
        }
    )* };
}

impl<T: validator::ValidateLength<u64>> validator::ValidateLength<u64> for Nullable<T> {
    fn length(&self) -> Option<u64> {
        match self {
            Self::Value(value) => value.length(),
            _ => None,
        }
    }
}
validate_inner! { ValidateEmail::as_email_string -> std::borrow::Cow<'_, str> }
