//! What is found in a database: tables, their key columns, and the types that hold ids.

/// A table or view, by its names as the database spells them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Table {
    /// The database; for Oracle the service that was connected to.
    pub database: String,
    /// The schema, or for Oracle the owner. MySQL has none.
    pub schema: Option<String>,
    /// The name.
    pub name: String,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Column {
    /// The name as the database spells it.
    pub name: String,
    /// The type as the database writes it: `bigint(20) unsigned`, `NUMBER(10,0)`.
    pub declared: String,
    /// The range of ids it can hold; `None` when it is not a column of integers.
    pub integer: Option<Integer>,
}

/// The range of a column of integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Integer {
    /// −2^7 to 2^7 − 1.
    I8,
    /// 0 to 2^8 − 1: `tinyint unsigned`, and SQL Server's `tinyint`.
    U8,
    /// −2^15 to 2^15 − 1.
    I16,
    /// 0 to 2^16 − 1.
    U16,
    /// −2^23 to 2^23 − 1: MySQL's `mediumint`.
    I24,
    /// 0 to 2^24 − 1.
    U24,
    /// −2^31 to 2^31 − 1.
    I32,
    /// 0 to 2^32 − 1.
    U32,
    /// −2^63 to 2^63 − 1.
    I64,
    /// 0 to 2^64 − 1.
    U64,
    /// At most so many decimal digits: Oracle's `NUMBER(p,0)` with p up to 18.
    Digits(u8),
}

impl Integer {
    /// The highest value that the column holds.
    pub fn max(self) -> i128 {
        match self {
            Self::I8 => i8::MAX.into(),
            Self::U8 => u8::MAX.into(),
            Self::I16 => i16::MAX.into(),
            Self::U16 => u16::MAX.into(),
            Self::I24 => (1 << 23) - 1,
            Self::U24 => (1 << 24) - 1,
            Self::I32 => i32::MAX.into(),
            Self::U32 => u32::MAX.into(),
            Self::I64 => i64::MAX.into(),
            Self::U64 => u64::MAX.into(),
            Self::Digits(digits) => 10_i128.pow(u32::from(digits.min(38))) - 1,
        }
    }
}

/// What leads the primary key of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyOf {
    /// A column of integers: the first of the key in the order of the key, not of the table.
    Column(Column),
    /// There is no primary key. A unique index does not count as one.
    None,
    /// A column that is not of integers.
    NotInteger(Column),
    /// It is a view and has no key.
    View,
}

/// One table of a database and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The table.
    pub table: Table,
    /// Its key.
    pub key: KeyOf,
}
