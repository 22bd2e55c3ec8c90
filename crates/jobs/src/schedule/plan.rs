//! When a schedule fires: cron, interval or once, within its bounds, in its zone.

use std::num::NonZeroU32;

use base::{Error, Result};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::cron::{self, Cron, Locale};

/// How a schedule says when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanKind {
    /// By an expression.
    Cron,
    /// Every so many seconds.
    Interval,
    /// At one instant.
    Once,
}

/// What happens to fire times that passed while nobody could fire them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Misfire {
    /// Left out.
    Skip,
    /// One job stands for all of them.
    #[default]
    Once,
    /// One job each, up to a limit.
    All,
}

/// What happens when the last job is not over yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// This time is left out.
    #[default]
    Skip,
    /// The new one begins when the last one has ended.
    Queue,
    /// They run beside each other.
    Allow,
}

macro_rules! stored {
    ($($name:ident { $($variant:ident = $text:literal),* }),* $(,)?) => { $(
        impl $name {
            /// As stored.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
            /// From what is stored.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }
    )* };
}

stored! {
    PlanKind { Cron = "cron", Interval = "interval", Once = "once" },
    Misfire { Skip = "skip", Once = "once", All = "all" },
    Overlap { Skip = "skip", Queue = "queue", Allow = "allow" },
}

/// The fields of a schedule that say when, as they stand in a row or a request.
#[derive(Clone, Debug)]
pub struct Timing {
    /// Kind.
    pub kind: PlanKind,
    /// For `cron`.
    pub expression: Option<String>,
    /// For `interval`.
    pub every_seconds: Option<i64>,
    /// For `once`.
    pub at: Option<DateTime<Utc>>,
    /// IANA name.
    pub time_zone: String,
    /// Not before.
    pub starts_at: Option<DateTime<Utc>>,
    /// Not after.
    pub ends_at: Option<DateTime<Utc>>,
    /// From where intervals count when there is no `starts_at`.
    pub anchor: DateTime<Utc>,
}

enum Rule {
    Cron(Box<Cron>),
    Interval { anchor: DateTime<Utc>, every: NonZeroU32 },
    Once(DateTime<Utc>),
}

/// A schedule's times.
pub struct Plan {
    rule: Rule,
    zone: Tz,
    starts_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
}

impl Plan {
    /// Reads a schedule's times; 422 on the field that is wrong.
    pub fn new(timing: &Timing) -> Result<Self> {
        let zone: Tz = timing.time_zone.parse().map_err(|_| {
            let message =
                format!("`{}` is no time zone; use an IANA name such as Asia/Shanghai", timing.time_zone);
            Error::field("time_zone", "unknown_time_zone", message)
        })?;
        if let (Some(start), Some(end)) = (timing.starts_at, timing.ends_at)
            && end <= start
        {
            return Err(Error::field("ends_at", "range", "it must be after starts_at"));
        }
        let rule = match timing.kind {
            PlanKind::Cron => {
                let text = timing.expression.as_deref().unwrap_or_default();
                if text.trim().is_empty() {
                    return Err(Error::field(
                        "expression",
                        "required",
                        "a cron schedule needs an expression",
                    ));
                }
                let cron = Cron::parse(text)
                    .map_err(|error| Error::field("expression", error.code(), error.to_string()))?;
                Rule::Cron(Box::new(cron))
            }
            PlanKind::Interval => {
                let every =
                    timing.every_seconds.and_then(|n| u32::try_from(n).ok()).and_then(NonZeroU32::new);
                let every = every.ok_or_else(|| {
                    Error::field("every_seconds", "range", "an interval schedule needs 1 second or more")
                })?;
                Rule::Interval { anchor: timing.starts_at.unwrap_or(timing.anchor), every }
            }
            PlanKind::Once => Rule::Once(
                timing
                    .at
                    .ok_or_else(|| Error::field("at", "required", "a schedule for once needs an instant"))?,
            ),
        };
        Ok(Self { rule, zone, starts_at: timing.starts_at, ends_at: timing.ends_at })
    }

    /// The first fire time after `after`; `None` when there is none any more.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // One microsecond before the start, so that the start itself can be a fire time.
        let after = match self.starts_at {
            Some(start) => after.max(start - chrono::Duration::microseconds(1)),
            None => after,
        };
        let next = match &self.rule {
            Rule::Cron(cron) => cron.next_after(after, self.zone)?,
            Rule::Interval { anchor, every } => cron::interval::next_after(*anchor, *every, after)?,
            Rule::Once(at) => Some(*at).filter(|at| *at > after)?,
        };
        self.ends_at.is_none_or(|end| next <= end).then_some(next)
    }

    /// The next `count` fire times.
    pub fn preview(&self, after: DateTime<Utc>, count: usize) -> Vec<DateTime<Utc>> {
        std::iter::successors(self.next_after(after), |last| self.next_after(*last)).take(count).collect()
    }

    /// In words.
    pub fn describe(&self, locale: Locale) -> String {
        match (&self.rule, locale) {
            (Rule::Cron(cron), locale) => cron.describe(locale),
            (Rule::Interval { every, .. }, locale) => spell(every.get(), locale),
            (Rule::Once(at), Locale::En) => {
                format!("Once, at {}", at.with_timezone(&self.zone).format("%Y-%m-%d %H:%M:%S %Z"))
            }
            (Rule::Once(at), Locale::Zh) => {
                format!("仅一次：{}", at.with_timezone(&self.zone).format("%Y-%m-%d %H:%M:%S %Z"))
            }
        }
    }
}

