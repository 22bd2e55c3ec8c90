//! The laws as properties, against a model that is generated beside the text and a walk through every instant.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, Duration, MappedLocalTime, NaiveDateTime, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use jobs::cron::{Cron, Locale};
use proptest::{collection::vec, option, prelude::*, sample::select};

/// One field: how it is written, and what it means.
#[derive(Clone, Debug)]
struct Field {
    text: String,
    values: BTreeSet<u32>,
    /// Some element runs over the whole field.
    wildcard: bool,
    star: bool,
}

fn element(min: u32, max: u32, quartz: bool) -> impl Strategy<Value = Field> {
    let single = (min..=max).prop_map(|value| (value.to_string(), BTreeSet::from([value]), false));
    let every = option::of(1u32..=max).prop_map(move |step| {
        let text = step.map_or_else(|| "*".to_owned(), |step| format!("*/{step}"));
        (text, (min..=max).step_by(step.unwrap_or(1) as usize).collect(), true)
    });
    let open = (min..=max, 1u32..=max).prop_map(move |(from, step)| {
        let whole = from == min;
        (format!("{from}/{step}"), (from..=max).step_by(step as usize).collect(), whole)
    });
    let range = (min..=max, min..=max, option::of(1u32..=max)).prop_map(move |(a, b, step)| {
        let (from, to) = if quartz { (a, b) } else { (a.min(b), a.max(b)) };
        let end = if to < from { to + (max - min + 1) } else { to };
        let every = step.unwrap_or(1) as usize;
        let values = (from..=end).step_by(every).map(|value| (value - min) % (max - min + 1) + min).collect();
        let text = step.map_or_else(|| format!("{from}-{to}"), |step| format!("{from}-{to}/{step}"));
        (text, values, (from, to) == (min, max))
    });
    prop_oneof![4 => single, 2 => every, 1 => open, 3 => range].prop_map(|(text, values, wildcard)| {
        let star = text.starts_with('*');
        Field { text, values, wildcard, star }
    })
}

fn field(min: u32, max: u32, quartz: bool) -> impl Strategy<Value = Field> {
    vec(element(min, max, quartz), 1..4).prop_map(|elements| Field {
        text: elements.iter().map(|element| element.text.as_str()).collect::<Vec<_>>().join(","),
        values: elements.iter().flat_map(|element| element.values.clone()).collect(),
        wildcard: elements.iter().any(|element| element.wildcard),
        star: elements.first().is_some_and(|element| element.star),
    })
}

/// An expression and its meaning, from which the text was made.
#[derive(Clone, Debug)]
struct Model {
    text: String,
    seconds: BTreeSet<u32>,
    minutes: BTreeSet<u32>,
    hours: BTreeSet<u32>,
    months: BTreeSet<u32>,
    days: Days,
    elapsed: bool,
}

#[derive(Clone, Debug)]
enum Days {
    /// Dates, weekdays from Sunday = 0, and whether both must match.
    Fields(BTreeSet<u32>, BTreeSet<u32>, bool),
    Last(u32),
    LastWeekday(u32),
    Nth(u32, u32),
}

impl Model {
    fn names(&self, local: NaiveDateTime) -> bool {
        let weekday = local.weekday().num_days_from_sunday();
        let length = u32::from(local.date().num_days_in_month());
        let day = match &self.days {
            Days::Fields(dates, weekdays, both) => {
                let (date, weekday) = (dates.contains(&local.day()), weekdays.contains(&weekday));
                if *both { date && weekday } else { date || weekday }
            }
            Days::Last(before) => local.day() + before == length,
            Days::LastWeekday(wanted) => weekday == *wanted && local.day() + 7 > length,
            Days::Nth(wanted, nth) => weekday == *wanted && (local.day() - 1) / 7 + 1 == *nth,
        };
        day && self.seconds.contains(&local.second())
            && self.minutes.contains(&local.minute())
            && self.hours.contains(&local.hour())
            && self.months.contains(&local.month())
    }

    /// Whether it fires at this instant, one second of which is looked at with the second before.
    fn fires(&self, at: DateTime<Utc>, zone: Tz) -> bool {
        let wall = |instant: DateTime<Utc>| instant.with_timezone(&zone).naive_local();
        let local = wall(at);
        if self.elapsed {
            return self.names(local);
        }
        let again = matches!(zone.from_local_datetime(&local),
            MappedLocalTime::Ambiguous(first, second) if first.to_utc() != at && second.to_utc() == at);
        let mut missing = wall(at - Duration::seconds(1)) + Duration::seconds(1);
        let mut dropped = false;
        while missing < local && !dropped {
            dropped = self.names(missing);
            missing += Duration::seconds(1);
        }
        dropped || (!again && self.names(local))
    }
}

