//! Cron expressions: read, explain, and find the next fire times. Pure: no clock, no I/O; imports chrono and
//! chrono-tz only.
//!
//! **Five fields** are Vixie cron's: minute, hour, day-of-month, month, day-of-week. Sunday is 0 and 7. Names of
//! months and weekdays may stand wherever their numbers may. `*/n`, `a-b/n`, and `a/n`, which runs from `a` to the
//! end of the field. When neither day field begins with `*`, a day matches if *either* does; when one begins with
//! `*` (also `*/2`), *both* must match. `@yearly`, `@annually`, `@monthly`, `@weekly`, `@daily`, `@midnight` and
//! `@hourly` are short for five fields.
//!
//! **Six or seven fields** are Quartz's: second, minute, hour, day-of-month, month, day-of-week and, if wanted,
//! year (1970 to 2199). Sunday is 1. Exactly one day field is `?`. Day-of-month knows `L`, `L-n`, `LW`, `L-nW` and
//! `nW`; day-of-week `L` (Saturday), `nL` and `n#k`; they stand alone. Ranges wrap around (`22-2`, `FRI-MON`).
//! A month that has no such day (`31W`, `L-30`, `6#5`) is passed over.
//!
//! **Daylight saving time.** An expression whose hours run over the whole day (`*`, `*/n`, `0/n`, `0-23`) follows
//! elapsed time: it fires in both passes of an hour that occurs twice, and nothing is added for an hour that is
//! left out. Every other one names fixed times: one that is left out fires at the end of the gap (several in one
//! gap fire once), one that occurs twice fires the first time. So does Vixie cron, for which a `*` in the minute field
//! is a wildcard too. Quartz drops the times in a gap and the first pass of an overlap, also for wildcards: a
//! deliberate difference.

mod calendar;
mod describe;
mod error;
mod field;
pub mod interval;
mod parse;
mod zone;

use std::{fmt, iter::FusedIterator, str::FromStr};

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;

use self::{
    calendar::Calendar,
    field::{Item, Listed, Span},
    parse::Fields,
};
pub use self::{
    describe::Locale,
    error::{CronError, Place},
    field::{Dialect, Unit},
};

/// The longest expression that is read, in bytes.
pub const MAX_LENGTH: usize = 1000;

/// A cron expression. `Display` gives its normalised text: one blank between fields, numbers for names, macros
/// written out; reading that text gives an equal value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cron {
    fields: Fields,
    calendar: Calendar,
    elapsed: bool,
}

impl Cron {
    /// Reads an expression of five, six or seven fields, or a macro such as `@daily`. Case does not matter.
    ///
    /// # Errors
    ///
    /// [`CronError`], which names the field, for everything that the dialect does not define. An expression that
    /// is well-formed and never fires is not an error: see [`Cron::never`].
    pub fn parse(text: &str) -> Result<Self, CronError> {
        let fields = parse::parse(text)?;
        let calendar = Calendar::new(&fields);
        let elapsed = fields.hours.iter().any(|item| runs_over_the_day(*item));
        Ok(Self { fields, calendar, elapsed })
    }

    /// The grammar in which it is written.
    pub fn dialect(&self) -> Dialect {
        self.fields.dialect
    }

    /// Whether no date from 1970 to 2199 matches, such as the 30th of February.
    pub fn never(&self) -> bool {
        let start = NaiveDate::from_ymd_opt(i32::from(field::FIRST_YEAR), 1, 1);
        start.is_none_or(|start| self.calendar.next(start.and_time(NaiveTime::MIN)).is_none())
    }

    /// The first fire time strictly after `after`, in whole seconds, with the clock of `zone`; `None` when there is
    /// none up to the end of 2199.
    pub fn next_after(&self, after: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        // Nothing fires before 1970; two days of margin are more than any offset.
        let after = after.max(DateTime::from_timestamp(-2 * 86_400, 0)?);
        if after.year() > i32::from(field::LAST_YEAR) + 1 {
            return None;
        }
        if self.elapsed {
            zone::next_elapsed(&self.calendar, after, zone)
        } else {
            zone::next_fixed(&self.calendar, after, zone)
        }
    }

    /// All fire times strictly after `after`, in order.
    pub fn upcoming(&self, after: DateTime<Utc>, zone: Tz) -> Upcoming<'_> {
        Upcoming { cron: self, after: Some(after), zone }
    }

    /// The expression in words, as a sentence without a full stop.
    pub fn describe(&self, locale: Locale) -> String {
        describe::describe(&self.fields, locale)
    }
}

/// Whether an element of the hour field is a wildcard, perhaps with a step.
fn runs_over_the_day(item: Item) -> bool {
    matches!(item.span, Span::All | Span::From(0) | Span::Between(0, 23))
}

impl FromStr for Cron {
    type Err = CronError;

    fn from_str(text: &str) -> Result<Self, CronError> {
        Self::parse(text)
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = &self.fields;
        if fields.dialect == Dialect::Quartz {
            write!(f, "{} ", Listed(&fields.seconds))?;
        }
        let (minutes, hours, months) =
            (Listed(&fields.minutes), Listed(&fields.hours), Listed(&fields.months));
        write!(f, "{minutes} {hours} {} {months} {}", fields.days, fields.weekdays)?;
        if fields.years == [Item::ALL] { Ok(()) } else { write!(f, " {}", Listed(&fields.years)) }
    }
}

/// The fire times of an expression, in order. Ends where there is no further one.
#[derive(Clone, Debug)]
pub struct Upcoming<'a> {
    cron: &'a Cron,
    after: Option<DateTime<Utc>>,
    zone: Tz,
}

impl Iterator for Upcoming<'_> {
    type Item = DateTime<Utc>;

    fn next(&mut self) -> Option<Self::Item> {
        self.after = self.cron.next_after(self.after?, self.zone);
        self.after
    }
}

impl FusedIterator for Upcoming<'_> {}