/// "Every 90 minutes" from seconds, in the largest unit that is whole.
fn spell(seconds: u32, locale: Locale) -> String {
    let units = [(86_400, "day", "天"), (3_600, "hour", "小时"), (60, "minute", "分钟"), (1, "second", "秒")];
    let (size, en, zh) =
        units.into_iter().find(|(size, ..)| seconds.is_multiple_of(*size)).unwrap_or(units[3]);
    match (locale, seconds / size) {
        (Locale::En, 1) => format!("Every {en}"),
        (Locale::En, n) => format!("Every {n} {en}s"),
        (Locale::Zh, n) => format!("每 {n} {zh}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing(kind: PlanKind) -> Timing {
        let anchor = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        Timing {
            kind,
            expression: Some("*/5 * * * *".to_owned()),
            every_seconds: Some(5_400),
            at: Some(anchor + chrono::Duration::days(1)),
            time_zone: "Europe/Berlin".to_owned(),
            starts_at: None,
            ends_at: None,
            anchor,
        }
    }

    #[test]
    fn a_schedule_keeps_to_its_bounds_and_its_start_can_be_a_fire_time() {
        let mut bounded = timing(PlanKind::Cron);
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        bounded.starts_at = Some(start);
        bounded.ends_at = Some(start + chrono::Duration::minutes(10));
        let plan = Plan::new(&bounded).unwrap();
        let times = plan.preview(start - chrono::Duration::days(3), 10);
        assert_eq!(times, [0, 5, 10].map(|minutes| start + chrono::Duration::minutes(minutes)));
    }

    #[test]
    fn an_interval_counts_from_its_anchor_and_is_spelt_in_its_largest_unit() {
        let plan = Plan::new(&timing(PlanKind::Interval)).unwrap();
        let anchor = timing(PlanKind::Interval).anchor;
        let next = plan.next_after(anchor + chrono::Duration::seconds(5_401)).unwrap();
        assert_eq!(next, anchor + chrono::Duration::seconds(10_800));
        assert_eq!(plan.describe(Locale::En), "Every 90 minutes");
        assert_eq!(plan.describe(Locale::Zh), "每 90 分钟");
    }

    #[test]
    fn what_is_missing_or_wrong_is_named_by_its_field() {
        let field = |timing: &Timing| Plan::new(timing).err().unwrap().field_errors()[0].field.clone();
        assert_eq!(field(&Timing { expression: None, ..timing(PlanKind::Cron) }), "expression");
        assert_eq!(
            field(&Timing { expression: Some("61 * * * *".into()), ..timing(PlanKind::Cron) }),
            "expression"
        );
        assert_eq!(field(&Timing { every_seconds: Some(0), ..timing(PlanKind::Interval) }), "every_seconds");
        assert_eq!(field(&Timing { at: None, ..timing(PlanKind::Once) }), "at");
        assert_eq!(
            field(&Timing { time_zone: "Mars/Olympus".into(), ..timing(PlanKind::Once) }),
            "time_zone"
        );
    }
}
