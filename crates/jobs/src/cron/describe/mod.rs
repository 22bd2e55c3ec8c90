//! An expression in words. Here its parts are sorted into shapes that a sentence can name; each language's file
//! turns them into its own words. May import: fields.

mod chinese;
mod english;

use super::{
    calendar::starts_with_star,
    field::{DayOfMonth, DayOfWeek, Dialect, Item, Span, Unit},
    parse::Fields,
};

/// The language of a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Locale {
    /// English.
    En,
    /// Simplified Chinese.
    Zh,
}

pub(super) fn describe(fields: &Fields, locale: Locale) -> String {
    let phrase = Phrase::new(fields);
    match locale {
        Locale::En => english::sentence(&phrase),
        Locale::Zh => chinese::sentence(&phrase),
    }
}

/// More clock times than this are not listed one by one.
const LISTED_TIMES: usize = 12;

/// More windows of time than this are named by their hours only.
const LISTED_WINDOWS: usize = 3;

/// One part of a field, as a sentence would name it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// All values.
    Every,
    /// Every n-th value; `even` when that spacing also holds across the end of the field.
    Steps { every: u16, from: u16, to: u16, even: bool },
    /// All values of a range, which may wrap around.
    Run { from: u16, to: u16 },
    /// Single values, ascending.
    Values(Vec<u16>),
}

/// The days that are meant. Weekdays are counted from Monday = 1 to Sunday = 7.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Days {
    Every,
    Dates(Vec<Piece>),
    Weekdays(Vec<Piece>),
    /// Dates and, besides, weekdays.
    Either(Vec<u16>, Vec<Piece>),
    /// Weekdays that are such dates.
    Both(Vec<u16>, Vec<Piece>),
    Last {
        before: u16,
    },
    /// The weekday nearest the last day less so many.
    LastWorkday {
        before: u16,
    },
    NearestWorkday(u16),
    LastWeekday(u16),
    NthWeekday(u16, u16),
}

/// Everything that a sentence says.
struct Phrase {
    seconds: Vec<Piece>,
    minutes: Vec<Piece>,
    hours: Vec<Piece>,
    days: Days,
    /// Ascending; empty when every month is meant.
    months: Vec<u16>,
    years: Vec<Piece>,
}

impl Phrase {
    fn new(fields: &Fields) -> Self {
        let pieces = |unit, items: &[Item]| pieces(items, fields.dialect.bounds(unit));
        let months = values(&fields.months, fields.dialect.bounds(Unit::Month));
        let days = days(fields);
        let years = pieces(Unit::Year, &fields.years);
        // "From 22:00 to 02:00" is the truth only where the next day belongs to it: the same holds for minutes and
        // hours, and seconds and minutes.
        let every_day = days == Days::Every && months.len() == 12 && years == [Piece::Every];
        let hours = unwrapped(pieces(Unit::Hour, &fields.hours), 23, every_day);
        let every_hour = every_day && hours == [Piece::Every];
        let minutes = unwrapped(pieces(Unit::Minute, &fields.minutes), 59, every_hour);
        let every_minute = every_hour && minutes == [Piece::Every];
        let seconds = unwrapped(pieces(Unit::Second, &fields.seconds), 59, every_minute);
        let months = if months.len() == 12 { Vec::new() } else { months };
        Self { seconds, minutes, hours, days, months, years }
    }

    /// The clock times, when there are few enough to list: hour, minute, second.
    fn clock_times(&self) -> Option<Vec<(u16, u16, u16)>> {
        let (hours, minutes, seconds) =
            (singles(&self.hours)?, singles(&self.minutes)?, singles(&self.seconds)?);
        if hours.len() * minutes.len() * seconds.len() > LISTED_TIMES {
            return None;
        }
        let mut times = Vec::new();
        for hour in hours {
            for minute in minutes {
                times.extend(seconds.iter().map(|second| (*hour, *minute, *second)));
            }
        }
        Some(times)
    }

    /// The one minute and second, when only the hour varies.
    fn past_the_hour(&self) -> Option<(u16, u16)> {
        match (singles(&self.minutes)?, singles(&self.seconds)?) {
            ([minute], [second]) => Some((*minute, *second)),
            _ => None,
        }
    }

