//! The list grammar of `product.md`: page, cursor, search, sort and filters.

use base::{Error, FieldError, Result};
use sea_orm::Value;

use super::{Column, Spec, value};

/// The largest page.
pub const PAGE_SIZE_MAX: u64 = 200;
/// Words of the grammar; a column of that name is filtered as `<name>__eq`.
pub const RESERVED: [&str; 7] = ["page", "page_size", "cursor", "search", "sort", "trash", "count"];
const PAGE_SIZE: u64 = 20;
/// Values in one `__in` list.
const IN_MAX: usize = 200;

/// How a filter compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Equal.
    Eq,
    /// Not equal (or NULL).
    Ne,
    /// One of.
    In,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// Contains the text.
    Contains,
    /// Is NULL, or is not.
    Null,
}

impl Operator {
    fn parse(suffix: &str) -> Option<Self> {
        Some(match suffix {
            "eq" => Self::Eq,
            "ne" => Self::Ne,
            "in" => Self::In,
            "gt" => Self::Gt,
            "gte" => Self::Gte,
            "lt" => Self::Lt,
            "lte" => Self::Lte,
            "contains" => Self::Contains,
            "null" => Self::Null,
            _ => return None,
        })
    }
}

/// The operators that a column allows, by their suffixes.
pub fn operators(column: &Column) -> Vec<&'static str> {
    use super::Kind::{Boolean, Instant, Integer, Json, Text, Uuid};
    let mut out = match column.kind {
        Text => vec!["eq", "ne", "in", "contains"],
        Integer | Instant => vec!["eq", "ne", "in", "gt", "gte", "lt", "lte"],
        Boolean => vec!["eq"],
        Uuid => vec!["eq", "ne", "in"],
        Json => vec![],
    };
    if column.nullable {
        out.push("null");
    }
    out
}

/// One filter.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Column.
    pub column: &'static str,
    /// Operator.
    pub operator: Operator,
    /// Values, already of the column's kind.
    pub values: Vec<Value>,
}

/// Whether and how the total is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Up to 10,000.
    Capped,
    /// Exactly.
    Exact,
    /// Not at all.
    None,
}

/// A list request.
#[derive(Clone, Debug)]
pub struct ListQuery {
    /// Page, from 1.
    pub page: u64,
    /// Rows of a page.
    pub page_size: u64,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// Normalised words; each must occur.
    pub search: Vec<String>,
    /// Columns and whether they descend.
    pub sort: Vec<(&'static str, bool)>,
    /// Filters, all of which must hold.
    pub filters: Vec<Filter>,
    /// The trash instead of the rest.
    pub trash: bool,
    /// How to count.
    pub count: Count,
}

impl ListQuery {
    /// Reads a query string's pairs. Every problem is reported, not just the first.
    pub fn parse(spec: &Spec, pairs: &[(String, String)]) -> Result<Self> {
        Self::parse_with(spec, pairs, &[])
    }

    /// As [`ListQuery::parse`]; the names in `besides` belong to the route and are left alone.
    pub fn parse_with(spec: &Spec, pairs: &[(String, String)], besides: &[&str]) -> Result<Self> {
        let mut query = Self {
            page: 1,
            page_size: PAGE_SIZE,
            cursor: None,
            search: Vec::new(),
            sort: spec.default_order(),
            filters: Vec::new(),
            trash: false,
            count: Count::Capped,
        };
        let mut problems = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        for (name, text) in pairs {
            if besides.contains(&name.as_str()) {
                continue;
            }
            if seen.contains(&name.as_str()) {
                problems.push(FieldError::new(
                    name,
                    "repeated",
                    "is given twice; use __in for several values",
                ));
                continue;
            }
            seen.push(name);
            if let Err(problem) = query.take(spec, name, text) {
                problems.push(problem);
            }
        }
        if query.cursor.is_some() && seen.contains(&"page") {
            problems.push(FieldError::new("cursor", "ambiguous", "use either page or cursor"));
        }
        if problems.is_empty() { Ok(query) } else { Err(Error::fields(problems)) }
    }

