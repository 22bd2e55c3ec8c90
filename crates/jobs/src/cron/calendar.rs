//! Which wall-clock times an expression names, without any zone: sets of values as bits, and the next time by
//! jumping field by field. May import: fields.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

use super::{
    field::{DayOfMonth, DayOfWeek, Dialect, FIRST_YEAR, Item, LAST_YEAR, Span, Unit},
    parse::Fields,
};

const EVERY_DATE: u32 = !1;
const EVERY_WEEKDAY: u8 = 0b111_1111;

/// An expression as sets: bit n of a set stands for the value n.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Calendar {
    seconds: u64,
    minutes: u64,
    hours: u64,
    months: u64,
    days: Days,
    /// Bit n of the whole stands for the year `FIRST_YEAR + n`.
    years: [u64; 4],
}

/// Which days of a month. Dates are bits 1 to 31, weekdays bits 0 (Sunday) to 6.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Days {
    /// The date and the weekday match.
    Both(u32, u8),
    /// The date or the weekday matches.
    Either(u32, u8),
    Last {
        before: u32,
        weekday: bool,
    },
    NearestWeekday(u32),
    LastWeekday(u32),
    NthWeekday(u32, u32),
}

impl Calendar {
    pub(super) fn new(fields: &Fields) -> Self {
        let set = |unit, items: &[Item]| {
            let bounds = fields.dialect.bounds(unit);
            items.iter().flat_map(|item| item.values(bounds)).fold(0u64, |set, value| set | 1 << value)
        };
        let mut years = [0u64; 4];
        for year in fields.years.iter().flat_map(|item| item.values((FIRST_YEAR, LAST_YEAR))) {
            let index = year - FIRST_YEAR;
            years[usize::from(index / 64)] |= 1 << (index % 64);
        }
        Self {
            seconds: set(Unit::Second, &fields.seconds),
            minutes: set(Unit::Minute, &fields.minutes),
            hours: set(Unit::Hour, &fields.hours),
            months: set(Unit::Month, &fields.months),
            days: Days::new(fields),
            years,
        }
    }

    /// The first time at or after `from` that the expression names, up to the end of `LAST_YEAR`.
    pub(super) fn next(&self, from: NaiveDateTime) -> Option<NaiveDateTime> {
        let date = from.date();
        if self.day_from(date) == Some(date)
            && let Some(time) = self.time_from(from.time())
        {
            return Some(date.and_time(time));
        }
        Some(self.day_from(date.succ_opt()?)?.and_time(self.time_from(NaiveTime::MIN)?))
    }

    fn day_from(&self, from: NaiveDate) -> Option<NaiveDate> {
        let first_year = from.year().max(i32::from(FIRST_YEAR));
        for year in (first_year..=i32::from(LAST_YEAR)).filter(|year| self.has_year(*year)) {
            let first_month = if year == from.year() { from.month() } else { 1 };
            for month in (first_month..=12).filter(|month| self.months >> month & 1 == 1) {
                let first = NaiveDate::from_ymd_opt(year, month, 1)?;
                let mut days = self.days.in_month(first);
                if (year, month) == (from.year(), from.month()) {
                    days = days >> from.day() << from.day();
                }
                if days != 0 {
                    return first.with_day(days.trailing_zeros());
                }
            }
        }
        None
    }

    fn has_year(&self, year: i32) -> bool {
        let index = usize::try_from(year - i32::from(FIRST_YEAR)).unwrap_or(usize::MAX);
        self.years.get(index / 64).is_some_and(|years| years >> (index % 64) & 1 == 1)
    }

    fn time_from(&self, from: NaiveTime) -> Option<NaiveTime> {
        let (hour, minute, second) = (from.hour(), from.minute(), from.second());
        let first_minute = at_least(self.minutes, 0)?;
        let first_second = at_least(self.seconds, 0)?;
        if self.hours >> hour & 1 == 1 {
            if self.minutes >> minute & 1 == 1
                && let Some(second) = at_least(self.seconds, second)
            {
                return NaiveTime::from_hms_opt(hour, minute, second);
            }
            if let Some(minute) = at_least(self.minutes, minute + 1) {
                return NaiveTime::from_hms_opt(hour, minute, first_second);
            }
        }
        NaiveTime::from_hms_opt(at_least(self.hours, hour + 1)?, first_minute, first_second)
    }
}

