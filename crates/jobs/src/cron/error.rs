//! Why a cron expression was refused: a stable code, the field, and a sentence that says what is allowed.
//! May import: the fields' names and bounds.

use std::fmt;

use super::field::{Dialect, Unit};

/// Where in the expression the mistake lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The field.
    pub unit: Unit,
    /// The dialect that the number of fields selected.
    pub dialect: Dialect,
}

impl Place {
    /// The field's position in the expression, from 1.
    pub fn position(self) -> usize {
        self.dialect.units().iter().position(|unit| *unit == self.unit).map_or(0, |index| index + 1)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "field {} ({})", self.position(), self.unit.name())
    }
}

/// Why an expression was refused. `Display` is an English sentence that is safe to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CronError {
    /// The text is longer than any sensible expression.
    Length {
        /// Bytes found.
        found: usize,
    },
    /// The text has neither five, six nor seven fields.
    Fields {
        /// Fields found.
        found: usize,
    },
    /// A word that begins with `@` and is not known.
    Macro {
        /// The word.
        text: String,
    },
    /// An element that cannot be read.
    Field {
        /// The field.
        place: Place,
        /// The element.
        text: String,
    },
    /// A name that is no month or weekday.
    Name {
        /// The field.
        place: Place,
        /// The name.
        text: String,
    },
    /// A number outside the field's bounds.
    Range {
        /// The field.
        place: Place,
        /// The number as written.
        text: String,
    },
    /// A range whose end is before its beginning, where that is not defined.
    Order {
        /// The field.
        place: Place,
        /// The range as written.
        text: String,
    },
    /// A step of zero, too large, or not a number.
    Step {
        /// The field.
        place: Place,
        /// The step as written.
        text: String,
    },
    /// `?`, `L`, `W` or `#` where it means nothing.
    Special {
        /// The field.
        place: Place,
        /// The element.
        text: String,
    },
    /// `?`, `L`, `W` or `#` inside a list.
    Alone {
        /// The field.
        place: Place,
        /// The whole field.
        text: String,
    },
    /// Six or seven fields without exactly one `?`.
    Days,
}

impl CronError {
    /// The stable code, such as `cron.range`: a translation key.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Length { .. } => "cron.length",
            Self::Fields { .. } => "cron.fields",
            Self::Macro { .. } => "cron.macro",
            Self::Field { .. } => "cron.field",
            Self::Name { .. } => "cron.name",
            Self::Range { .. } => "cron.range",
            Self::Order { .. } => "cron.order",
            Self::Step { .. } => "cron.step",
            Self::Special { .. } => "cron.special",
            Self::Alone { .. } => "cron.alone",
            Self::Days => "cron.days",
        }
    }

    /// The field that is wrong; `None` when it is the expression as a whole.
    pub fn place(&self) -> Option<Place> {
        match self {
            Self::Length { .. } | Self::Fields { .. } | Self::Macro { .. } | Self::Days => None,
            Self::Field { place, .. }
            | Self::Name { place, .. }
            | Self::Range { place, .. }
            | Self::Order { place, .. }
            | Self::Step { place, .. }
            | Self::Special { place, .. }
            | Self::Alone { place, .. } => Some(*place),
        }
    }

    /// The part of the expression that is wrong, as written.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Length { .. } | Self::Fields { .. } | Self::Days => None,
            Self::Macro { text }
            | Self::Field { text, .. }
            | Self::Name { text, .. }
            | Self::Range { text, .. }
            | Self::Order { text, .. }
            | Self::Step { text, .. }
            | Self::Special { text, .. }
            | Self::Alone { text, .. } => Some(text),
        }
    }
}

impl fmt::Display for CronError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { found } => {
                write!(f, "the expression has {found} bytes; at most {} are allowed", super::MAX_LENGTH)
            }
            Self::Fields { found } => write!(
                f,
                "the expression has {found} fields; write five (minute hour day-of-month month day-of-week) \
                 or, with seconds, six or seven (second minute hour day-of-month month day-of-week [year])"
            ),
            Self::Macro { text } => write!(
                f,
                "`{text}` is not known; allowed are @yearly, @annually, @monthly, @weekly, @daily, @midnight \
                 and @hourly"
            ),
            Self::Field { place, text } if text.is_empty() => {
                write!(f, "{place}: an element of the list is empty; {}", allowed(*place))
            }
            Self::Field { place, text } => write!(f, "{place}: cannot read `{text}`; {}", allowed(*place)),
            Self::Name { place, text } => write!(f, "{place}: `{text}` is no name; {}", allowed(*place)),
            Self::Range { place, text } => write!(f, "{place}: {text} is out of range; {}", allowed(*place)),
            Self::Order { place, text } => {
                write!(f, "{place}: the range `{text}` ends before it begins; write two ranges with a comma")
            }
            Self::Step { place, text } => {
                write!(f, "{place}: `{text}` is not a step; write a whole number from 1")?;
                match place.dialect.largest_step(place.unit) {
                    Some(most) => write!(f, " to {most}"),
                    None => Ok(()),
                }
            }
            Self::Special { place, text } => {
                write!(f, "{place}: `{text}` is not allowed here; {}", special(*place))
            }
            Self::Alone { place, text } => {
                write!(
                    f,
                    "{place}: in `{text}` one element must stand alone; ?, L, W and # cannot be in a list"
                )
            }
            Self::Days => write!(
                f,
                "with six or seven fields exactly one of day-of-month and day-of-week must be `?`, and the other \
                 says the days"
            ),
        }
    }
}

impl std::error::Error for CronError {}

/// What the field accepts, as the second half of a sentence.
fn allowed(place: Place) -> String {
    let (min, max) = place.dialect.bounds(place.unit);
    let names = match place.unit {
        Unit::Month => " or JAN to DEC",
        Unit::DayOfWeek => " or SUN to SAT",
        _ => "",
    };
    let sunday = match (place.unit, place.dialect) {
        (Unit::DayOfWeek, Dialect::Vixie) => " (0 and 7 are Sunday)",
        (Unit::DayOfWeek, Dialect::Quartz) => " (1 is Sunday)",
        _ => "",
    };
    format!("allowed are {min} to {max}{names}{sunday}, *, ranges a-b, steps /n and lists with commas")
}

fn special(place: Place) -> &'static str {
    match (place.dialect, place.unit) {
        (Dialect::Vixie, _) => "?, L, W and # need the form with seconds, which has six or seven fields",
        (Dialect::Quartz, Unit::DayOfMonth) => {
            "write ?, L, LW, L-n and L-nW with n from 0 to 30, or nW with n from 1 to 31"
        }
        (Dialect::Quartz, Unit::DayOfWeek) => {
            "write ?, L, nL, or n#k with n from 1 (Sunday) to 7 or a name, and k from 1 to 5"
        }
        (Dialect::Quartz, _) => "?, L, W and # belong to day-of-month and day-of-week",
    }
}
