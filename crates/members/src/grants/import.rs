//! `POST /api/member-grants/import`: what a file says is given and taken, all of it or nothing.
//!
//! Files of an export can be imported: who gave something and when is passed over, since it is whoever imports
//! and now.

use std::collections::HashMap;

use base::{Error, FieldError, Id, Result};
use chrono::{DateTime, Utc};
use kernel::{
    Cx, Json,
    access::Tuple,
    audit::{self, Event},
    port::CalledBy,
    sheet::{Table, unguarded},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    judge::{Case, Judge, is_refusal},
    wish::{ImportReport, LineError, Op},
};
use crate::{
    permission::change::{self, Author, Change, Told, Until},
    service::people,
};

/// The savepoint of all rows.
const POINT: &str = "import";
/// Problems that a report lists.
const ERRORS: usize = 200;
/// Characters of a reason.
const REASON: usize = 500;
/// Characters of a name that is looked up.
const NAME: usize = 254;
/// Columns that say who.
const WHO: [&str; 3] = ["user_id", "username", "email"];
/// Columns that there must be.
const NEEDED: [&str; 4] = ["scope_type", "scope_id", "module", "action"];
/// The others.
const OTHERS: [&str; 5] = ["op", "expires_at", "reason", "granted_by", "created_at"];

/// How a file is taken.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MemberGrantImportQuery")]
pub struct ImportQuery {
    /// Whether to tell only what would be done.
    dry_run: Option<bool>,
}

/// Where the columns are.
struct Head(HashMap<&'static str, usize>);

impl Head {
    fn of(table: &Table) -> Result<Self> {
        let head = table.rows().first().map(Vec::as_slice).unwrap_or_default();
        let (mut places, mut errors) = (HashMap::new(), Vec::new());
        for (place, cell) in head.iter().enumerate() {
            let name = cell.trim_start_matches('\u{feff}').trim();
            match WHO.iter().chain(&NEEDED).chain(&OTHERS).find(|known| **known == name) {
                Some(known) if places.insert(*known, place).is_some() => {
                    errors.push(FieldError::new(name, "repeated", "is there twice"));
                }
                Some(_) => {}
                None => {
                    let all = [&WHO[..], &NEEDED, &OTHERS].concat().join(", ");
                    let shown: String = name.chars().take(100).collect();
                    errors.push(FieldError::new(
                        shown,
                        "unknown_field",
                        format!("is no column; there are {all}"),
                    ));
                }
            }
        }
        for name in NEEDED.iter().filter(|name| !places.contains_key(*name)) {
            errors.push(FieldError::new(*name, "required", "the file needs this column"));
        }
        if !WHO.iter().any(|name| places.contains_key(name)) {
            let message = "the file needs this column, or user_id or email";
            errors.push(FieldError::new("username", "required", message));
        }
        if errors.is_empty() { Ok(Self(places)) } else { Err(Error::fields(errors)) }
    }

    fn cell<'a>(&self, row: &'a [String], name: &str) -> &'a str {
        let cell = self.0.get(name).and_then(|place| row.get(*place));
        unguarded(cell.map(|cell| cell.trim()).unwrap_or_default())
    }
}

/// Whom a row is about, as it says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Who {
    Id(Id),
    Called(CalledBy, String),
}

impl Who {
    fn column(&self) -> &'static str {
        match self {
            Self::Id(_) => "user_id",
            Self::Called(CalledBy::Username, _) => "username",
            Self::Called(CalledBy::Email | CalledBy::Claim, _) => "email",
        }
    }
}

/// A row that can be read.
struct Row {
    line: usize,
    who: Who,
    tuple: Tuple,
    gives: Option<Until>,
    reason: Option<String>,
}

