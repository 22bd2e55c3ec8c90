//! The Chinese words: "每个工作日 09:30". May import: the shapes.

use super::{Days, LISTED_WINDOWS, Phrase, Piece, clock, clocks, rhythm, runs, singles, windows};

const WEEKDAYS: [&str; 7] = ["一", "二", "三", "四", "五", "六", "日"];
const NTH: [&str; 5] = ["一", "二", "三", "四", "五"];

pub(super) fn sentence(phrase: &Phrase) -> String {
    let time = match phrase.clock_times() {
        Some(times) => list(clocks(&times)),
        None => rhythm_of_day(phrase),
    };
    let days = days(phrase);
    // A rhythm that runs through the whole day needs no "every day" before it.
    let whole_day =
        phrase.every_hour() || (phrase.past_the_hour() == Some((0, 0)) && rhythm(&phrase.hours).is_some());
    let days = if days == "每天" && whole_day { String::new() } else { days };
    let parts = [years(&phrase.years), days, time];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// What happens within a day that is more than a few clock times.
fn rhythm_of_day(phrase: &Phrase) -> String {
    if let Some((minute, second)) = phrase.past_the_hour() {
        return list_and(phrase.hours.iter().map(|piece| hourly(piece, minute, second)));
    }
    if let Some((from, to, every)) = phrase.within_one_hour() {
        let every = if every == 1 { "每分钟".to_owned() } else { format!("每 {every} 分钟") };
        return format!("{from} 至 {to} {every}");
    }
    if let Some(windows) = phrase.whole_minutes() {
        let windows = list(windows.into_iter().map(|(from, to)| format!("{from} 至 {to}")));
        return format!(
            "{windows} 之间{}",
            list_and(phrase.seconds.iter().map(|piece| repeated(piece, "秒", "秒")))
        );
    }
    let within = within_the_hour(phrase);
    if phrase.every_hour() {
        return within;
    }
    format!("{}{within}", list_and(phrase.hours.iter().map(hours)))
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
        Piece::Values(values) if windows(values).len() <= LISTED_WINDOWS => {
            format!(
                "{} 之间",
                list(windows(values).into_iter().map(|(from, to)| format!("{from:02}:00 至 {to:02}:59")))
            )
        }
        Piece::Values(values) => format!("{} 点内", numbers(values)),
    }
}

fn days(phrase: &Phrase) -> String {
    let (month, week) = match (phrase.months.as_slice(), phrase.years.as_slice()) {
        ([], _) => ("每月".to_owned(), String::new()),
        ([one], [Piece::Every]) => (format!("每年 {one} 月"), format!("每年 {one} 月的")),
        ([one], _) => (format!("{one} 月"), format!("{one} 月的")),
        (_, [Piece::Every]) => (format!("每年 {}的", months(phrase)), format!("每年 {}的", months(phrase))),
        _ => (format!("{}的", months(phrase)), format!("{}的", months(phrase))),
    };
    match &phrase.days {
        Days::Every => format!("{week}每天"),
        Days::Dates(pieces) => match pieces.as_slice() {
            [Piece::Steps { every, from, to, .. }] => format!("{month} {from} 日至 {to} 日之间每 {every} 天"),
            _ => format!("{month} {}", dates(&super::expand(pieces, 1, 31))),
        },
        Days::Weekdays(pieces) => format!("{week}{}", weekdays(pieces)),
        Days::Either(days, pieces) => {
            format!("{month} {}，以及{}{}", dates(days), in_those_months(phrase), weekdays(pieces))
        }
        Days::Both(days, pieces) => {
            let weekdays = weekdays(pieces);
            let weekdays = weekdays.strip_prefix("每个").or(weekdays.strip_prefix("每")).unwrap_or(&weekdays);
            format!("{month} {}中的{weekdays}", dates(days))
        }
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

fn in_those_months(phrase: &Phrase) -> &'static str {
    match phrase.months.len() {
        0 => "",
        1 => "该月的",
        _ => "这些月的",
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

/// Joins parts that are lists themselves; a figure is set off by a blank.
fn list_and(parts: impl IntoIterator<Item = String>) -> String {
    let mut text = String::new();
    for part in parts {
        if !text.is_empty() {
            text.push_str(if part.starts_with(|c: char| c.is_ascii_digit()) {
                "，以及 "
            } else {
                "，以及"
            });
        }
        text.push_str(&part);
    }
    text
}
