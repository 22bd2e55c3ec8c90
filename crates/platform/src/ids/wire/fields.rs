//! The fields of a body, and what is wrong with them in the older service's words (those of pydantic 2).
//!
//! Integers are read strictly: a JSON integer, or its decimal digits as text. The older service also took
//! `true`, `1e3` and `" +1_000 "`.

use http::{HeaderMap, header};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::syntax;

/// One thing that is wrong.
#[derive(Clone, Debug, Serialize)]
pub struct Issue {
    #[serde(rename = "type")]
    kind: &'static str,
    loc: Value,
    msg: String,
    input: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    ctx: Option<Value>,
}

impl Issue {
    fn new(kind: &'static str, field: &str, msg: impl Into<String>, input: Value) -> Self {
        Self { kind, loc: json!(["body", field]), msg: msg.into(), input, ctx: None }
    }
    fn with(mut self, name: &str, value: Value) -> Self {
        let mut ctx = Map::new();
        ctx.insert(name.to_owned(), value);
        self.ctx = Some(ctx.into());
        self
    }
}

/// Members that are never said back.
const SECRET: [&str; 1] = ["db_password"];

/// The body as an object.
pub struct Fields {
    object: Map<String, Value>,
    issues: Vec<Issue>,
}

fn whole(kind: &'static str, msg: &str, input: Value) -> Vec<Issue> {
    vec![Issue { kind, loc: json!(["body"]), msg: msg.to_owned(), input, ctx: None }]
}

impl Fields {
    /// Whether a body is read as JSON at all.
    pub fn is_json(headers: &HeaderMap) -> bool {
        let Some(kind) = headers.get(header::CONTENT_TYPE) else { return true };
        if kind == "application/json" {
            return true;
        }
        let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
        let kind = kind.to_ascii_lowercase();
        kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
    }

    /// Reads a body.
    pub fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, Vec<Issue>> {
        const NO_OBJECT: &str = "Input should be a valid dictionary or object to extract fields from";
        if body.is_empty() {
            return Err(whole("missing", "Field required", Value::Null));
        }
        let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        if !Self::is_json(headers) {
            let input = String::from_utf8_lossy(text).into_owned();
            return Err(whole("model_attributes_type", NO_OBJECT, input.into()));
        }
        match serde_json::from_slice::<Value>(text) {
            Ok(Value::Object(object)) => Ok(Self { object, issues: Vec::new() }),
            Ok(other) => Err(whole("model_attributes_type", NO_OBJECT, other)),
            Err(_) => {
                let (at, error) = syntax::explain(text);
                Err(vec![Issue {
                    kind: "json_invalid",
                    loc: json!(["body", at]),
                    msg: "JSON decode error".to_owned(),
                    input: json!({}),
                    ctx: Some(json!({ "error": error })),
                }])
            }
        }
    }

    /// The body without what must not be said back.
    fn shown(&self) -> Value {
        let mut object = self.object.clone();
        for name in SECRET {
            if let Some(value) = object.get_mut(name) {
                *value = "***".into();
            }
        }
        object.into()
    }
    fn input(name: &str, value: &Value) -> Value {
        if SECRET.contains(&name) { "***".into() } else { value.clone() }
    }
    fn missing(&mut self, name: &str) {
        let shown = self.shown();
        self.issues.push(Issue::new("missing", name, "Field required", shown));
    }
    fn wrong(&mut self, kind: &'static str, name: &str, msg: impl Into<String>) {
        let input = self.object.get(name).map(|value| Self::input(name, value)).unwrap_or_default();
        self.issues.push(Issue::new(kind, name, msg, input));
    }
    fn last_with(&mut self, name: &str, value: Value) {
        if let Some(issue) = self.issues.pop() {
            self.issues.push(issue.with(name, value));
        }
    }

    /// A required text of `least` to `most` characters.
    pub fn text(&mut self, name: &'static str, least: usize, most: usize) -> String {
        let text = match self.object.get(name) {
            None => {
                self.missing(name);
                return String::new();
            }
            Some(Value::String(text)) => text.clone(),
            Some(_) => {
                self.wrong("string_type", name, "Input should be a valid string");
                return String::new();
            }
        };
        let length = text.chars().count();
        let characters = |n: usize| if n == 1 { "1 character".to_owned() } else { format!("{n} characters") };
        if length < least {
            let msg = format!("String should have at least {}", characters(least));
            self.wrong("string_too_short", name, msg);
            self.last_with("min_length", least.into());
        } else if length > most {
            self.wrong("string_too_long", name, format!("String should have at most {}", characters(most)));
            self.last_with("max_length", most.into());
        }
        text
    }

    /// A text that may be absent or null.
    pub fn optional_text(&mut self, name: &'static str, most: usize) -> Option<String> {
        match self.object.get(name) {
            None | Some(Value::Null) => None,
            Some(_) => Some(self.text(name, 0, most)),
        }
    }

