//! The types of the columns that ids are written into, and the highest id that each can hold.

/// The type of the column that a key's ids are written into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdType {
    /// `TINYINT`.
    I8,
    /// `TINYINT UNSIGNED`, and `tinyint` of SQL Server.
    U8,
    /// `SMALLINT`.
    I16,
    /// `SMALLINT UNSIGNED`.
    U16,
    /// `MEDIUMINT`.
    I24,
    /// `MEDIUMINT UNSIGNED`.
    U24,
    /// `INTEGER`.
    I32,
    /// `INTEGER UNSIGNED`.
    U32,
    /// Any column whose ids also travel as JSON numbers: exact up to 2^53 − 1.
    I53,
    /// `BIGINT`.
    I64,
    /// `BIGINT UNSIGNED`. Ids are counted in 63 bits here, so its upper half stays unused.
    U64,
}

impl IdType {
    /// Every type, narrowest first.
    pub const ALL: [Self; 11] = [
        Self::I8,
        Self::U8,
        Self::I16,
        Self::U16,
        Self::I24,
        Self::U24,
        Self::I32,
        Self::U32,
        Self::I53,
        Self::I64,
        Self::U64,
    ];

    /// The highest id that the column can hold and this engine can count.
    pub fn max(self) -> i64 {
        match self {
            Self::I8 => i64::from(i8::MAX),
            Self::U8 => i64::from(u8::MAX),
            Self::I16 => i64::from(i16::MAX),
            Self::U16 => i64::from(u16::MAX),
            Self::I24 => (1 << 23) - 1,
            Self::U24 => (1 << 24) - 1,
            Self::I32 => i64::from(i32::MAX),
            Self::U32 => i64::from(u32::MAX),
            Self::I53 => (1 << 53) - 1,
            Self::I64 | Self::U64 => i64::MAX,
        }
    }

    /// The widest type that holds nothing above `max`; `None` when even the narrowest does.
    pub fn within(max: i128) -> Option<Self> {
        let widest = Self::ALL.into_iter().rfind(|one| i128::from(one.max()) <= max)?;
        // Of two that end alike the signed one, unless the column is the other.
        let is_wide = max > i128::from(i64::MAX);
        if widest == Self::U64 && !is_wide { Some(Self::I64) } else { Some(widest) }
    }

    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::I8 => "i8",
            Self::U8 => "u8",
            Self::I16 => "i16",
            Self::U16 => "u16",
            Self::I24 => "i24",
            Self::U24 => "u24",
            Self::I32 => "i32",
            Self::U32 => "u32",
            Self::I53 => "i53",
            Self::I64 => "i64",
            Self::U64 => "u64",
        }
    }

    /// From what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_ends_where_its_column_does() {
        let ends = IdType::ALL.map(IdType::max);
        assert!(ends.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(IdType::I32.max(), 2_147_483_647);
        assert_eq!(IdType::U32.max(), 4_294_967_295);
        assert_eq!(IdType::I53.max(), 9_007_199_254_740_991);
        assert_eq!(IdType::U64.max(), i64::MAX);
    }

    #[test]
    fn a_type_is_read_back_as_it_was_stored() {
        for one in IdType::ALL {
            assert_eq!(IdType::parse(one.as_str()), Some(one));
        }
        assert_eq!(IdType::parse("varchar"), None);
    }
}