    fn take(&mut self, spec: &Spec, name: &str, text: &str) -> Result<(), FieldError> {
        let wrong = |message: &str| FieldError::new(name, "invalid_value", message);
        match name {
            "page" => {
                self.page = number(text, 1, 1_000_000).ok_or_else(|| wrong("must be from 1 to 1000000"))?
            }
            "page_size" => {
                self.page_size =
                    number(text, 1, PAGE_SIZE_MAX).ok_or_else(|| wrong("must be from 1 to 200"))?;
            }
            "cursor" if text.is_empty() => {}
            "cursor" => self.cursor = Some(text.to_owned()),
            "search" if spec.search.is_empty() => return Err(wrong("this list cannot be searched")),
            "search" if text.chars().count() > 200 => return Err(wrong("must have at most 200 characters")),
            "search" if text.contains('\0') => return Err(wrong("must not contain U+0000")),
            "search" => self.search = base::text::fold(text).split(' ').map(str::to_owned).collect(),
            "sort" => self.sort = sort(spec, text)?,
            "trash" => self.trash = text.parse().map_err(|_| wrong("must be true or false"))?,
            "count" => {
                self.count = match text {
                    "exact" => Count::Exact,
                    "none" => Count::None,
                    _ => return Err(wrong("must be exact or none")),
                }
            }
            _ => self.filters.push(filter(spec, name, text)?),
        }
        Ok(())
    }
}

fn number(text: &str, least: u64, most: u64) -> Option<u64> {
    text.parse().ok().filter(|n| (least..=most).contains(n))
}

fn sort(spec: &Spec, text: &str) -> Result<Vec<(&'static str, bool)>, FieldError> {
    let mut out: Vec<(&'static str, bool)> = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, down) = part.strip_prefix('-').map_or((part, false), |name| (name, true));
        let Some(column) = spec.sort.iter().find(|column| **column == name) else {
            let message = format!("cannot sort by {name}; sortable are {}", spec.sort.join(", "));
            return Err(FieldError::new("sort", "unknown_field", message));
        };
        if !out.iter().any(|(known, _)| known == column) {
            out.push((column, down));
        }
    }
    Ok(out)
}

fn filter(spec: &Spec, name: &str, text: &str) -> Result<Filter, FieldError> {
    let (field, suffix) = name.split_once("__").unwrap_or((name, "eq"));
    let column = spec.filter.iter().find(|column| **column == field).and_then(|column| spec.column(column));
    let Some(column) = column else {
        let message = format!("is not a filter; filters are {}", spec.filter.join(", "));
        return Err(FieldError::new(name, "unknown_field", message));
    };
    let allowed = operators(column);
    let operator = Operator::parse(suffix).filter(|_| allowed.contains(&suffix)).ok_or_else(|| {
        let message = format!("{field} allows {}", allowed.join(", "));
        FieldError::new(name, "unknown_operator", message)
    })?;
    let parse = |text: &str| {
        value::parse(column.kind, text)
            .map_err(|expected| FieldError::new(name, "invalid_value", format!("must be {expected}")))
    };
    let values = match operator {
        Operator::In => {
            let parts: Vec<&str> = text.split(',').collect();
            if parts.len() > IN_MAX {
                return Err(FieldError::new(name, "too_many", format!("takes at most {IN_MAX} values")));
            }
            parts.into_iter().map(parse).collect::<Result<_, _>>()?
        }
        Operator::Null => {
            let wanted: bool =
                text.parse().map_err(|_| FieldError::new(name, "invalid_value", "must be true or false"))?;
            vec![wanted.into()]
        }
        _ => vec![parse(text)?],
    };
    Ok(Filter { column: column.name, operator, values })
}