impl Days {
    fn new(fields: &Fields) -> Self {
        let dialect = fields.dialect;
        let weekday = |value: u16| match dialect {
            Dialect::Vixie => u32::from(value % 7),
            Dialect::Quartz => u32::from(value) - 1,
        };
        let dates = match &fields.days {
            DayOfMonth::Unspecified => EVERY_DATE,
            DayOfMonth::Items(items) => items
                .iter()
                .flat_map(|item| item.values(dialect.bounds(Unit::DayOfMonth)))
                .fold(0, |set, day| set | 1 << day),
            DayOfMonth::Last { before, weekday } => {
                return Self::Last { before: u32::from(*before), weekday: *weekday };
            }
            DayOfMonth::NearestWeekday(day) => return Self::NearestWeekday(u32::from(*day)),
        };
        let weekdays = match &fields.weekdays {
            DayOfWeek::Unspecified => EVERY_WEEKDAY,
            DayOfWeek::Items(items) => items
                .iter()
                .flat_map(|item| item.values(dialect.bounds(Unit::DayOfWeek)))
                .fold(0, |set, day| set | 1 << weekday(day)),
            DayOfWeek::Last(day) => return Self::LastWeekday(weekday(*day)),
            DayOfWeek::Nth(day, nth) => return Self::NthWeekday(weekday(*day), u32::from(*nth)),
        };
        if dialect == Dialect::Vixie && !starts_with_star(fields) {
            Self::Either(dates, weekdays)
        } else {
            Self::Both(dates, weekdays)
        }
    }

    /// The matching days of the month that begins with `first`.
    fn in_month(&self, first: NaiveDate) -> u32 {
        let length = u32::from(first.num_days_in_month());
        let offset = first.weekday().num_days_from_sunday();
        let weekday = |day: u32| (offset + day - 1) % 7;
        let those = |wanted: &dyn Fn(u32) -> bool| {
            (1..=length).filter(|day| wanted(*day)).fold(0u32, |set, day| set | 1 << day)
        };
        let nearest = |day: u32| match weekday(day) {
            0 if day == length => day - 2,
            0 => day + 1,
            6 if day == 1 => day + 2,
            6 => day - 1,
            _ => day,
        };
        match *self {
            Self::Both(dates, weekdays) => {
                those(&|day| dates >> day & 1 == 1 && weekdays >> weekday(day) & 1 == 1)
            }
            Self::Either(dates, weekdays) => {
                those(&|day| dates >> day & 1 == 1 || weekdays >> weekday(day) & 1 == 1)
            }
            // A month that has no such day is passed over.
            Self::Last { before, .. } if before >= length => 0,
            Self::Last { before, weekday: false } => 1 << (length - before),
            Self::Last { before, weekday: true } => 1 << nearest(length - before),
            Self::NearestWeekday(day) if day > length => 0,
            Self::NearestWeekday(day) => 1 << nearest(day),
            Self::LastWeekday(wanted) => those(&|day| weekday(day) == wanted && day + 7 > length),
            Self::NthWeekday(wanted, nth) => those(&|day| weekday(day) == wanted && day.div_ceil(7) == nth),
        }
    }
}

/// Vixie's rule: a day field that begins with `*`, be it `*/2`, leaves the day to the other one.
pub(super) fn starts_with_star(fields: &Fields) -> bool {
    let star = |items: &[Item]| items.first().is_some_and(|item| item.span == Span::All);
    matches!(&fields.days, DayOfMonth::Items(items) if star(items))
        || matches!(&fields.weekdays, DayOfWeek::Items(items) if star(items))
}

fn at_least(set: u64, low: u32) -> Option<u32> {
    let rest = set.checked_shr(low)?;
    (rest != 0).then(|| low + rest.trailing_zeros())
}