    /// The minutes of one hour that are a range or have a step: first and last time, and the step.
    fn within_one_hour(&self) -> Option<(String, String, u16)> {
        let Some([hour]) = singles(&self.hours) else {
            return None;
        };
        let time = |minute: &u16| clock((*hour, *minute, 0));
        match self.minutes.as_slice() {
            [Piece::Steps { every, from, to, even: false }] if self.on_the_minute() && from <= to => {
                Some((time(from), time(to), *every))
            }
            [Piece::Run { from, to }] if self.on_the_minute() && from <= to => {
                Some((time(from), time(to), 1))
            }
            _ => None,
        }
    }

    /// The few whole minutes within which seconds vary: the first and the last second of each.
    fn whole_minutes(&self) -> Option<Vec<(String, String)>> {
        let (hours, minutes) = (singles(&self.hours)?, singles(&self.minutes)?);
        if hours.len() * minutes.len() > LISTED_WINDOWS {
            return None;
        }
        let window = |hour: &u16, minute: &u16| {
            (format!("{hour:02}:{minute:02}:00"), format!("{hour:02}:{minute:02}:59"))
        };
        Some(hours.iter().flat_map(|hour| minutes.iter().map(move |minute| window(hour, minute))).collect())
    }

    fn on_the_minute(&self) -> bool {
        singles(&self.seconds) == Some(&[0])
    }

    fn every_hour(&self) -> bool {
        self.hours == [Piece::Every]
    }

    fn every_minute(&self) -> bool {
        self.minutes == [Piece::Every]
    }
}

/// Ranges that wrap around, cut in two, unless they may stay.
fn unwrapped(pieces: Vec<Piece>, max: u16, may_wrap: bool) -> Vec<Piece> {
    let wraps =
        |piece: &Piece| matches!(piece, Piece::Run { from, to } | Piece::Steps { from, to, .. } if from > to);
    if may_wrap || !pieces.iter().any(wraps) {
        return pieces;
    }
    let mut cut = Vec::new();
    let mut single = Vec::new();
    for (from, to) in windows(&expand(&pieces, 0, max)) {
        if from == to { single.push(from) } else { cut.push(Piece::Run { from, to }) }
    }
    if !single.is_empty() {
        cut.push(Piece::Values(single));
    }
    cut
}

/// Clock times in one form: with seconds if any of them has some.
fn clocks(times: &[(u16, u16, u16)]) -> Vec<String> {
    let seconds = times.iter().any(|(_, _, second)| *second != 0);
    let text = |(hour, minute, second): (u16, u16, u16)| {
        if seconds { format!("{hour:02}:{minute:02}:{second:02}") } else { clock((hour, minute, second)) }
    };
    times.iter().copied().map(text).collect()
}

/// `09:30`, and the seconds where there are any.
fn clock((hour, minute, second): (u16, u16, u16)) -> String {
    if second == 0 { format!("{hour:02}:{minute:02}") } else { format!("{hour:02}:{minute:02}:{second:02}") }
}

/// The values, when the field is nothing but single ones.
fn singles(pieces: &[Piece]) -> Option<&[u16]> {
    match pieces {
        [Piece::Values(values)] => Some(values),
        _ => None,
    }
}

/// The spacing, when the field is nothing but an even rhythm such as every 15 minutes.
fn rhythm(pieces: &[Piece]) -> Option<u16> {
    match pieces {
        [Piece::Every] => Some(1),
        [Piece::Steps { every, even: true, .. }] => Some(*every),
        _ => None,
    }
}

/// All values of the pieces of a field from `min` to `max`, ascending.
fn expand(pieces: &[Piece], min: u16, max: u16) -> Vec<u16> {
    let mut values = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Every => values.extend(min..=max),
            Piece::Values(few) => values.extend_from_slice(few),
            Piece::Run { from, to } => values.extend(around(*from, *to, 1, min, max)),
            Piece::Steps { every, from, to, .. } => values.extend(around(*from, *to, *every, min, max)),
        }
    }
    values.sort_unstable();
    values.dedup();
    values
}

fn around(from: u16, to: u16, every: u16, min: u16, max: u16) -> impl Iterator<Item = u16> {
    Item { span: Span::Between(from, to), step: every }.values((min, max))
}

fn values(items: &[Item], bounds: (u16, u16)) -> Vec<u16> {
    let mut values: Vec<u16> = items.iter().flat_map(|item| item.values(bounds)).collect();
    values.sort_unstable();
    values.dedup();
    values
}

