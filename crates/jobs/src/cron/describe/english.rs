//! The English words: "At 09:30 on weekdays". May import: the shapes.

use super::{Days, LISTED_WINDOWS, Phrase, Piece, clock, clocks, rhythm, runs, singles, windows};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const NTH: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];

pub(super) fn sentence(phrase: &Phrase) -> String {
    let mut text = match phrase.clock_times() {
        Some(times) => {
            let times = join(clocks(&times));
            let days = days(phrase);
            if days.is_empty() {
                format!("at {times} every day{}", in_months(phrase))
            } else {
                format!("at {times}{days}")
            }
        }
        None => {
            let days = days(phrase);
            let days = if days.is_empty() { in_months(phrase) } else { days };
            format!("{}{days}", rhythm_of_day(phrase))
        }
    };
    text.push_str(&years(&phrase.years));
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| format!("{}{}", first.to_ascii_uppercase(), letters.as_str()))
}

/// What happens within a day that is more than a few clock times.
fn rhythm_of_day(phrase: &Phrase) -> String {
    if let Some((minute, second)) = phrase.past_the_hour() {
        return join_and(phrase.hours.iter().map(|piece| hourly(piece, minute, second)));
    }
    if let Some((from, to, every)) = phrase.within_one_hour() {
        let every = if every == 1 { "every minute".to_owned() } else { format!("every {every} minutes") };
        return format!("{every} from {from} to {to}");
    }
    if let Some(windows) = phrase.whole_minutes() {
        let seconds = join_and(phrase.seconds.iter().map(|piece| repeated(piece, "second")));
        let windows = windows.into_iter().map(|(from, to)| format!("between {from} and {to}"));
        return format!("{seconds} {}", join_and(windows));
    }
    let mut text = within_the_hour(phrase);
    if !phrase.every_hour() {
        text.push(' ');
        text.push_str(&join_and(phrase.hours.iter().map(hours)));
    }
    text
}

/// A fixed minute, and hours that vary.
fn hourly(piece: &Piece, minute: u16, second: u16) -> String {
    let at = |hour: &u16| clock((*hour, minute, second));
    match piece {
        Piece::Every if (minute, second) == (0, 0) => "every hour".to_owned(),
        Piece::Every if second == 0 => format!("at minute {minute} of every hour"),
        Piece::Every => format!("at minute {minute} and second {second} of every hour"),
        Piece::Steps { every, even: true, .. } if (minute, second) == (0, 0) => {
            format!("every {every} hours")
        }
        Piece::Steps { every, from, to, .. } => {
            format!("every {every} hours from {} to {}", at(from), at(to))
        }
        Piece::Run { from, to } => format!("every hour from {} to {}", at(from), at(to)),
        Piece::Values(values) => format!("at {}", join(values.iter().map(at))),
    }
}

/// Minutes and seconds that vary.
fn within_the_hour(phrase: &Phrase) -> String {
    let of_every_hour = if phrase.every_hour() { " of every hour" } else { "" };
    let minutes = join_and(phrase.minutes.iter().map(|piece| repeated(piece, "minute")));
    let seconds = join_and(phrase.seconds.iter().map(|piece| repeated(piece, "second")));
    if phrase.on_the_minute() {
        let tail = if rhythm(&phrase.minutes).is_some() { "" } else { of_every_hour };
        return format!("{minutes}{tail}");
    }
    if phrase.every_minute() {
        let tail = if rhythm(&phrase.seconds).is_some() { "" } else { " of every minute" };
        return format!("{seconds}{tail}");
    }
    if singles(&phrase.seconds).is_some() {
        let tail = if rhythm(&phrase.minutes).is_some() { "" } else { of_every_hour };
        return format!("{minutes}{tail}, {seconds}");
    }
    let within = join_and(phrase.minutes.iter().map(|piece| match piece {
        Piece::Every => "in every minute".to_owned(),
        Piece::Steps { every, from, to, .. } => {
            format!("in every {} minute from minute {from} to {to}", ordinal(*every))
        }
        Piece::Run { from, to } => format!("in minutes {from} to {to}"),
        Piece::Values(values) => format!("in {}", numbered("minute", values)),
    }));
    format!("{seconds} {within}{of_every_hour}")
}

fn repeated(piece: &Piece, unit: &str) -> String {
    match piece {
        Piece::Every => format!("every {unit}"),
        Piece::Steps { every, even: true, .. } => format!("every {every} {unit}s"),
        Piece::Steps { every, from, to, .. } => format!("every {every} {unit}s from {unit} {from} to {to}"),
        Piece::Run { from, to } => format!("every {unit} from {unit} {from} to {to}"),
        Piece::Values(values) => format!("at {}", numbered(unit, values)),
    }
}

/// "minute 5", "minutes 5, 10 and 40"
fn numbered(unit: &str, values: &[u16]) -> String {
    let plural = if values.len() == 1 { "" } else { "s" };
    format!("{unit}{plural} {}", join(values.iter().map(u16::to_string)))
}

/// The hours within which minutes vary.
fn hours(piece: &Piece) -> String {
    match piece {
        Piece::Every => "in every hour".to_owned(),
        Piece::Steps { every, from, to, .. } => {
            format!("in every {} hour from {from:02}:00 to {to:02}:59", ordinal(*every))
        }
        Piece::Run { from, to } => format!("between {from:02}:00 and {to:02}:59"),
        Piece::Values(values) if windows(values).len() <= LISTED_WINDOWS => join_and(
            windows(values).into_iter().map(|(from, to)| format!("between {from:02}:00 and {to:02}:59")),
        ),
        Piece::Values(values) => format!("in the hours {}", join(values.iter().map(u16::to_string))),
    }
}