fn read(head: &Head, cells: &[String], line: usize) -> Result<Row> {
    let mut errors = Vec::new();
    let mut wrong = |name: &str, code: &str, message: &str| errors.push(FieldError::new(name, code, message));
    for name in head.0.keys().filter(|name| head.cell(cells, name).contains('\0')) {
        wrong(name, "control_character", "must not contain U+0000");
    }
    let text = |name: &str| Some(head.cell(cells, name)).filter(|cell| !cell.is_empty());
    let mut called = |by: CalledBy, name: &str| {
        let cell = text(name)?;
        if cell.chars().count() > NAME {
            wrong(name, "too_long", "must have at most 254 characters");
        }
        Some(Who::Called(by, cell.to_owned()))
    };
    let who = match text("user_id").map(str::parse::<Id>) {
        Some(Ok(id)) => Some(Who::Id(id)),
        Some(Err(_)) => {
            wrong("user_id", "invalid_value", "must be an id");
            None
        }
        None => match called(CalledBy::Username, "username").or_else(|| called(CalledBy::Email, "email")) {
            None => {
                let column = WHO.iter().rev().find(|name| head.0.contains_key(*name)).copied();
                wrong(column.unwrap_or("username"), "required", "is required");
                None
            }
            who => who,
        },
    };
    let op = match text("op").map(str::to_ascii_lowercase).as_deref() {
        None | Some("grant") => Op::Grant,
        Some("revoke") => Op::Revoke,
        Some(_) => {
            wrong("op", "unknown_value", "must be grant or revoke");
            Op::Grant
        }
    };
    for name in NEEDED.iter().filter(|name| text(name).is_none()) {
        wrong(name, "required", "is required");
    }
    let end = match text("expires_at").map(DateTime::parse_from_rfc3339) {
        // What is taken has no end; a file of an export says there when it would have ended.
        Some(Ok(end)) if op == Op::Grant => Until::At(end.with_timezone(&Utc)),
        Some(Err(_)) => {
            wrong("expires_at", "invalid_value", "must be an instant such as 2027-01-31T18:00:00Z");
            Until::AsItIs
        }
        _ => Until::AsItIs,
    };
    let reason = text("reason").map(str::to_owned);
    if reason.as_ref().is_some_and(|reason| reason.chars().count() > REASON) {
        wrong("reason", "too_long", "must have at most 500 characters");
    }
    let tuple = Tuple {
        scope_type: head.cell(cells, "scope_type").to_owned(),
        scope_id: head.cell(cells, "scope_id").to_owned(),
        module: head.cell(cells, "module").to_owned(),
        action: head.cell(cells, "action").to_owned(),
    };
    match who {
        Some(who) if errors.is_empty() => {
            Ok(Row { line, who, tuple, gives: (op == Op::Grant).then_some(end), reason })
        }
        _ => Err(Error::fields(errors)),
    }
}

impl ImportReport {
    fn refuse(&mut self, line: usize, error: &Error, who: Option<&Who>) {
        self.failed += 1;
        let mut problems = error.field_errors().to_vec();
        if problems.is_empty() {
            problems.push(FieldError::new("", error.code(), error.detail()));
        }
        let room = ERRORS.saturating_sub(self.errors.len());
        self.errors.extend(problems.into_iter().take(room).map(|problem| LineError {
            line,
            column: match (problem.field.as_str(), who) {
                ("", _) => None,
                // The row may call him otherwise.
                ("user_id", Some(who)) => Some(who.column().to_owned()),
                (field, _) => Some(field.to_owned()),
            },
            code: problem.code,
            detail: problem.message,
        }));
    }
}

/// The users whom rows call by name, and those who only say that an address is theirs.
async fn called(cx: &Cx, rows: &[Row]) -> Result<HashMap<(CalledBy, String), Vec<Id>>> {
    let mut found: HashMap<_, Vec<Id>> = HashMap::new();
    for by in [CalledBy::Username, CalledBy::Email] {
        let mut names: Vec<String> = rows
            .iter()
            .filter_map(|row| match &row.who {
                Who::Called(how, name) if *how == by => Some(name.clone()),
                _ => None,
            })
            .collect();
        names.sort();
        names.dedup();
        for (name, id) in people(&cx.app)?.called(cx.tx()?, by, &names).await? {
            found.entry((by, name)).or_default().push(id);
        }
        if by == CalledBy::Email {
            names.retain(|name| !found.contains_key(&(by, name.clone())));
            for (name, id) in people(&cx.app)?.called(cx.tx()?, CalledBy::Claim, &names).await? {
                found.entry((CalledBy::Claim, name)).or_default().push(id);
            }
        }
    }
    Ok(found)
}

fn user(called: &HashMap<(CalledBy, String), Vec<Id>>, who: &Who) -> Result<Id> {
    match who {
        Who::Id(id) => Ok(*id),
        Who::Called(by, name) => match called.get(&(*by, name.clone())).map(Vec::as_slice) {
            Some([id]) => Ok(*id),
            Some([_, ..]) => {
                Err(Error::field(who.column(), "ambiguous", "several members are called so; use user_id"))
            }
            _ => {
                let message = "is no member of this organisation whom you reach";
                Err(Error::field(who.column(), "unknown_reference", message))
            }
        },
    }
}

/// As [`user`]; an address that somebody whom the caller reaches has told, and not proven, leads to nobody, and
/// the row is told so.
fn reached(called: &HashMap<(CalledBy, String), Vec<Id>>, judge: &Judge<'_>, who: &Who) -> Result<Id> {
    if let Who::Called(CalledBy::Email, name) = who
        && let Some(claimants) = called.get(&(CalledBy::Claim, name.clone()))
        && claimants.iter().any(|id| judge.knows(*id))
    {
        let message = "is an address that nobody has proven to be his; use username or user_id";
        return Err(Error::field(who.column(), "email_unproven", message));
    }
    user(called, who)
}

