//! The README's request examples, read from the README: they answer what it says, and each of their
//! bodies, spoilt in every way that people spoil bodies, gets a clear 4xx that names the field.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Map, Value, json};

use crate::support::{Caller, TestApp, caller::Reply};

const READMES: [(&str, &str); 2] = [
    ("README.md", include_str!("../../../../README.md")),
    ("README.zh-CN.md", include_str!("../../../../README.zh-CN.md")),
];
/// What the examples answer, in their order: the README says so beside them.
const ANSWERS: [u16; 11] = [201, 200, 201, 201, 200, 200, 412, 422, 200, 200, 200];

/// The variables of the README's shell.
type Variables = BTreeMap<String, String>;

/// The commands of the block with the examples: lines, with what their quotes and backslashes continue.
fn commands(readme: &str) -> Vec<String> {
    let block = readme.split("```sh\n").map(|rest| rest.split("```").next().unwrap_or_default());
    let block = block.into_iter().find(|block| block.contains("/auth/init-user")).expect("the examples");
    let mut out: Vec<String> = Vec::new();
    let mut open = String::new();
    for line in block.lines() {
        open.push_str(line);
        let continued = open.ends_with('\\');
        if continued {
            open.pop();
        }
        let quoted = unclosed(&open);
        if quoted {
            open.push('\n');
        }
        if !continued && !quoted {
            out.push(std::mem::take(&mut open));
        }
    }
    assert!(open.is_empty(), "a quote is not closed: {open}");
    out.retain(|command| !command.trim().is_empty() && !command.starts_with('#'));
    out
}

/// Whether a quote is open at the end.
fn unclosed(text: &str) -> bool {
    let (mut quote, mut escaped) = (None, false);
    for c in text.chars() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some('"') | None, '\\') => escaped = true,
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
    }
    quote.is_some()
}

/// The words of a command up to its pipe, quotes and variables resolved.
fn words(text: &str, variables: &Variables) -> Vec<String> {
    let (mut out, mut word, mut begun, mut quote) = (Vec::new(), String::new(), false, None);
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        match (quote, c) {
            (None, '|' | ')') => break,
            (None, ' ' | '\n') => {
                if std::mem::take(&mut begun) {
                    out.push(std::mem::take(&mut word));
                }
                continue;
            }
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            (None | Some('"'), '\\') => word.extend(letters.next()),
            (None | Some('"'), '$') => {
                let mut name = String::new();
                while let Some(letter) = letters.next_if(char::is_ascii_uppercase) {
                    name.push(letter);
                }
                word.push_str(variables.get(&name).unwrap_or_else(|| panic!("${name} is not set: {text}")));
            }
            _ => word.push(c),
        }
        begun = true;
    }
    if begun {
        out.push(word);
    }
    out
}