fn vixie() -> impl Strategy<Value = Model> {
    let fields = (
        field(0, 59, false),
        field(0, 23, false),
        field(1, 31, false),
        field(1, 12, false),
        field(0, 7, false),
    );
    fields.prop_map(|(minute, hour, date, month, weekday)| Model {
        text: [&minute, &hour, &date, &month, &weekday].map(|field| field.text.as_str()).join(" "),
        seconds: BTreeSet::from([0]),
        minutes: minute.values,
        hours: hour.values,
        months: month.values,
        days: Days::Fields(
            date.values,
            weekday.values.into_iter().map(|day| day % 7).collect(),
            date.star || weekday.star,
        ),
        elapsed: hour.wildcard,
    })
}

fn quartz_days() -> impl Strategy<Value = (String, String, Days)> {
    let all: BTreeSet<u32> = (0..=31).collect();
    let (every_weekday, every_date) = (all.clone(), all);
    prop_oneof![
        3 => field(1, 31, true).prop_map(move |date| {
            (date.text, "?".to_owned(), Days::Fields(date.values, every_weekday.clone(), true))
        }),
        3 => field(1, 7, true).prop_map(move |day| {
            let days = day.values.into_iter().map(|day| day - 1).collect();
            ("?".to_owned(), day.text, Days::Fields(every_date.clone(), days, true))
        }),
        1 => (0u32..=30).prop_map(|before| (format!("L-{before}"), "?".to_owned(), Days::Last(before))),
        1 => (1u32..=7).prop_map(|day| ("?".to_owned(), format!("{day}L"), Days::LastWeekday(day - 1))),
        1 => (1u32..=7, 1u32..=5)
            .prop_map(|(day, nth)| ("?".to_owned(), format!("{day}#{nth}"), Days::Nth(day - 1, nth))),
    ]
}

fn quartz() -> impl Strategy<Value = Model> {
    let fields =
        (field(0, 59, true), field(0, 59, true), field(0, 23, true), quartz_days(), field(1, 12, true));
    fields.prop_map(|(second, minute, hour, (date, weekday, days), month)| Model {
        text: format!("{} {} {} {date} {} {weekday}", second.text, minute.text, hour.text, month.text),
        seconds: second.values,
        minutes: minute.values,
        hours: hour.values,
        months: month.values,
        days,
        elapsed: hour.wildcard,
    })
}

fn model() -> impl Strategy<Value = Model> {
    prop_oneof![vixie(), quartz()]
}

/// Zones, with an instant shortly before each of two changes of their offset.
const CHANGES: [(Tz, &str); 16] = [
    (Tz::America__New_York, "2026-03-08T06:00:00Z"),
    (Tz::America__New_York, "2026-11-01T04:45:00Z"),
    (Tz::Europe__Berlin, "2026-03-29T00:00:00Z"),
    (Tz::Europe__Berlin, "2026-10-25T00:00:00Z"),
    (Tz::Australia__Lord_Howe, "2026-10-03T14:50:00Z"),
    (Tz::Australia__Lord_Howe, "2026-04-04T14:10:00Z"),
    (Tz::America__Santiago, "2026-09-06T03:30:00Z"),
    (Tz::America__Santiago, "2026-04-05T02:00:00Z"),
    (Tz::Asia__Tehran, "2021-03-21T19:40:00Z"),
    (Tz::Asia__Tehran, "2021-09-21T18:30:00Z"),
    (Tz::Antarctica__Troll, "2025-03-30T00:30:00Z"),
    (Tz::Antarctica__Troll, "2025-10-26T00:00:00Z"),
    (Tz::Africa__Casablanca, "2026-02-15T01:00:00Z"),
    (Tz::Pacific__Apia, "2011-12-30T09:00:00Z"),
    (Tz::Asia__Kathmandu, "1985-12-31T18:00:00Z"),
    (Tz::UTC, "2028-02-29T22:30:00Z"),
];

fn moment() -> impl Strategy<Value = (Tz, DateTime<Utc>)> {
    (select(CHANGES.to_vec()), 0i64..7200).prop_map(|((zone, start), seconds)| {
        (zone, start.parse::<DateTime<Utc>>().unwrap() + Duration::seconds(seconds))
    })
}