fn pieces(items: &[Item], (min, max): (u16, u16)) -> Vec<Piece> {
    if values(items, (min, max)).len() == usize::from(max - min + 1) {
        return vec![Piece::Every];
    }
    let mut pieces = Vec::new();
    let mut single = Vec::new();
    for item in items {
        let named: Vec<u16> = item.values((min, max)).collect();
        match (named.as_slice(), item.step) {
            ([from, _, .., to], 1) => pieces.push(Piece::Run { from: *from, to: *to }),
            ([from, _, .., to], every) => {
                let even = *from == min && (max - min + 1) % every == 0 && to + every > max;
                pieces.push(Piece::Steps { every, from: *from, to: *to, even });
            }
            (few, _) => single.extend_from_slice(few),
        }
    }
    if !single.is_empty() {
        single.sort_unstable();
        single.dedup();
        pieces.push(Piece::Values(single));
    }
    pieces
}

/// Neighbours gathered, each alone as a run of one.
fn windows(values: &[u16]) -> Vec<(u16, u16)> {
    let mut windows: Vec<(u16, u16)> = Vec::new();
    for value in values {
        match windows.last_mut() {
            Some((_, to)) if *to + 1 == *value => *to = *value,
            _ => windows.push((*value, *value)),
        }
    }
    windows
}

/// Like [`windows`], but two neighbours stay single: "the 1st and 2nd", "the 1st to 3rd".
fn runs(values: &[u16]) -> Vec<(u16, u16)> {
    let split = |(from, to): (u16, u16)| {
        if to == from + 1 { vec![(from, from), (to, to)] } else { vec![(from, to)] }
    };
    windows(values).into_iter().flat_map(split).collect()
}

fn days(fields: &Fields) -> Days {
    let dialect = fields.dialect;
    let dates = match &fields.days {
        DayOfMonth::Unspecified => None,
        DayOfMonth::Items(items) => Some(items.as_slice()),
        DayOfMonth::Last { before, weekday: false } => return Days::Last { before: *before },
        DayOfMonth::Last { before, weekday: true } => return Days::LastWorkday { before: *before },
        DayOfMonth::NearestWeekday(day) => return Days::NearestWorkday(*day),
    };
    let weekdays = match &fields.weekdays {
        DayOfWeek::Unspecified => None,
        DayOfWeek::Items(items) => Some(weekday_pieces(items, dialect)),
        DayOfWeek::Last(day) => return Days::LastWeekday(from_monday(*day, dialect)),
        DayOfWeek::Nth(day, nth) => return Days::NthWeekday(from_monday(*day, dialect), *nth),
    };
    let bounds = dialect.bounds(Unit::DayOfMonth);
    let every_date = dates.is_none_or(|items| values(items, bounds).len() == 31);
    let every_weekday = weekdays.as_ref().is_none_or(|pieces| *pieces == [Piece::Every]);
    let dates = dates.unwrap_or_default();
    let weekdays = weekdays.unwrap_or_default();
    let either = dialect == Dialect::Vixie && !starts_with_star(fields);
    match (every_date, every_weekday) {
        (true, true) => Days::Every,
        (true, false) | (false, true) if either => Days::Every,
        (true, false) => Days::Weekdays(weekdays),
        (false, true) => Days::Dates(pieces(dates, bounds)),
        (false, false) if either => Days::Either(values(dates, bounds), weekdays),
        (false, false) => Days::Both(values(dates, bounds), weekdays),
    }
}

fn from_monday(day: u16, dialect: Dialect) -> u16 {
    match dialect {
        Dialect::Vixie => (day + 6) % 7 + 1,
        Dialect::Quartz => (day + 5) % 7 + 1,
    }
}

/// One written range stays one (Friday to Monday); anything else is sorted from Monday on.
fn weekday_pieces(items: &[Item], dialect: Dialect) -> Vec<Piece> {
    let bounds = dialect.bounds(Unit::DayOfWeek);
    let mut days: Vec<u16> =
        items.iter().flat_map(|item| item.values(bounds)).map(|day| from_monday(day, dialect)).collect();
    days.sort_unstable();
    days.dedup();
    match items {
        _ if days.len() == 7 => vec![Piece::Every],
        [Item { span: Span::Between(from, to), step: 1 }] if days.len() > 2 => {
            vec![Piece::Run { from: from_monday(*from, dialect), to: from_monday(*to, dialect) }]
        }
        _ => vec![Piece::Values(days)],
    }
}
