//! Formatted numbers: `INV-{yyyyMMdd}-{seq:4}`, counted anew each day, month or year of a time zone.
//!
//! The counter of each period is a row of its own, moved in the caller's unit of work: what he takes back
//! leaves no gap, and while he works others wait for him.

use ::store::Tx;
use base::{Error, Id, Result};
use chrono::{DateTime, Datelike, NaiveDate, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

use crate::{Engine, store};

/// The most digits of a sequence.
const DIGITS: usize = 18;
/// The longest pattern.
const LIMIT: usize = 200;

/// When counting begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// Never.
    Never,
    /// Each day.
    Day,
    /// Each month.
    Month,
    /// Each year.
    Year,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Year,
    ShortYear,
    Month,
    Day,
    Hour,
    Sequence(usize),
}

/// How a number is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<Part>,
    reset: Reset,
    zone: Tz,
}

fn wrong(message: impl Into<String>) -> Error {
    Error::field("pattern", "invalid_value", message.into())
}

impl Pattern {
    /// Reads a pattern: text, `{yyyy}`, `{yy}`, `{MM}`, `{dd}`, `{HH}` or several of them in one pair of
    /// braces, and one `{seq}` or `{seq:4}` for the digits it has at least. `{{` and `}}` are braces.
    ///
    /// Errors: 422 on `pattern`, also when numbers of two periods would be written alike.
    pub fn parse(text: &str, reset: Reset, zone: Tz) -> Result<Self> {
        if text.chars().count() > LIMIT || text.chars().any(char::is_control) {
            return Err(wrong(format!("at most {LIMIT} characters on one line")));
        }
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '{' if rest.peek() == Some(&'{') => {
                    rest.next();
                    plain.push('{');
                }
                '}' if rest.peek() == Some(&'}') => {
                    rest.next();
                    plain.push('}');
                }
                '{' => {
                    let mut inside = String::new();
                    loop {
                        match rest.next() {
                            Some('}') => break,
                            Some(c) => inside.push(c),
                            None => return Err(wrong("a brace is not closed")),
                        }
                    }
                    if !plain.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut plain)));
                    }
                    fields(&inside, &mut parts)?;
                }
                '}' => return Err(wrong("a brace is not opened; write }} for one")),
                c => plain.push(c),
            }
        }
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        let pattern = Self { parts, reset, zone };
        pattern.check()?;
        Ok(pattern)
    }

    fn check(&self) -> Result<()> {
        let has = |wanted: &[Part]| wanted.iter().any(|part| self.parts.contains(part));
        let sequences = self.parts.iter().filter(|part| matches!(part, Part::Sequence(_))).count();
        if sequences != 1 {
            return Err(wrong("it needs {seq} exactly once"));
        }
        let year = has(&[Part::Year, Part::ShortYear]);
        let told = match self.reset {
            Reset::Never => true,
            Reset::Year => year,
            Reset::Month => year && has(&[Part::Month]),
            Reset::Day => year && has(&[Part::Month]) && has(&[Part::Day]),
        };
        if told { Ok(()) } else { Err(wrong("it must say the period in which it counts, or numbers repeat")) }
    }

    /// The period of an instant: the date with which it begins, as text.
    pub fn period(&self, at: DateTime<Utc>) -> String {
        let local = self.zone.from_utc_datetime(&at.naive_utc());
        match self.reset {
            Reset::Never => String::new(),
            Reset::Year => format!("{:04}", local.year()),
            Reset::Month => format!("{:04}-{:02}", local.year(), local.month()),
            Reset::Day => format!("{:04}-{:02}-{:02}", local.year(), local.month(), local.day()),
        }
    }

    /// A number as it is written.
    pub fn write(&self, at: DateTime<Utc>, sequence: i64) -> String {
        let local = self.zone.from_utc_datetime(&at.naive_utc());
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Year => out.push_str(&format!("{:04}", local.year())),
                Part::ShortYear => out.push_str(&format!("{:02}", local.year().rem_euclid(100))),
                Part::Month => out.push_str(&format!("{:02}", local.month())),
                Part::Day => out.push_str(&format!("{:02}", local.day())),
                Part::Hour => out.push_str(&format!("{:02}", local.hour())),
                Part::Sequence(width) => out.push_str(&format!("{sequence:0width$}")),
            }
        }
        out
    }

    /// The date, as far as it is told, and the sequence of a number; `None` for one that this pattern does
    /// not write.
    pub fn read(&self, text: &str) -> Option<(Option<NaiveDate>, i64)> {
        let (mut year, mut month, mut day, mut sequence) = (None, 1, 1, None);
        let mut rest = text;
        for (at, part) in self.parts.iter().enumerate() {
            let width = match part {
                Part::Text(plain) => {
                    rest = rest.strip_prefix(plain.as_str())?;
                    continue;
                }
                Part::Year => 4,
                Part::Sequence(least) => {
                    // It may have grown; what comes after it has a length that is known.
                    let after: usize = self.parts[at + 1..].iter().map(Part::width).sum();
                    rest.len().checked_sub(after).filter(|width| width >= least)?
                }
                _ => 2,
            };
            let number = rest.get(..width)?;
            if !number.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            rest = &rest[width..];
            match part {
                Part::Year => year = Some(number.parse().ok()?),
                Part::ShortYear => year = year.or(Some(2000 + number.parse::<i32>().ok()?)),
                Part::Month => month = number.parse().ok()?,
                Part::Day => day = number.parse().ok()?,
                Part::Sequence(_) => sequence = Some(number.parse().ok()?),
                Part::Hour | Part::Text(_) => {}
            }
        }
        let date = match year {
            Some(year) => Some(NaiveDate::from_ymd_opt(year, month, day)?),
            None => None,
        };
        if rest.is_empty() { Some((date, sequence?)) } else { None }
    }
}

