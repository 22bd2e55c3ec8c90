//! ULIDs (github.com/ulid/spec): 48 bits of milliseconds, 80 of chance, 26 characters of Crockford's base 32.

use chrono::{DateTime, Utc};

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CHANCE: u128 = (1 << 80) - 1;

/// One after the other of a millisecond: the first is chance, those after it count up, so that they sort in
/// the order in which they were made.
#[derive(Clone, Copy, Debug)]
pub struct Ulids {
    next: u128,
}

impl Ulids {
    /// Those of an instant. `chance` gives its first 80 bits; the highest is left out, so that counting up
    /// does not run over.
    pub fn at(at: DateTime<Utc>, chance: [u8; 16]) -> Self {
        let milliseconds =
            u128::from(u64::try_from(at.timestamp_millis()).unwrap_or_default()) & ((1 << 48) - 1);
        let chance = (u128::from_be_bytes(chance) & CHANCE) >> 1;
        Self { next: (milliseconds << 80) | chance }
    }
}

impl Iterator for Ulids {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let number = self.next;
        self.next = number.checked_add(1)?;
        Some(write(number))
    }
}

fn write(number: u128) -> String {
    let digit = |place: u32| {
        let index = usize::try_from((number >> (5 * place)) & 31).unwrap_or_default();
        char::from(ALPHABET[index])
    };
    (0..26).rev().map(digit).collect()
}

/// When a ULID was made; `None` for other text.
pub fn instant(text: &str) -> Option<DateTime<Utc>> {
    if text.len() != 26 {
        return None;
    }
    let mut number: u128 = 0;
    for byte in text.bytes() {
        let byte = match byte.to_ascii_uppercase() {
            b'I' | b'L' => b'1',
            b'O' => b'0',
            other => other,
        };
        let digit = ALPHABET.iter().position(|one| *one == byte)?;
        // The first character holds three bits.
        number = number.checked_mul(32)?.checked_add(u128::try_from(digit).ok()?)?;
    }
    DateTime::from_timestamp_millis(i64::try_from(number >> 80).ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_sort_as_they_were_made_and_say_when(ms in 0i64..1 << 47, chance in any::<[u8; 16]>()) {
            let at = DateTime::from_timestamp_millis(ms).unwrap();
            let made: Vec<String> = Ulids::at(at, chance).take(50).collect();
            prop_assert!(made.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(made.iter().all(|one| instant(one) == Some(at)));
        }
    }

    #[test]
    fn the_example_of_the_specification_is_read() {
        let at = instant("01ARZ3NDEKTSV4RRFFQ69G5FAV").unwrap();
        assert_eq!(at.timestamp_millis(), 1_469_922_850_259);
        assert_eq!(instant("01ARZ3NDEKTSV4RRFFQ69G5FA!"), None);
        assert_eq!(instant("8ZZZZZZZZZZZZZZZZZZZZZZZZZ"), None);
    }
}