/// One call of curl.
#[derive(Debug)]
struct Example {
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

impl Example {
    fn of(text: &str, variables: &Variables) -> Self {
        let mut example = Self { method: Method::GET, path: String::new(), headers: Vec::new(), body: None };
        let mut words = words(text, variables).into_iter().skip(1);
        let mut method = None;
        while let Some(word) = words.next() {
            let mut value = || words.next().unwrap_or_else(|| panic!("{word} without a value: {text}"));
            match word.as_str() {
                "-s" => {}
                "-H" => {
                    let header = value();
                    let (name, value) = header.split_once(": ").unwrap_or_else(|| panic!("{header}"));
                    example.headers.push((name.to_lowercase(), value.to_owned()));
                }
                "-d" => example.body = Some(value()),
                "-X" => method = Some(value().parse().unwrap()),
                "-o" => drop(value()),
                _ => word
                    .strip_prefix("http://127.0.0.1:8000")
                    .unwrap_or_else(|| panic!("{word}"))
                    .clone_into(&mut example.path),
            }
        }
        if example.body.is_some() {
            example.method = Method::POST;
        }
        example.method = method.unwrap_or(example.method);
        example
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Sends it with another body and content type.
    async fn send(&self, app: &TestApp, body: Option<&str>, kind: Option<&str>) -> Reply {
        let mut caller: Caller = app.anon();
        for (name, value) in self.headers.iter().filter(|(name, _)| name != "content-type") {
            caller = caller.with(name, value);
        }
        let bytes = body.unwrap_or_default().as_bytes().to_vec();
        caller.raw(self.method.clone(), &self.path, kind, bytes).await
    }

    async fn send_json(&self, app: &TestApp, body: &Value) -> Reply {
        self.send(app, Some(&body.to_string()), Some("application/json")).await
    }
}

/// The body of an operation in the document: its fields and those that must be there.
struct Shape {
    fields: Map<String, Value>,
    required: Vec<String>,
}

/// A schema without the references that it consists of.
fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        return resolved(document, &document["components"]["schemas"][name]);
    }
    match schema["allOf"].as_array().or_else(|| schema["anyOf"].as_array()).and_then(|list| list.first()) {
        Some(first) => resolved(document, first),
        None => schema,
    }
}

fn shape(document: &Value, example: &Example) -> Shape {
    let path = example.path.split('?').next().unwrap_or_default().trim_end_matches('/');
    let fits = |template: &str| {
        let (a, b): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
        a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a == b || a.starts_with('{'))
    };
    let paths = document["paths"].as_object().unwrap();
    let (_, item) = paths.iter().find(|(template, _)| fits(template)).unwrap_or_else(|| panic!("{path}"));
    let operation = &item[example.method.as_str().to_lowercase()];
    let schema = resolved(document, &operation["requestBody"]["content"]["application/json"]["schema"]);
    let required = serde_json::from_value(schema["required"].clone()).unwrap_or_default();
    Shape { fields: schema["properties"].as_object().cloned().unwrap_or_default(), required }
}

/// 422, with a message that names the field.
#[track_caller]
fn names(reply: Reply, field: &str, codes: &[&str], what: &str) -> String {
    let errors = reply.body["errors"].as_array().cloned().unwrap_or_default();
    let error = errors.iter().find(|error| error["field"] == field);
    let error = error.unwrap_or_else(|| panic!("{what}: {} does not name {field}", reply.text()));
    assert_eq!((reply.status.as_u16(), reply.code()), (422, "validation_failed"), "{what}");
    let code = error["code"].as_str().unwrap();
    assert!(codes.contains(&code), "{what}: {field} is {code}, not one of {codes:?}");
    assert!(reply.body["detail"].as_str().unwrap().contains(field), "{what}: {}", reply.text());
    error["message"].as_str().unwrap().to_owned()
}

/// The second letter and the third change places, as they do under quick fingers.
fn misspelt(name: &str) -> String {
    let mut letters: Vec<char> = name.chars().collect();
    letters.swap(1, 2);
    letters.into_iter().collect()
}