impl Part {
    fn width(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Year => 4,
            Self::Sequence(width) => *width,
            _ => 2,
        }
    }
}

/// What stands within a pair of braces.
fn fields(inside: &str, parts: &mut Vec<Part>) -> Result<()> {
    if let Some(width) = inside.strip_prefix("seq") {
        let width = match width.strip_prefix(':') {
            None if width.is_empty() => Some(1),
            None => None,
            Some(digits) => digits.parse().ok().filter(|width| (1..=DIGITS).contains(width)),
        };
        let width = width
            .ok_or_else(|| wrong(format!("{{{inside}}}: write {{seq}} or {{seq:1}} to {{seq:{DIGITS}}}")))?;
        parts.push(Part::Sequence(width));
        return Ok(());
    }
    let mut rest = inside;
    while !rest.is_empty() {
        let known = [
            ("yyyy", Part::Year),
            ("yy", Part::ShortYear),
            ("MM", Part::Month),
            ("dd", Part::Day),
            ("HH", Part::Hour),
        ];
        let found = known.into_iter().find(|(word, _)| rest.starts_with(word));
        let (word, part) = found.ok_or_else(|| {
            wrong(format!("{{{inside}}} is not known; there are yyyy, yy, MM, dd, HH and seq"))
        })?;
        rest = &rest[word.len()..];
        parts.push(part);
    }
    if inside.is_empty() { Err(wrong("a pair of braces is empty")) } else { Ok(()) }
}

impl Engine {
    /// The next `count` numbers of a pattern, in the caller's unit of work: committed with it or not at all.
    /// `first` is the number with which a period begins. Others who want numbers of the same period wait
    /// until it ends.
    ///
    /// Errors: 409 `number_exhausted` above eighteen digits.
    pub async fn numbers_within(
        &self,
        tx: &Tx,
        (org, generator): (Id, Id),
        pattern: &Pattern,
        first: i64,
        count: i64,
    ) -> Result<Vec<String>> {
        let at = self.shared.clock.now();
        let last =
            store::number::draw(tx, (org, generator, self.new_id()), &pattern.period(at), first, count)
                .await?;
        if last >= 10_i64.pow(18) {
            return Err(Error::conflict("number_exhausted", "there are no numbers left in this period"));
        }
        Ok((last - count + 1..=last).map(|sequence| pattern.write(at, sequence)).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_number_is_written_for_the_day_of_its_zone() {
        let zone = chrono_tz::Asia::Shanghai;
        let pattern = Pattern::parse("INV-{yyyyMMdd}-{seq:4}", Reset::Day, zone).unwrap();
        let evening = at("2026-11-25T16:30:00Z");
        assert_eq!(pattern.write(evening, 7), "INV-20261126-0007");
        assert_eq!(pattern.period(evening), "2026-11-26");
        assert_eq!(pattern.write(evening, 123_456), "INV-20261126-123456");
        let date = NaiveDate::from_ymd_opt(2026, 11, 26);
        assert_eq!(pattern.read("INV-20261126-0007"), Some((date, 7)));
        assert_eq!(pattern.read("INV-20261126-123456"), Some((date, 123_456)));
        assert_eq!(pattern.read("INV-20261326-0007"), None);
        assert_eq!(pattern.read("BILL-20261126-0007"), None);
    }

    #[test]
    fn patterns_that_would_repeat_numbers_or_say_nothing_are_refused() {
        for (text, reset) in [
            ("INV-{seq:4}", Reset::Day),
            ("INV-{yyyyMM}-{seq}", Reset::Day),
            ("{yyyy}-{seq}", Reset::Month),
            ("{seq}", Reset::Year),
            ("no sequence", Reset::Never),
            ("{seq}{seq}", Reset::Never),
            ("{seq:0}", Reset::Never),
            ("{seq:19}", Reset::Never),
            ("{sequence}", Reset::Never),
            ("{seq", Reset::Never),
            ("seq}", Reset::Never),
            ("{}{seq}", Reset::Never),
            ("{hh}{seq}", Reset::Never),
        ] {
            let error = Pattern::parse(text, reset, chrono_tz::UTC).unwrap_err();
            assert_eq!(error.field_errors()[0].field, "pattern", "{text}");
        }
        let braces = Pattern::parse("{{{seq}}}", Reset::Never, chrono_tz::UTC).unwrap();
        assert_eq!(braces.write(at("2026-01-01T00:00:00Z"), 5), "{5}");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(seconds in 0i64..4_000_000_000, sequence in 0i64..1_000_000_000, width in 1usize..10) {
            let pattern = Pattern::parse(&format!("A{{yyyyMMdd}}/{{seq:{width}}}x"), Reset::Day, chrono_tz::Asia::Tokyo).unwrap();
            let at = DateTime::from_timestamp(seconds, 0).unwrap();
            let (date, read) = pattern.read(&pattern.write(at, sequence)).unwrap();
            prop_assert_eq!(read, sequence);
            prop_assert_eq!(date.unwrap().to_string(), pattern.period(at));
        }
    }
}
