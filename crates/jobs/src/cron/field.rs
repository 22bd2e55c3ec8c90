//! The fields of an expression: their bounds in the two dialects, and the elements of their lists.
//! Pure values; imports nothing.

use std::fmt;

/// The first year that an expression can name, and from which it is looked at.
pub(super) const FIRST_YEAR: u16 = 1970;
/// The last year that an expression can name, and in which anything fires.
pub(super) const LAST_YEAR: u16 = 2199;

/// The grammar of an expression; the number of its fields selects it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Five fields, minute first; Sunday is 0 and 7.
    Vixie,
    /// Six or seven fields, second first; Sunday is 1.
    Quartz,
}

/// What a field counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// 0 to 59.
    Second,
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// 1 to 31.
    DayOfMonth,
    /// 1 to 12.
    Month,
    /// 0 to 7, or 1 to 7 in Quartz.
    DayOfWeek,
    /// 1970 to 2199.
    Year,
}

const VIXIE: [Unit; 5] = [Unit::Minute, Unit::Hour, Unit::DayOfMonth, Unit::Month, Unit::DayOfWeek];
const QUARTZ: [Unit; 7] =
    [Unit::Second, Unit::Minute, Unit::Hour, Unit::DayOfMonth, Unit::Month, Unit::DayOfWeek, Unit::Year];

impl Unit {
    /// The field's name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day-of-month",
            Self::Month => "month",
            Self::DayOfWeek => "day-of-week",
            Self::Year => "year",
        }
    }

    /// The three-letter names, in order, where the field has any.
    pub(super) fn names(self) -> &'static [&'static str] {
        match self {
            Self::Month => {
                &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
            }
            Self::DayOfWeek => &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
            _ => &[],
        }
    }
}

impl Dialect {
    /// The fields in the order of the text; the last of Quartz may be left out.
    pub fn units(self) -> &'static [Unit] {
        match self {
            Self::Vixie => &VIXIE,
            Self::Quartz => &QUARTZ,
        }
    }

    /// The least and the greatest number that the field accepts.
    pub(super) fn bounds(self, unit: Unit) -> (u16, u16) {
        match (unit, self) {
            (Unit::Second | Unit::Minute, _) => (0, 59),
            (Unit::Hour, _) => (0, 23),
            (Unit::DayOfMonth, _) => (1, 31),
            (Unit::Month, _) => (1, 12),
            (Unit::DayOfWeek, Self::Vixie) => (0, 7),
            (Unit::DayOfWeek, Self::Quartz) => (1, 7),
            (Unit::Year, _) => (FIRST_YEAR, LAST_YEAR),
        }
    }

    /// Quartz refuses a step that is larger than the field; Vixie cron takes any.
    pub(super) fn largest_step(self, unit: Unit) -> Option<u16> {
        match (self, unit) {
            (Self::Vixie, _) => None,
            (Self::Quartz, Unit::Year) => Some(LAST_YEAR - FIRST_YEAR),
            (Self::Quartz, _) => Some(self.bounds(unit).1),
        }
    }
}

/// What an element covers before its step is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Span {
    /// `*`
    All,
    /// `a`
    One(u16),
    /// `a/n`: from `a` to the end of the field.
    From(u16),
    /// `a-b`; with `a > b` it wraps around (Quartz).
    Between(u16, u16),
}

/// One element of a field's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Item {
    pub span: Span,
    /// Every how many; 1 where none is written.
    pub step: u16,
}

impl Item {
    pub(super) const ALL: Self = Self { span: Span::All, step: 1 };

    pub(super) fn one(value: u16) -> Self {
        Self { span: Span::One(value), step: 1 }
    }

    /// The values in the order of the element: a range that wraps around ends with small ones.
    pub(super) fn values(self, (min, max): (u16, u16)) -> impl Iterator<Item = u16> {
        let cycle = max - min + 1;
        let (first, last) = match self.span {
            Span::All => (min, max),
            Span::One(value) => (value, value),
            Span::From(first) => (first, max),
            Span::Between(first, last) if first <= last => (first, last),
            Span::Between(first, last) => (first, last + cycle),
        };
        (first..=last).step_by(usize::from(self.step.max(1))).map(move |value| (value - min) % cycle + min)
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.span {
            Span::All => write!(f, "*")?,
            Span::One(value) => return write!(f, "{value}"),
            Span::From(first) => return write!(f, "{first}/{}", self.step),
            Span::Between(first, last) => write!(f, "{first}-{last}")?,
        }
        if self.step == 1 { Ok(()) } else { write!(f, "/{}", self.step) }
    }
}

/// A list as it is written: elements with commas between them.
pub(super) struct Listed<'a>(pub &'a [Item]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, item) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            item.fmt(f)?;
        }
        Ok(())
    }
}

/// The day-of-month field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum DayOfMonth {
    /// `?`
    Unspecified,
    /// A list.
    Items(Vec<Item>),
    /// `L`, `L-n`; with `W` the weekday nearest to it.
    Last { before: u16, weekday: bool },
    /// `nW`
    NearestWeekday(u16),
}

impl fmt::Display for DayOfMonth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unspecified => f.write_str("?"),
            Self::Items(items) => Listed(items).fmt(f),
            Self::Last { before, weekday } => {
                f.write_str("L")?;
                if *before > 0 {
                    write!(f, "-{before}")?;
                }
                f.write_str(if *weekday { "W" } else { "" })
            }
            Self::NearestWeekday(day) => write!(f, "{day}W"),
        }
    }
}

/// The day-of-week field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum DayOfWeek {
    /// `?`
    Unspecified,
    /// A list.
    Items(Vec<Item>),
    /// `nL`: the last such day of the month.
    Last(u16),
    /// `n#k`: the k-th such day of the month.
    Nth(u16, u16),
}

impl fmt::Display for DayOfWeek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unspecified => f.write_str("?"),
            Self::Items(items) => Listed(items).fmt(f),
            Self::Last(day) => write!(f, "{day}L"),
            Self::Nth(day, nth) => write!(f, "{day}#{nth}"),
        }
    }
}
