//! The Chinese words: "每个工作日 09:30". May import: the shapes.

use super::{Days, Phrase, Piece, clock, rhythm, runs, singles};

const WEEKDAYS: [&str; 7] = ["一", "二", "三", "四", "五", "六", "日"];
const NTH: [&str; 5] = ["一", "二", "三", "四", "五"];

pub(super) fn sentence(phrase: &Phrase) -> String {
    let time = match phrase.clock_times() {
        Some(times) => list(times.into_iter().map(clock)),
        None => rhythm_of_day(phrase),
    };
    let days = days(phrase);
    // A rhythm that runs through the whole day needs no "every day" before it.
    let days = if days == "每天" && phrase.every_hour() { String::new() } else { days };
    let parts = [years(&phrase.years), days, time];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// What happens within a day that is more than a few clock times.
fn rhythm_of_day(phrase: &Phrase) -> String {
    if let Some((minute, second)) = phrase.past_the_hour() {
        return list_and(phrase.hours.iter().map(|piece| hourly(piece, minute, second)));
    }
    let within = within_the_hour(phrase);
    if phrase.every_hour() {
        return within;
    }
    format!("{} {within}", list_and(phrase.hours.iter().map(hours)))
}

/// A fixed minute, and hours that vary.
fn hourly(piece: &Piece, minute: u16, second: u16) -> String {
    let at = |hour: &u16| clock((*hour, minute, second));
    match piece {
        Piece::Every if (minute, second) == (0, 0) => "每小时整点".to_owned(),
        Piece::Every if second == 0 => format!("每小时第 {minute} 分"),
        Piece::Every => format!("每小时第 {minute} 分 {second} 秒"),
        Piece::Steps { every, even: true, .. } if (minute, second) == (0, 0) => format!("每 {every} 小时"),
        Piece::Steps { every, from, to, .. } => format!("{} 至 {} 每 {every} 小时", at(from), at(to)),
        Piece::Run { from, to } => format!("{} 至 {} 每小时", at(from), at(to)),
        Piece::Values(values) => list(values.iter().map(at)),
    }
}

/// Minutes and seconds that vary.
fn within_the_hour(phrase: &Phrase) -> String {
    let even_minutes = rhythm(&phrase.minutes).is_some();
    let of_every_hour = if phrase.every_hour() && !even_minutes { "每小时" } else { "" };
    let minutes = list_and(phrase.minutes.iter().map(|piece| repeated(piece, "分钟", "分")));
    let seconds = list_and(phrase.seconds.iter().map(|piece| repeated(piece, "秒", "秒")));
    if phrase.on_the_minute() {
        return format!("{of_every_hour}{minutes}");
    }
    if phrase.every_minute() {
        let of_every_minute = if rhythm(&phrase.seconds).is_some() { "" } else { "每分钟" };
        return format!("{of_every_minute}{seconds}");
    }
    if singles(&phrase.seconds).is_some() {
        return format!("{of_every_hour}{minutes}的{seconds}");
    }
    let within = list_and(phrase.minutes.iter().map(|piece| match piece {
        Piece::Every => "每分钟".to_owned(),
        Piece::Steps { every, from, to, .. } => format!("第 {from} 至 {to} 分之间每隔 {every} 分钟的一分钟"),
        Piece::Run { from, to } => format!("第 {from} 至 {to} 分"),
        Piece::Values(values) => format!("第 {} 分", numbers(values)),
    }));
    let of_every_hour = if phrase.every_hour() { "每小时" } else { "" };
    format!("{of_every_hour}{within}内{seconds}")
}

/// `every` is the unit as a span of time, `at` as a position.
fn repeated(piece: &Piece, every: &str, at: &str) -> String {
    match piece {
        Piece::Every => format!("每{every}"),
        Piece::Steps { every: step, even: true, .. } => format!("每 {step} {every}"),
        Piece::Steps { every: step, from, to, .. } => format!("第 {from} 至 {to} {at}之间每 {step} {every}"),
        Piece::Run { from, to } => format!("第 {from} 至 {to} {at}之间每{every}"),
        Piece::Values(values) => format!("第 {} {at}", numbers(values)),
    }
}

/// The hours within which minutes vary.
fn hours(piece: &Piece) -> String {
    match piece {
        Piece::Every => "每小时".to_owned(),
        Piece::Steps { every, from, to, .. } => {
            format!("{from:02}:00 至 {to:02}:59 之间每隔 {every} 小时的一小时内")
        }
        Piece::Run { from, to } => format!("{from:02}:00 至 {to:02}:59 之间"),
        Piece::Values(values) if values.len() <= 3 => {
            format!("{} 之间", list(values.iter().map(|hour| format!("{hour:02}:00 至 {hour:02}:59"))))
        }
        Piece::Values(values) => format!("{} 点内", numbers(values)),
    }
}

fn days(phrase: &Phrase) -> String {
    let every_month = phrase.months.is_empty();
    let month = if every_month { "每月".to_owned() } else { format!("{}的", months(phrase)) };
    let week = if every_month { String::new() } else { format!("{}的", months(phrase)) };
    match &phrase.days {
        Days::Every => format!("{week}每天"),
        Days::Dates(pieces) => match pieces.as_slice() {
            [Piece::Steps { every, from, to, .. }] => format!("{month} {from} 日至 {to} 日之间每 {every} 天"),
            _ => format!("{month} {}", dates(&super::expand(pieces, 1, 31))),
        },
        Days::Weekdays(pieces) => format!("{week}{}", weekdays(pieces)),
        Days::Either(days, pieces) => format!("{month} {}，以及{week}{}", dates(days), weekdays(pieces)),
        Days::Both(days, pieces) => format!("{month} {}中的{}", dates(days), weekdays(pieces)),
        Days::Last { before: 0 } => format!("{month}最后一天"),
        Days::Last { before } => format!("{month}倒数第 {} 天", before + 1),
        Days::LastWorkday { before: 0 } => format!("{month}最后一个工作日"),
        Days::LastWorkday { before } => format!("{month}距倒数第 {} 天最近的工作日", before + 1),
        Days::NearestWorkday(day) => format!("{month}距 {day} 日最近的工作日"),
        Days::LastWeekday(day) => format!("{month}最后一个星期{}", weekday(*day)),
        Days::NthWeekday(day, nth) => {
            let nth = NTH.get(usize::from(*nth) - 1).copied().unwrap_or_default();
            format!("{month}第{nth}个星期{}", weekday(*day))
        }
    }
}

fn dates(days: &[u16]) -> String {
    list(
        runs(days)
            .into_iter()
            .map(|(from, to)| if from == to { format!("{from} 日") } else { format!("{from} 日至 {to} 日") }),
    )
}

fn weekdays(pieces: &[Piece]) -> String {
    match pieces {
        [Piece::Run { from: 1, to: 5 }] => "每个工作日".to_owned(),
        [Piece::Run { from, to }] => format!("每周{}至周{}", weekday(*from), weekday(*to)),
        [Piece::Values(days)] if *days == [1, 2, 3, 4, 5] => "每个工作日".to_owned(),
        [Piece::Values(days)] if *days == [6, 7] => "每个周末".to_owned(),
        [Piece::Values(days)] => {
            let name = |(from, to): (u16, u16)| {
                if from == to {
                    format!("周{}", weekday(from))
                } else {
                    format!("周{}至周{}", weekday(from), weekday(to))
                }
            };
            format!("每{}", list(runs(days).into_iter().map(name)))
        }
        _ => "每天".to_owned(),
    }
}

fn weekday(day: u16) -> &'static str {
    WEEKDAYS.get(usize::from(day) - 1).copied().unwrap_or_default()
}

fn months(phrase: &Phrase) -> String {
    list(
        runs(&phrase.months)
            .into_iter()
            .map(|(from, to)| if from == to { format!("{from} 月") } else { format!("{from} 月至 {to} 月") }),
    )
}

fn years(pieces: &[Piece]) -> String {
    if *pieces == [Piece::Every] {
        return String::new();
    }
    list_and(pieces.iter().map(|piece| match piece {
        Piece::Every => "每年".to_owned(),
        Piece::Steps { every, from, to, .. } => format!("{from} 年至 {to} 年每 {every} 年"),
        Piece::Run { from, to } => format!("{from} 年至 {to} 年"),
        Piece::Values(values) => format!("{} 年", numbers(values)),
    }))
}

fn numbers(values: &[u16]) -> String {
    list(values.iter().map(u16::to_string))
}

fn list(parts: impl IntoIterator<Item = String>) -> String {
    parts.into_iter().collect::<Vec<_>>().join("、")
}

/// Joins parts that are lists themselves.
fn list_and(parts: impl IntoIterator<Item = String>) -> String {
    parts.into_iter().collect::<Vec<_>>().join("以及")
}
