//! Moving in: members, permissions and programs of an older member platform become those of an organisation
//! here. Nothing in the older database is changed, and running it again changes nothing that was taken over.
//!
//! Rows come in groups, as documents with the columns that there are. A group is one unit of work, and a row in
//! it one savepoint: so an embedded database, which has one writer, goes on serving; a run that is broken off
//! goes on where it was; and a row that is refused leaves nothing behind. What is not taken over is told, with
//! the reason.

mod ledger;
mod permission;
mod program;
mod row;
mod user;

use std::collections::{BTreeSet, HashMap};

use base::{Error, Id, Result};
use kernel::{
    App, Origin,
    audit::{self, Event, Who},
};
use serde_json::Value;
use store::{Mode, Opening, Role, Tx};

use crate::{issuer, service::Members, subject::UNNAMED};

pub use program::UNDERSTOOD;

/// Tries for a group that loses a lock.
const TRIES: usize = 5;

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// For which organisation.
    pub org: Id,
    /// Whose names the members have, as its tokens write it; `None`: the organisation's usual issuer.
    pub issuer: Option<String>,
    /// Say what would be done, and do nothing.
    pub dry_run: bool,
    /// Let programs of a database without scopes grant the modules that were taken over.
    pub grant_modules: bool,
    /// Who does it.
    pub who: Who,
    /// From where.
    pub origin: Origin,
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It is here now, or would be.
    Taken,
    /// It was here already.
    Unchanged,
    /// It cannot be here.
    Refused,
}

impl Fate {
    /// As it is told.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
        }
    }
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportLine {
    /// name, user, permission or program.
    pub kind: &'static str,
    /// Which.
    pub name: String,
    /// What became of it.
    pub fate: Fate,
    /// Why, or what is different here.
    pub note: String,
}

fn line(kind: &'static str, name: impl Into<String>, fate: Fate, note: impl Into<String>) -> ReportLine {
    ReportLine { kind, name: name.into(), fate, note: note.into() }
}

/// A user of the older database who is here.
#[derive(Clone, Debug)]
struct Known {
    sub: String,
    user: Id,
    /// Whether he may work there.
    active: bool,
}

/// A taking over that is under way: users first, then permissions, then programs.
pub struct Adoption {
    app: App,
    options: Options,
    issuer: Id,
    /// By their ids in the older database.
    users: HashMap<String, Known>,
    /// Names that were declared.
    names: BTreeSet<(&'static str, String)>,
    /// Modules of permissions that are here.
    modules: BTreeSet<String>,
}

/// What a group changes of [`Adoption`] once it is committed.
#[derive(Default)]
struct Learnt {
    report: Vec<ReportLine>,
    users: Vec<(String, Known)>,
    names: BTreeSet<(&'static str, String)>,
    modules: BTreeSet<String>,
}

/// Runs a group of rows as one unit of work.
macro_rules! group {
    ($adoption:expr, $rows:expr, $work:path) => {{
        let mut tries = 0;
        loop {
            tries += 1;
            let tx = $adoption.begin().await?;
            let outcome = $work($adoption, &tx, $rows).await;
            if let Some(learnt) = $adoption.settle(tx, outcome, tries).await? {
                break $adoption.learn(learnt);
            }
        }
    }};
}

impl Adoption {
    /// Begins it.
    ///
    /// Errors: 404 `issuer_unknown`.
    pub async fn new(app: &App, options: Options) -> Result<Self> {
        let issuer = match &options.issuer {
            None => issuer::usual(app, options.org).await?,
            Some(name) => issuer_of(app, options.org, name).await?,
        };
        let (users, names) = (HashMap::new(), BTreeSet::new());
        Ok(Self { app: app.clone(), options, issuer, users, names, modules: BTreeSet::new() })
    }

    /// Takes users over.
    pub async fn users(&mut self, rows: &[Value]) -> Result<Vec<ReportLine>> {
        Ok(group!(self, rows, user::take))
    }

    /// Takes permissions over, of users that were taken over by now.
    pub async fn permissions(&mut self, rows: &[Value]) -> Result<Vec<ReportLine>> {
        Ok(group!(self, rows, permission::take))
    }

    /// Takes programs over.
    pub async fn programs(&mut self, rows: &[Value]) -> Result<Vec<ReportLine>> {
        // On a connection of its own, so before the unit of work.
        let known = program::known(&self.app, rows).await?;
        Ok(group!(self, (rows, &known), program::take))
    }

    async fn begin(&self) -> Result<Tx> {
        self.app.store().begin(Mode::Write, Opening::new(Role::System, Some(self.options.org))).await
    }

    async fn settle(&self, tx: Tx, outcome: Result<Learnt>, tries: usize) -> Result<Option<Learnt>> {
        match outcome {
            Ok(learnt) if self.options.dry_run => tx.rollback().await.map(|()| Some(learnt)),
            Ok(learnt) => tx.commit().await.map(|()| Some(learnt)),
            Err(error) => {
                let _ = tx.rollback().await;
                if error.is_retryable() && tries < TRIES { Ok(None) } else { Err(error) }
            }
        }
    }

    fn learn(&mut self, learnt: Learnt) -> Vec<ReportLine> {
        self.users.extend(learnt.users);
        self.names.extend(learnt.names);
        self.modules.extend(learnt.modules);
        learnt.report
    }

    async fn note(&self, tx: &Tx, event: Event) -> Result<()> {
        audit::write(tx, self.app.now(), self.options.who.clone(), &self.options.origin, event).await
    }
}

async fn issuer_of(app: &App, org: Id, name: &str) -> Result<Id> {
    let members = Members::of(app)?;
    let is_home = members.home(app).await? == org;
    if is_home && members.settings.issuer.as_ref().is_some_and(|known| known.issuer == name) {
        return Ok(UNNAMED);
    }
    let known = issuer::called(app, org, name).await?;
    known.ok_or_else(|| {
        let detail = "the organisation believes no issuer of that name; add it first (AUTHENTIK_ISSUER, or \
                      Permission service → Issuers), byte by byte as its tokens write it";
        Error::not_found("issuer_unknown", detail)
    })
}

/// The words of a refusal for people.
fn words(error: &Error) -> String {
    let fields: Vec<String> =
        error.field_errors().iter().map(|one| format!("{} {}", one.field, one.message)).collect();
    if fields.is_empty() { error.detail().to_owned() } else { fields.join("; ") }
}

/// Whether a row alone is to blame, and not the database.
fn is_refusal(error: &Error) -> bool {
    !error.is_retryable() && !kernel::http::problem::status(error.kind()).is_server_error()
}
