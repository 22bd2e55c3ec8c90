//! Names of keys: four parts joined so that no two different sets of parts share a counter.

use std::{fmt, sync::Arc};

use base::{Error, Result};

/// The longest name, in characters: a unique index of every database can hold it.
const LIMIT: usize = 500;

/// The name of a key, unique within its organisation. Lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyName(Arc<str>);

impl KeyName {
    /// The name of a table's column: `{system}:{database}:{table}:{field}` in lower case. A `:` or `%`
    /// within a part is written `%3a` or `%25`, so that `a:b` + `c` and `a` + `b:c` differ.
    ///
    /// Errors: 422 `validation_failed` (`key`) for control characters or more than 500 characters.
    pub fn of_column(parts: [&str; 4]) -> Result<Self> {
        if let Some(name) = Self::plain(parts) {
            return Ok(name);
        }
        let escape = |part: &str| part.to_lowercase().replace('%', "%25").replace(':', "%3a");
        Self::new(&parts.map(escape).join(":"))
    }

    /// Parts of ordinary characters, which are nearly all, in one pass.
    fn plain(parts: [&str; 4]) -> Option<Self> {
        let length = parts.iter().map(|part| part.len()).sum::<usize>() + 3;
        let is_plain = |byte: u8| (byte.is_ascii_graphic() || byte == b' ') && byte != b':' && byte != b'%';
        if length > LIMIT || !parts.iter().all(|part| part.bytes().all(is_plain)) {
            return None;
        }
        let mut name = String::with_capacity(length);
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                name.push(':');
            }
            name.extend(part.chars().map(|c| c.to_ascii_lowercase()));
        }
        Some(Self(name.into()))
    }

    /// A name as stored, or one that stands for no column. It is put into lower case.
    ///
    /// Errors: 422 `validation_failed` (`key`) for an empty name, control characters or more than
    /// 500 characters.
    pub fn new(text: &str) -> Result<Self> {
        let text = text.to_lowercase();
        let length = text.chars().count();
        if length == 0 || length > LIMIT {
            let message = format!("a key's name has 1 to {LIMIT} characters");
            return Err(Error::field("key", "length", message));
        }
        if text.chars().any(char::is_control) {
            return Err(Error::field("key", "invalid", "a key's name has no control characters"));
        }
        Ok(Self(text.into()))
    }

    /// As stored and shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The four parts, for a name that [`KeyName::of_column`] made.
    pub fn parts(&self) -> Option<[String; 4]> {
        let restore = |part: &str| part.replace("%3a", ":").replace("%25", "%");
        let parts: Vec<String> = self.0.split(':').map(restore).collect();
        parts.try_into().ok()
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_names_are_written_as_clients_know_them() {
        let name = KeyName::of_column(["Shop", "Main", "T_Mixed", "Id"]).unwrap();
        assert_eq!(name.as_str(), "shop:main:t_mixed:id");
    }

    #[test]
    fn names_that_no_database_can_hold_are_refused() {
        for text in ["", "a\0b", &"x".repeat(501)] {
            assert_eq!(KeyName::new(text).unwrap_err().code(), "validation_failed");
        }
    }

    proptest! {
        #[test]
        fn different_parts_have_different_names_and_come_back(
            a in proptest::array::uniform4("[a-c:%35]{0,4}"),
            b in proptest::array::uniform4("[a-c:%35]{0,4}"),
        ) {
            let name = |parts: &[String; 4]| KeyName::of_column([&parts[0], &parts[1], &parts[2], &parts[3]]).unwrap();
            prop_assert_eq!(name(&a) == name(&b), a == b);
            prop_assert_eq!(name(&a).parts().unwrap(), a);
        }
    }
}