    /// One of a few words.
    pub fn word<T: Copy>(&mut self, name: &'static str, words: &[(&str, T)]) -> Option<T> {
        let Some(value) = self.object.get(name) else {
            self.missing(name);
            return None;
        };
        let found = value.as_str().and_then(|text| words.iter().find(|(word, _)| *word == text));
        if let Some((_, meaning)) = found {
            return Some(*meaning);
        }
        let quoted: Vec<String> = words.iter().map(|(word, _)| format!("'{word}'")).collect();
        let expected = match quoted.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            _ => quoted.join(""),
        };
        self.wrong("enum", name, format!("Input should be {expected}"));
        self.last_with("expected", expected.into());
        None
    }

    /// An integer from `least` to `most`.
    pub fn integer(&mut self, name: &'static str, preset: i64, least: i64, most: i64) -> i64 {
        let value = match self.object.get(name) {
            None => return preset,
            Some(value) => value,
        };
        let number = match value {
            Value::Number(number) => match number.as_i64() {
                Some(number) => i128::from(number),
                None => match (number.as_u64(), number.as_f64()) {
                    (Some(number), _) => i128::from(number),
                    (None, Some(float)) if float.fract() != 0.0 => {
                        let msg = "Input should be a valid integer, got a number with a fractional part";
                        self.wrong("int_from_float", name, msg);
                        return preset;
                    }
                    (None, Some(float)) if float.abs() >= 9_007_199_254_740_992.0 => float as i128,
                    _ => {
                        self.wrong("int_type", name, "Input should be a valid integer");
                        return preset;
                    }
                },
            },
            Value::String(text) => match digits(text) {
                Some(number) => number,
                None => {
                    let msg = "Input should be a valid integer, unable to parse string as an integer";
                    self.wrong("int_parsing", name, msg);
                    return preset;
                }
            },
            _ => {
                self.wrong("int_type", name, "Input should be a valid integer");
                return preset;
            }
        };
        if number < i128::from(least) {
            let msg = format!("Input should be greater than or equal to {least}");
            self.wrong("greater_than_equal", name, msg);
            self.last_with("ge", least.into());
        } else if number > i128::from(most) {
            self.wrong("less_than_equal", name, format!("Input should be less than or equal to {most}"));
            self.last_with("le", most.into());
        }
        i64::try_from(number).unwrap_or(preset)
    }

    /// A limit that is known only once the key is.
    pub fn above(name: &'static str, value: i64, most: i64) -> Vec<Issue> {
        let msg = format!("Input should be less than or equal to {most}");
        vec![Issue::new("less_than_equal", name, msg, value.into()).with("le", most.into())]
    }

    /// `Ok` when nothing was wrong.
    pub fn end(self) -> Result<(), Vec<Issue>> {
        if self.issues.is_empty() { Ok(()) } else { Err(self.issues) }
    }
}

/// Decimal digits, with a minus sign at most.
fn digits(text: &str) -> Option<i128> {
    let bare = text.strip_prefix('-').unwrap_or(text);
    let plain = !bare.is_empty() && bare.len() <= 30 && bare.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(body: &Value) -> Fields {
        Fields::read(&HeaderMap::new(), body.to_string().as_bytes()).unwrap_or_else(|_| unreachable!())
    }

    #[test]
    fn integers_are_taken_as_json_integers_and_as_digits_only() {
        for (value, expected) in [(json!(7), Ok(7)), (json!("7"), Ok(7)), (json!(1_000_000), Ok(1_000_000))] {
            let mut fields = fields(&json!({ "n": value }));
            let number = fields.integer("n", 1, 1, 1_000_000);
            assert_eq!(fields.end().map(|()| number).map_err(|issues| issues[0].kind), expected);
        }
        for (value, kind) in [
            (json!(true), "int_type"),
            (json!(null), "int_type"),
            (json!([1]), "int_type"),
            (json!(3.0), "int_type"),
            (json!(1.5), "int_from_float"),
            (json!(" 7 "), "int_parsing"),
            (json!("+7"), "int_parsing"),
            (json!("1_000"), "int_parsing"),
            (json!("2.0"), "int_parsing"),
            (json!(0), "greater_than_equal"),
            (json!("-3"), "greater_than_equal"),
            (json!(1_000_001), "less_than_equal"),
            (json!(u64::MAX), "less_than_equal"),
        ] {
            let mut fields = fields(&json!({ "n": value }));
            fields.integer("n", 1, 1, 1_000_000);
            assert_eq!(fields.end().unwrap_err()[0].kind, kind, "{value}");
        }
    }

    #[test]
    fn a_password_is_never_said_back() {
        let mut fields = fields(&json!({ "db_password": "s3cret" }));
        fields.text("system_code", 1, 100);
        fields.integer("db_password", 1, 1, 2);
        let text = serde_json::to_string(&fields.end().unwrap_err()).unwrap_or_default();
        assert!(!text.contains("s3cret") && text.contains("***"), "{text}");
    }
}