/// What was given to a member and taken from him, for the trail.
#[derive(Default)]
struct Changed {
    username: String,
    granted: Vec<Tuple>,
    revoked: Vec<Tuple>,
}

/// `POST /api/member-grants/import`. A dry run does the same and takes it back.
pub async fn import(cx: &Cx) -> Result<Json<ImportReport>> {
    let dry_run = cx.query::<ImportQuery>()?.dry_run.unwrap_or_default();
    let (tx, table) = (cx.tx()?, cx.table()?);
    let head = Head::of(&table)?;
    let (mut report, mut rows) = (ImportReport::default(), Vec::new());
    for (at, cells) in table.rows().iter().enumerate().skip(1) {
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        report.rows += 1;
        match read(&head, cells, table.line(at)) {
            Ok(row) => rows.push(row),
            Err(error) => report.refuse(table.line(at), &error, None),
        }
    }
    let mut judge = Judge::begin(cx).await?;
    let called = called(cx, &rows).await?;
    let claimants = called.iter().filter(|((by, _), _)| *by == CalledBy::Claim).flat_map(|(_, ids)| ids);
    let mut users: Vec<Id> = claimants.copied().collect();
    users.extend(rows.iter().filter_map(|row| user(&called, &row.who).ok()));
    users.sort_unstable();
    users.dedup();
    judge.learn(&users).await?;
    let (author, mut told) = (Author::person(cx)?, Told::default());
    let mut changed: HashMap<Id, Changed> = HashMap::new();
    tx.savepoint(POINT).await?;
    for row in &rows {
        match take(cx, &mut judge, &author, &called, row, &mut told).await {
            Ok((id, username, result)) => {
                let count = match result {
                    "granted" => &mut report.granted,
                    "updated" => &mut report.updated,
                    "revoked" => &mut report.revoked,
                    _ => &mut report.unchanged,
                };
                *count += 1;
                if matches!(result, "granted" | "updated" | "revoked") {
                    let of = changed.entry(id).or_insert_with(|| Changed { username, ..Changed::default() });
                    if row.gives.is_some() { &mut of.granted } else { &mut of.revoked }
                        .push(row.tuple.clone());
                }
            }
            Err(error) if is_refusal(&error) => report.refuse(row.line, &error, Some(&row.who)),
            Err(error) => return Err(error),
        }
    }
    report.errors.sort_by_key(|error| error.line);
    if dry_run || report.failed > 0 {
        tx.back_to_savepoint(POINT).await?;
        tx.release_savepoint(POINT).await?;
        return Ok(Json(report));
    }
    tx.release_savepoint(POINT).await?;
    told.tell(tx, cx.now()).await?;
    record(cx, author, &report, changed).await?;
    report.applied = true;
    Ok(Json(report))
}

async fn take(
    cx: &Cx,
    judge: &mut Judge<'_>,
    author: &Author,
    called: &HashMap<(CalledBy, String), Vec<Id>>,
    row: &Row,
    told: &mut Told,
) -> Result<(Id, String, &'static str)> {
    let user = reached(called, judge, &row.who)?;
    let person = judge.check(Case { place: "", user, tuple: &row.tuple, gives: row.gives }).await?;
    let change = Change { user, tuple: &row.tuple, gives: row.gives, reason: row.reason.as_deref() };
    let done = change::carry_out(cx, cx.tx()?, author, change, told).await?;
    Ok((user, person.username, done.result))
}

/// One entry for the file, and one for each member whom it changed.
async fn record(cx: &Cx, author: Author, report: &ImportReport, changed: HashMap<Id, Changed>) -> Result<()> {
    let (tx, now, import) = (cx.tx()?, cx.now(), cx.app.new_id());
    let event = Event::new("members:permission:import", "members.grant")
        .target(import, "grants")
        .change("rows", Value::Null, json!(report.rows))
        .change("granted", Value::Null, json!(report.granted))
        .change("updated", Value::Null, json!(report.updated))
        .change("revoked", Value::Null, json!(report.revoked));
    audit::write(tx, now, author.who.clone(), &cx.origin, event).await?;
    for (user, of) in changed {
        let event = Event::new("members:permission:import", "identity.user")
            .target(user, of.username)
            .change("import", Value::Null, json!(import))
            .change("granted", Value::Null, json!(of.granted))
            .change("revoked", json!(of.revoked), Value::Null);
        audit::write(tx, now, author.who.clone(), &cx.origin, event).await?;
    }
    Ok(())
}
