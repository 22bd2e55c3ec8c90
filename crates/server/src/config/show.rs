//! `tenon config`: every effective value, where it came from, and no secret.

use serde_json::{Value as Json, json};

use super::{
    derive::mask_url,
    layers::{Effective, Settings},
    table::Preset,
    value::{Shape, Value},
};

impl Effective {
    /// The value as people may see it.
    pub fn shown(&self) -> String {
        let Some(raw) = &self.raw else {
            return match self.setting.preset {
                Preset::Generated => "(missing; dev makes one)".to_owned(),
                _ => String::new(),
            };
        };
        match (&self.value, self.setting.secret, self.setting.shape) {
            (Some(Value::Text(url)), true, Shape::Url(_)) => mask_url(url),
            (_, true, _) => format!("**** ({})", length_class(raw.len())),
            (Some(Value::Text(text)), false, Shape::Url(_)) => mask_url(text),
            (Some(Value::Text(text)), ..) => base::text::one_line(text),
            _ => base::text::one_line(raw),
        }
    }
}

fn length_class(bytes: usize) -> &'static str {
    match bytes {
        0..16 => "under 16 bytes",
        16..32 => "16 to 31 bytes",
        _ => "32 bytes or more",
    }
}

impl Settings {
    /// A table for people, with warnings and problems behind it.
    pub fn table(&self) -> String {
        let rows: Vec<[String; 3]> = self
            .entries
            .iter()
            .map(|entry| {
                let source =
                    if entry.raw.is_some() { entry.source.to_string() } else { "not set".to_owned() };
                [entry.setting.name.to_owned(), entry.shown(), source]
            })
            .collect();
        let width =
            |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
        let (name, value) = (width(0), width(1).min(60));
        let mut out = format!("{:name$}  {:value$}  source\n", "name", "value");
        for row in &rows {
            out += format!("{:name$}  {:value$}  {}", row[0], row[1], row[2]).trim_end();
            out.push('\n');
        }
        for warning in &self.warnings {
            out += &format!("warning: {warning}\n");
        }
        for problem in &self.problems {
            out += &format!("problem: {problem}\n");
        }
        out
    }

    /// The same for programs.
    pub fn json(&self) -> Json {
        let rows: Vec<Json> = self
            .entries
            .iter()
            .map(|entry| {
                let value = entry.raw.as_ref().map(|_| entry.shown());
                let source = entry.raw.as_ref().map(|_| entry.source.to_string());
                json!({ "name": entry.setting.name, "value": value, "source": source, "secret": entry.setting.secret })
            })
            .collect();
        json!({
            "env": self.env.to_string(),
            "settings": rows,
            "warnings": self.warnings,
            "problems": self.problems,
        })
    }
}