/// Everything that can be wrong with the body of an example.
async fn spoil(app: &TestApp, document: &Value, example: &Example, what: &str) {
    let text = example.body.as_deref().unwrap();
    let body: Map<String, Value> =
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{what}: {error}"));
    let shape = shape(document, example);
    for field in body.keys() {
        let schema = shape.fields.get(field).unwrap_or_else(|| panic!("{what}: {field} is not documented"));
        let mut without = body.clone();
        without.remove(field);
        // Of two ways to send a password one must be taken.
        if shape.required.contains(field) || field == "password" {
            names(example.send_json(app, &without.clone().into()).await, field, &["required"], what);
        }
        let mut typo = without.clone();
        typo.insert(misspelt(field), body[field].clone());
        let reply = example.send_json(app, &typo.into()).await;
        let message = names(reply, &misspelt(field), &["unknown_field"], what);
        assert!(message.contains(&format!("did you mean {field}?")), "{what}: {message}");
        let mut with = async |value: Value| {
            without.insert(field.clone(), value);
            example.send_json(app, &without.clone().into()).await
        };
        let wrong = with(json!({ "not": ["a", "value"] })).await;
        names(wrong, field, &["wrong_type"], what);
        let schema = resolved(document, schema);
        let (value, codes) = match (schema["maxLength"].as_u64(), schema["type"].to_string()) {
            (Some(most), _) => (json!("x".repeat(usize::try_from(most).unwrap() + 1)), ["too_long", ""]),
            (None, kind) if kind.contains("integer") => {
                (json!(10_000_000_000_i64), ["wrong_type", "out_of_range"])
            }
            (None, _) => (json!("x".repeat(2_000)), ["wrong_type", "unknown_value"]),
        };
        names(with(value).await, field, &codes, what);
    }
    let mut more = body.clone();
    more.insert("no_such_field".into(), json!(1));
    names(example.send_json(app, &more.into()).await, "no_such_field", &["unknown_field"], what);
    let cut: String = text.chars().take(text.chars().count() * 2 / 3).collect();
    let reply = example.send(app, Some(&cut), Some("application/json")).await.expect(400);
    assert_eq!(reply.code(), "malformed_json", "{what}");
    assert!(reply.body["detail"].as_str().unwrap().contains("line"), "{what}: where is it? {}", reply.text());
    for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded")] {
        let reply = example.send(app, Some(text), kind).await.expect(415);
        assert_eq!(reply.code(), "unsupported_media_type", "{what}");
        assert!(reply.body["detail"].as_str().unwrap().contains("Content-Type: application/json"));
    }
}

async fn walk(readme: &str) -> (usize, usize) {
    let app = TestApp::new().await;
    let document = app.anon().get("/openapi.json").await.expect(200).body;
    let mut variables = Variables::new();
    let (mut called, mut spoilt) = (0, 0);
    for command in commands(readme) {
        let Some((before, call)) =
            command.split_once("curl ").map(|(before, _)| (before, &command[before.len()..]))
        else {
            let assigned = words(&command, &variables).concat();
            let (name, value) = assigned.split_once('=').unwrap_or_else(|| panic!("{command}"));
            variables.insert(name.to_owned(), value.to_owned());
            continue;
        };
        let example = Example::of(call, &variables);
        let expected = *ANSWERS.get(called).unwrap_or_else(|| panic!("an example more: {command}"));
        called += 1;
        if example.body.is_some() && expected < 300 {
            assert_eq!(example.header("content-type"), Some("application/json"), "{command}");
            spoil(&app, &document, &example, &command).await;
            spoilt += 1;
        }
        let reply = example.send(&app, example.body.as_deref(), example.header("content-type")).await;
        assert_eq!(reply.status.as_u16(), expected, "{command}: {}", reply.text());
        match expected {
            201 if example.path.contains("departments") => assert_eq!(reply.header("etag"), "\"1\""),
            412 => assert_eq!(reply.code(), "version_mismatch"),
            422 => assert!(reply.text().contains("did you mean name?"), "{}", reply.text()),
            _ => {}
        }
        if let Some(name) = before.strip_suffix("=$(") {
            let member = call.split("jq -r .").nth(1).unwrap().trim_end_matches(')').trim();
            let value = reply.body[member].as_str().unwrap_or_else(|| panic!("no {member}: {command}"));
            variables.insert(name.to_owned(), value.to_owned());
        }
    }
    (called, spoilt)
}

#[tokio::test]
async fn the_readmes_examples_answer_what_it_says_and_name_what_is_wrong_with_a_spoilt_body() {
    for (name, text) in READMES {
        let (called, spoilt) = walk(text).await;
        assert_eq!(called, ANSWERS.len(), "{name} lost an example");
        assert_eq!(spoilt, 5, "{name} lost a body");
    }
}
