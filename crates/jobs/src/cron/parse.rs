//! From text to fields. The number of fields selects the dialect; what a dialect does not define is an error.
//! May import: fields, errors.

use super::{
    MAX_LENGTH,
    error::{CronError, Place},
    field::{DayOfMonth, DayOfWeek, Dialect, Item, Span, Unit},
};

/// The fields of an expression as they were written, less spelling.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fields {
    pub dialect: Dialect,
    pub seconds: Vec<Item>,
    pub minutes: Vec<Item>,
    pub hours: Vec<Item>,
    pub days: DayOfMonth,
    pub months: Vec<Item>,
    pub weekdays: DayOfWeek,
    pub years: Vec<Item>,
}

/// Most bytes of the expression that a message repeats.
const SHOWN: usize = 40;

pub(super) fn parse(text: &str) -> Result<Fields, CronError> {
    if text.len() > MAX_LENGTH {
        return Err(CronError::Length { found: text.len() });
    }
    let words: Vec<String> = text.split_ascii_whitespace().map(str::to_ascii_uppercase).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match *words.as_slice() {
        [word] if word.starts_with('@') => parse(expansion(word)?),
        [minute, hour, day, month, weekday] => vixie([minute, hour, day, month, weekday]),
        [second, minute, hour, day, month, weekday] => {
            quartz([second, minute, hour, day, month, weekday, "*"])
        }
        [second, minute, hour, day, month, weekday, year] => {
            quartz([second, minute, hour, day, month, weekday, year])
        }
        _ => Err(CronError::Fields { found: words.len() }),
    }
}

/// What Vixie cron takes a word with `@` for.
fn expansion(word: &str) -> Result<&'static str, CronError> {
    match word {
        "@YEARLY" | "@ANNUALLY" => Ok("0 0 1 1 *"),
        "@MONTHLY" => Ok("0 0 1 * *"),
        "@WEEKLY" => Ok("0 0 * * 0"),
        "@DAILY" | "@MIDNIGHT" => Ok("0 0 * * *"),
        "@HOURLY" => Ok("0 * * * *"),
        _ => Err(CronError::Macro { text: shown(&word.to_ascii_lowercase()) }),
    }
}

fn vixie([minute, hour, day, month, weekday]: [&str; 5]) -> Result<Fields, CronError> {
    let list = |unit, text| items(Place { unit, dialect: Dialect::Vixie }, text);
    Ok(Fields {
        dialect: Dialect::Vixie,
        seconds: vec![Item::one(0)],
        minutes: list(Unit::Minute, minute)?,
        hours: list(Unit::Hour, hour)?,
        days: DayOfMonth::Items(list(Unit::DayOfMonth, day)?),
        months: list(Unit::Month, month)?,
        weekdays: DayOfWeek::Items(list(Unit::DayOfWeek, weekday)?),
        years: vec![Item::ALL],
    })
}

fn quartz([second, minute, hour, day, month, weekday, year]: [&str; 7]) -> Result<Fields, CronError> {
    let list = |unit, text| items(Place { unit, dialect: Dialect::Quartz }, text);
    let fields = Fields {
        dialect: Dialect::Quartz,
        seconds: list(Unit::Second, second)?,
        minutes: list(Unit::Minute, minute)?,
        hours: list(Unit::Hour, hour)?,
        days: day_of_month(day)?,
        months: list(Unit::Month, month)?,
        weekdays: day_of_week(weekday)?,
        years: list(Unit::Year, year)?,
    };
    if (fields.days == DayOfMonth::Unspecified) == (fields.weekdays == DayOfWeek::Unspecified) {
        return Err(CronError::Days);
    }
    Ok(fields)
}

fn day_of_month(text: &str) -> Result<DayOfMonth, CronError> {
    let place = Place { unit: Unit::DayOfMonth, dialect: Dialect::Quartz };
    if text == "?" {
        return Ok(DayOfMonth::Unspecified);
    }
    if !text.contains(['?', 'L', 'W']) {
        return items(place, text).map(DayOfMonth::Items);
    }
    if text.contains(',') {
        return Err(CronError::Alone { place, text: shown(text) });
    }
    let refused = || CronError::Special { place, text: shown(text) };
    if let Some(rest) = text.strip_prefix('L') {
        let (rest, weekday) = rest.strip_suffix('W').map_or((rest, false), |rest| (rest, true));
        let before = match rest.strip_prefix('-') {
            Some(digits) => number(digits).filter(|before| *before <= 30).ok_or_else(refused)?,
            None if rest.is_empty() => 0,
            None => return Err(refused()),
        };
        return Ok(DayOfMonth::Last { before, weekday });
    }
    let day =
        text.strip_suffix('W').and_then(number).filter(|day| (1..=31).contains(day)).ok_or_else(refused)?;
    Ok(DayOfMonth::NearestWeekday(day))
}

