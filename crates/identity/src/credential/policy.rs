//! Which new passwords are refused (ASVS 6.2, NIST SP 800-63B section 3.1.1.2).
//!
//! Long enough, not commonplace, not made of words that belong to the account; nothing else:
//! no composition rules, no trimming. Commonplace is a bundled list of base words plus rules
//! for what people add to them (capitals, `0` for `o`, years, exclamation marks), and patterns
//! of the keyboard. May import: `base` only.

use std::{collections::HashSet, sync::LazyLock};

use base::{Error, FieldError, Result, text::fold};

/// The shortest password of an ordinary account, in characters.
pub const MIN: usize = 8;
/// The shortest password of an administrator.
pub const MIN_ADMIN: usize = 12;
/// The longest password; all of it counts.
pub const MAX: usize = 256;

/// Context words shorter than this would refuse too much.
const CONTEXT_MIN: usize = 3;
/// What must be left of a password when the account's own words are taken out.
const REST_MIN: usize = 4;

static COMMON: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("common.txt").split_whitespace().collect());

/// What fingers walk along; backwards counts too.
const ROWS: [&str; 12] = [
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop[]",
    "asdfghjkl;'",
    "zxcvbnm,./",
    "qwertzuiop",
    "yxcvbnm,.-",
    "azertyuiop",
    "qsdfghjklm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1q2w3e4r5t6y7u8i9o0p",
];

/// Whether `password` may be set: at least `min` and at most [`MAX`] characters, not
/// commonplace, and not made of `context` (user name, e-mail address, name of the application
/// or the organisation). The error is about the field `password`.
pub fn check(password: &str, context: &[&str], min: usize) -> Result<()> {
    let length = password.chars().count();
    if length < min {
        return Err(bound("too_short", format!("at least {min} characters"), "min", min));
    }
    if length > MAX {
        return Err(bound("too_long", format!("at most {MAX} characters"), "max", MAX));
    }
    let folded = fold(password);
    if is_commonplace(&folded) {
        return Err(Error::field(
            "password",
            "too_common",
            "this password is among the first that are guessed",
        ));
    }
    if leans_on(&folded, context) {
        return Err(Error::field(
            "password",
            "too_personal",
            "this password is made of your own name or ours",
        ));
    }
    Ok(())
}

fn bound(code: &str, message: String, name: &str, value: usize) -> Error {
    let mut params = serde_json::Map::new();
    params.insert(name.to_owned(), value.into());
    Error::fields(vec![FieldError { params: params.into(), ..FieldError::new("password", code, message) }])
}

fn is_commonplace(folded: &str) -> bool {
    let unit = repeated_unit(folded);
    let core = core_of(unit);
    unit.chars().count() < 4
        || [folded, unit, core].into_iter().any(is_listed)
        || is_date(unit)
        || is_walk(unit)
        || (core.chars().count() < unit.chars().count() && core.chars().count() >= 4 && is_walk(core))
}

fn is_listed(text: &str) -> bool {
    COMMON.contains(text)
        || COMMON.contains(unleet(text, 'i').as_str())
        || COMMON.contains(unleet(text, 'l').as_str())
}

/// The text without the digits and signs people put around a word; all of it if nothing is left.
fn core_of(text: &str) -> &str {
    // Signs that stand for letters (`p@$$`) stay when they are inside.
    let core = text.trim_matches(|c: char| !c.is_alphabetic());
    if core.is_empty() { text } else { core }
}

fn unleet(text: &str, one: char) -> String {
    let letter = |c| match c {
        '0' => 'o',
        '1' | '!' | '|' => one,
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    };
    // Only the inside: what stands behind the last letter is a suffix, not a letter.
    let end = text.rfind(char::is_alphabetic).map_or(text.len(), |at| at + 1);
    let (word, _) = text.split_at_checked(end).unwrap_or((text, ""));
    word.chars().map(letter).collect()
}

/// The shortest text whose repetition the whole is: `abc` of `abcabcabc`.
fn repeated_unit(text: &str) -> &str {
    let ends = text.char_indices().map(|(at, _)| at).skip(1).filter(|at| text.len().is_multiple_of(*at));
    for end in ends {
        if let Some(unit) = text.get(..end)
            && unit.repeat(text.len() / end) == text
        {
            return unit;
        }
    }
    text
}

/// Eight digits that are a day: 19840617, 17061984, 06171984, or the same with separators.
fn is_date(text: &str) -> bool {
    let digits: Vec<u32> =
        text.chars().filter(|c| !matches!(c, '.' | '-' | '/' | ' ')).map_while(|c| c.to_digit(10)).collect();
    if digits.len() != 8 || text.chars().any(char::is_alphabetic) {
        return false;
    }
    let number = |from: usize, to: usize| -> u32 {
        digits.iter().skip(from).take(to - from).fold(0, |sum, digit| sum * 10 + digit)
    };
    let day = |year: u32, a: u32, b: u32| {
        let fits = |month: u32, day: u32| (1..=12).contains(&month) && (1..=31).contains(&day);
        (1900..=2099).contains(&year) && (fits(a, b) || fits(b, a))
    };
    day(number(0, 4), number(4, 6), number(6, 8)) || day(number(4, 8), number(0, 2), number(2, 4))
}

/// Whether the text is put together from at most three walks of three or more keys.
fn is_walk(text: &str) -> bool {
    let mut rest = text;
    for _ in 0..3 {
        let step = longest_walk(rest);
        if step < 3 {
            return false;
        }
        rest = rest.get(step..).unwrap_or_default();
        if rest.is_empty() {
            return true;
        }
    }
    false
}

/// How many bytes at the start of `text` are one walk; walks are ASCII.
fn longest_walk(text: &str) -> usize {
    let on_a_row = |part: &str| {
        let backwards: String = part.chars().rev().collect();
        ROWS.iter().any(|row| row.contains(part) || row.contains(&backwards))
    };
    (1..=text.len()).take_while(|end| text.get(..*end).is_some_and(on_a_row)).last().unwrap_or(0)
}

/// Whether little is left when the account's own words are taken out.
fn leans_on(folded: &str, context: &[&str]) -> bool {
    let mut words: Vec<String> = context
        .iter()
        .map(|word| fold(word))
        .flat_map(|word| {
            let parts: Vec<String> = word.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect();
            let local = word.split('@').next().unwrap_or_default().to_owned();
            parts.into_iter().chain([local, word])
        })
        .filter(|word| word.chars().count() >= CONTEXT_MIN)
        .collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let mut rest = folded.to_owned();
    for word in &words {
        rest = rest.replace(word.as_str(), "");
    }
    let left = rest.trim_matches(|c: char| !c.is_alphabetic()).chars().count();
    rest.len() < folded.len() && left < REST_MIN
}