/// Seconds that are walked through one by one; longer than the longest overlap.
const WALK: i64 = 3 * 3600;

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_instant_is_skipped_or_added_around_a_change_of_offset(model in model(), (zone, from) in moment()) {
        let cron = Cron::parse(&model.text).unwrap_or_else(|error| panic!("{}: {error}", model.text));
        let until = from + Duration::seconds(WALK);
        let found: Vec<_> = cron.upcoming(from, zone).take_while(|fire| *fire <= until).collect();
        let walked: Vec<_> = (1..=WALK)
            .map(|seconds| from + Duration::seconds(seconds))
            .filter(|at| model.fires(*at, zone))
            .collect();
        prop_assert_eq!(found, walked, "{} in {} from {}", model.text, zone, from);
    }

    #[test]
    fn the_next_time_is_the_first_matching_one_after_days(model in model(), (zone, from) in moment()) {
        let cron = Cron::parse(&model.text).unwrap();
        let Some(next) = cron.next_after(from, zone) else {
            return Ok(());
        };
        prop_assert!(next > from);
        prop_assert!(model.fires(next, zone), "{} in {} fires at {}", model.text, zone, next);
        // No other minute up to it, as far as a walk by minutes gets within 20 days.
        let second = i64::from(*model.seconds.first().unwrap());
        let mut at = from.with_second(0).unwrap() + Duration::seconds(second);
        let until = next.min(from + Duration::days(20));
        while at < until {
            if at > from {
                let local = at.with_timezone(&zone).naive_local();
                let first = zone.from_local_datetime(&local).earliest().is_none_or(|first| first.to_utc() == at);
                prop_assert!(!(model.names(local) && (model.elapsed || first)), "{} missed {}", model.text, at);
            }
            at += Duration::minutes(1);
        }
    }

    #[test]
    fn times_ascend(model in model(), (zone, from) in moment()) {
        let cron = Cron::parse(&model.text).unwrap();
        let fires: Vec<_> = std::iter::once(from).chain(cron.upcoming(from, zone).take(200)).collect();
        prop_assert!(fires.is_sorted_by(|a, b| a < b), "{} in {}: {:?}", model.text, zone, fires);
    }

    #[test]
    fn the_normalised_text_reads_as_the_same_expression(model in model()) {
        let cron = Cron::parse(&model.text).unwrap();
        let again = Cron::parse(&cron.to_string()).unwrap();
        prop_assert_eq!(&again, &cron);
        prop_assert_eq!(again.to_string(), cron.to_string());
    }

    #[test]
    fn every_expression_has_words_in_both_languages(model in model()) {
        let cron = Cron::parse(&model.text).unwrap();
        let (english, chinese) = (cron.describe(Locale::En), cron.describe(Locale::Zh));
        prop_assert!(english.is_ascii() && english.len() > 8, "{} {}", model.text, english);
        prop_assert!(!chinese.bytes().any(|byte| byte.is_ascii_alphabetic()) && chinese.len() > 3, "{}", chinese);
        prop_assert!(!english.contains("  ") && !chinese.contains("  "), "{english} {chinese}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(text in ".{0,60}", (zone, from) in moment()) {
        if let Ok(cron) = Cron::parse(&text) {
            let _ = (cron.next_after(from, zone), cron.describe(Locale::En), cron.never());
        }
    }

    #[test]
    fn no_text_of_cron_characters_makes_it_panic(
        text in "@?[0-9*/,?LW#A-Zé-]{1,5}( [0-9*/,?LW#a-z-]{1,4}){3,7}",
        (zone, from) in moment(),
    ) {
        match Cron::parse(&text) {
            Ok(cron) => {
                let _ = (cron.next_after(from, zone), cron.describe(Locale::Zh), cron.never());
                prop_assert_eq!(Cron::parse(&cron.to_string()), Ok(cron));
            }
            Err(error) => prop_assert!(error.code().starts_with("cron.") && !error.to_string().is_empty()),
        }
    }

    #[test]
    fn nearly_valid_text_never_panics(parts in vec(select(vec![
        "*", "?", "0", "5", "31", "59", "*/2", "1-5", "22-2", "5/7", "L", "LW", "L-3", "L-30W", "15W", "31W", "6L", "6#3",
        "MON", "FRI-MON", "JAN", "NOV-FEB", "2027", "2199", "1970/3", "1,2,3", "*,5", "0-59/60",
    ]), 5..8), (zone, from) in moment()) {
        let text = parts.join(" ");
        if let Ok(cron) = Cron::parse(&text) {
            prop_assert!(cron.upcoming(from, zone).take(20).all(|fire| fire > from));
            prop_assert_eq!(Cron::parse(&cron.to_string()), Ok(cron.clone()));
            prop_assert!(!cron.describe(Locale::En).is_empty() && !cron.describe(Locale::Zh).is_empty());
        }
    }
}