fn day_of_week(text: &str) -> Result<DayOfWeek, CronError> {
    let place = Place { unit: Unit::DayOfWeek, dialect: Dialect::Quartz };
    match text {
        "?" => return Ok(DayOfWeek::Unspecified),
        // Alone, L is the last day of the week.
        "L" => return Ok(DayOfWeek::Items(vec![Item::one(7)])),
        _ => {}
    }
    if !text.contains(['?', 'L', '#']) {
        return items(place, text).map(DayOfWeek::Items);
    }
    if text.contains(',') {
        return Err(CronError::Alone { place, text: shown(text) });
    }
    let refused = || CronError::Special { place, text: shown(text) };
    if let Some((day, nth)) = text.split_once('#').filter(|(day, _)| !day.is_empty()) {
        let nth = number(nth).filter(|nth| (1..=5).contains(nth)).ok_or_else(refused)?;
        return value(place, day).map(|day| DayOfWeek::Nth(day, nth));
    }
    let day = text.strip_suffix('L').ok_or_else(refused)?;
    value(place, day).map(DayOfWeek::Last)
}

fn items(place: Place, text: &str) -> Result<Vec<Item>, CronError> {
    text.split(',').map(|element| item(place, element)).collect()
}

fn item(place: Place, text: &str) -> Result<Item, CronError> {
    let (span, step) = match text.split_once('/') {
        Some((span, digits)) => (span, Some(step(place, digits)?)),
        None => (text, None),
    };
    let span = match (span, place.dialect) {
        ("*", _) => Span::All,
        // Quartz reads `/n` as `*/n`.
        ("", Dialect::Quartz) if step.is_some() => Span::All,
        ("", _) => return Err(CronError::Field { place, text: shown(text) }),
        _ => match span.split_once('-') {
            Some((first, last)) if first.is_empty() || last.is_empty() => {
                return Err(CronError::Field { place, text: shown(text) });
            }
            Some((first, last)) => between(place, span, value(place, first)?, value(place, last)?)?,
            None if step.is_some() => Span::From(value(place, span)?),
            None => Span::One(value(place, span)?),
        },
    };
    let step = if matches!(span, Span::One(_)) { 1 } else { step.unwrap_or(1) };
    Ok(Item { span, step })
}

fn between(place: Place, text: &str, first: u16, last: u16) -> Result<Span, CronError> {
    let wraps = place.dialect == Dialect::Quartz && place.unit != Unit::Year;
    if first > last && !wraps {
        return Err(CronError::Order { place, text: shown(text) });
    }
    Ok(if first == last { Span::One(first) } else { Span::Between(first, last) })
}

fn step(place: Place, text: &str) -> Result<u16, CronError> {
    let most = place.dialect.largest_step(place.unit).unwrap_or(u16::MAX);
    number(text)
        .filter(|step| (1..=most).contains(step))
        .ok_or_else(|| CronError::Step { place, text: shown(text) })
}

/// A number within the field's bounds, or one of its names.
fn value(place: Place, text: &str) -> Result<u16, CronError> {
    let (min, max) = place.dialect.bounds(place.unit);
    // The list of weekdays begins with Sunday in both dialects, that of months with January.
    let named = (min..=max).zip(place.unit.names()).find(|(_, name)| **name == text);
    if let Some((value, _)) = named {
        return Ok(value);
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let outside = || CronError::Range { place, text: shown(text) };
        return number(text).filter(|value| (min..=max).contains(value)).ok_or_else(outside);
    }
    let letters = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    let text = shown(text);
    Err(if text.contains(['?', '#']) || (letters && matches!(text.as_str(), "L" | "LW" | "W")) {
        CronError::Special { place, text }
    } else if letters && !place.unit.names().is_empty() {
        CronError::Name { place, text }
    } else if text.trim_matches(|c: char| c.is_ascii_digit()) == "L"
        || text.trim_matches(|c: char| c.is_ascii_digit()) == "W"
    {
        CronError::Special { place, text }
    } else {
        CronError::Field { place, text }
    })
}

/// At most four digits, so that no sum of values overflows.
fn number(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if digits && (1..=4).contains(&text.len()) { text.parse().ok() } else { None }
}

fn shown(text: &str) -> String {
    let mut end = text.len().min(SHOWN);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    if end < text.len() { format!("{}…", &text[..end]) } else { text.to_owned() }
}