/// " on …", or nothing when every day is meant.
fn days(phrase: &Phrase) -> String {
    let of_month =
        if phrase.months.is_empty() { " of the month".to_owned() } else { format!(" of {}", months(phrase)) };
    let of_every_month =
        if phrase.months.is_empty() { " of every month".to_owned() } else { of_month.clone() };
    match &phrase.days {
        Days::Every => String::new(),
        Days::Dates(pieces) => match pieces.as_slice() {
            [Piece::Steps { every, from, to, .. }] => {
                format!(
                    " every {every} days from the {} to the {}{of_every_month}",
                    ordinal(*from),
                    ordinal(*to)
                )
            }
            _ => format!(" on the {}{of_every_month}", dates(&listed(pieces))),
        },
        Days::Weekdays(pieces) => format!(" {}{}", weekdays(pieces), in_months(phrase)),
        Days::Either(days, pieces) => {
            format!(" on the {}{of_month}, and {}{}", dates(days), weekdays(pieces), in_months(phrase))
        }
        Days::Both(days, pieces) => {
            format!(" {} if it is the {}{of_month}", weekdays(pieces), dates_or(days))
        }
        Days::Last { before: 0 } => format!(" on the last day{of_month}"),
        Days::Last { before } => format!(", {} the last day{of_month}", days_before(*before)),
        Days::LastWorkday { before: 0 } => format!(" on the last weekday{of_month}"),
        Days::LastWorkday { before } => {
            format!(" on the weekday nearest the day {} the last day{of_month}", days_before(*before))
        }
        Days::NearestWorkday(day) => format!(" on the weekday nearest the {}{of_month}", ordinal(*day)),
        Days::LastWeekday(day) => format!(" on the last {}{of_month}", weekday(*day)),
        Days::NthWeekday(day, nth) => {
            let nth = NTH.get(usize::from(*nth) - 1).copied().unwrap_or_default();
            format!(" on the {nth} {}{of_month}", weekday(*day))
        }
    }
}

fn days_before(count: u16) -> String {
    format!("{count} day{} before", if count == 1 { "" } else { "s" })
}

/// All values of the pieces, ascending.
fn listed(pieces: &[Piece]) -> Vec<u16> {
    super::expand(pieces, 1, 31)
}

fn dates(days: &[u16]) -> String {
    join(runs(days).into_iter().map(date_run))
}

fn dates_or(days: &[u16]) -> String {
    joined(runs(days).into_iter().map(date_run), " or ")
}

fn date_run((from, to): (u16, u16)) -> String {
    if from == to { ordinal(from) } else { format!("{} to {}", ordinal(from), ordinal(to)) }
}

fn weekdays(pieces: &[Piece]) -> String {
    match pieces {
        [Piece::Run { from: 1, to: 5 }] => "on weekdays".to_owned(),
        [Piece::Run { from, to }] => format!("from {} to {}", weekday(*from), weekday(*to)),
        [Piece::Values(days)] if *days == [1, 2, 3, 4, 5] => "on weekdays".to_owned(),
        [Piece::Values(days)] if *days == [6, 7] => "on weekends".to_owned(),
        [Piece::Values(days)] => {
            let name = |(from, to): (u16, u16)| {
                if from == to {
                    weekday(from).to_owned()
                } else {
                    format!("{} to {}", weekday(from), weekday(to))
                }
            };
            format!("on {}", join(runs(days).into_iter().map(name)))
        }
        _ => "every day".to_owned(),
    }
}

fn weekday(day: u16) -> &'static str {
    WEEKDAYS.get(usize::from(day) - 1).copied().unwrap_or_default()
}

fn in_months(phrase: &Phrase) -> String {
    let preposition = match runs(&phrase.months).as_slice() {
        [] => return String::new(),
        [(from, to)] if from < to => "from",
        _ => "in",
    };
    format!(" {preposition} {}", months(phrase))
}

fn months(phrase: &Phrase) -> String {
    let name = |month: u16| MONTHS.get(usize::from(month) - 1).copied().unwrap_or_default();
    join(runs(&phrase.months).into_iter().map(|(from, to)| {
        if from == to { name(from).to_owned() } else { format!("{} to {}", name(from), name(to)) }
    }))
}

fn years(pieces: &[Piece]) -> String {
    let named = pieces.iter().map(|piece| match piece {
        Piece::Every => String::new(),
        Piece::Steps { every, from, to, .. } => format!("every {every} years from {from} to {to}"),
        Piece::Run { from, to } => format!("from {from} to {to}"),
        Piece::Values(values) => format!("in {}", join(values.iter().map(u16::to_string))),
    });
    match pieces {
        [Piece::Every] => String::new(),
        [Piece::Steps { .. }, ..] => format!(", {}", join_and(named)),
        _ => format!(" {}", join_and(named)),
    }
}

fn ordinal(number: u16) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// "a, b and c"
fn join(parts: impl IntoIterator<Item = String>) -> String {
    joined(parts, " and ")
}

/// "a and b and c", for parts that have commas themselves.
fn join_and(parts: impl IntoIterator<Item = String>) -> String {
    parts.into_iter().collect::<Vec<_>>().join(" and ")
}

fn joined(parts: impl IntoIterator<Item = String>, last: &str) -> String {
    let mut parts: Vec<String> = parts.into_iter().collect();
    match parts.pop() {
        Some(end) if parts.is_empty() => end,
        Some(end) => format!("{}{last}{end}", parts.join(", ")),
        None => String::new(),
    }
}
