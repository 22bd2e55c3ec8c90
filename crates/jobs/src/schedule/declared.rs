//! Schedules that code or configuration declares: merged into the table at start, shown with the
//! others, never deleted from a screen.

use ::store::{Mode, Tx};
use base::{Error, Id, Result};

use super::{Plan, PlanKind, Timing, tick};
use crate::{
    Engine, Enqueued, Kinds, PLATFORM,
    store::{self, entity::schedule::Model},
};

/// A schedule of the product itself.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// Its name: what makes it the same one at the next start.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// A cron expression.
    #[serde(default)]
    pub expression: Option<String>,
    /// Or every so many seconds.
    #[serde(default)]
    pub every_seconds: Option<i64>,
    /// IANA name.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// Kind of job.
    pub job_kind: String,
    /// Its arguments.
    #[serde(default = "none")]
    pub args: serde_json::Value,
}

fn utc() -> String {
    "UTC".to_owned()
}

fn none() -> serde_json::Value {
    serde_json::json!({})
}

impl Declared {
    /// Every so many seconds a job of a kind without arguments to choose.
    pub fn every<A: crate::Arguments>(seconds: u32, name: &str, arguments: &A) -> Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            description: A::ABOUT.en.to_owned(),
            expression: None,
            every_seconds: Some(i64::from(seconds)),
            time_zone: "UTC".to_owned(),
            job_kind: A::KIND.to_owned(),
            args: serde_json::to_value(arguments).map_err(Error::internal)?,
        })
    }
}

impl Declared {
    /// Refuses what could never run: 422 on the kind, its arguments, or the field that says when.
    pub fn check(&self, kinds: &Kinds) -> Result<()> {
        let kind = kinds.find(&self.job_kind).ok_or_else(|| {
            let message = format!("there is no kind of job called `{}`", self.job_kind);
            Error::field("job_kind", "unknown_job_kind", message)
        })?;
        kind.check(&self.args)?;
        let kind = match (&self.expression, self.every_seconds) {
            (Some(_), None) => PlanKind::Cron,
            (None, Some(_)) => PlanKind::Interval,
            _ => {
                let message = "give either `expression` or `every_seconds`";
                return Err(Error::field("expression", "required", message));
            }
        };
        Plan::new(&Timing {
            kind,
            expression: self.expression.clone(),
            every_seconds: self.every_seconds,
            at: None,
            time_zone: self.time_zone.clone(),
            starts_at: None,
            ends_at: None,
            anchor: chrono::DateTime::UNIX_EPOCH,
        })
        .map(drop)
    }
}

impl Engine {
    /// Brings the table in step with what is declared. Several nodes may do so at once.
    pub async fn declare(&self, declared: &[Declared]) -> Result<()> {
        crate::engine::retrying(|| async {
            let (tx, now) = self.system(Mode::Write).await?;
            for one in declared {
                let mut row = self.declared_row(one, now)?;
                row.next_at = tick::plan_of(&row)?.next_after(now);
                match store::put(&tx, row).await {
                    // Another node was first.
                    Err(error) if error.kind() == base::Kind::Conflict => return Err(error.retryable()),
                    other => other?,
                }
            }
            let names: Vec<&str> = declared.iter().map(|one| one.name.as_str()).collect();
            store::keep_only(&tx, PLATFORM, &names).await?;
            self.schedules_changed(&tx).await?;
            tx.commit().await
        })
        .await
    }

    fn declared_row(&self, one: &Declared, now: chrono::DateTime<chrono::Utc>) -> Result<Model> {
        self.kind(&one.job_kind)?.check(&one.args)?;
        Ok(Model {
            id: self.new_id(),
            org_id: PLATFORM,
            name: one.name.clone(),
            description: Some(one.description.clone()),
            kind: if one.expression.is_some() { PlanKind::Cron } else { PlanKind::Interval }
                .as_str()
                .to_owned(),
            expression: one.expression.clone(),
            every_seconds: one.every_seconds,
            at: None,
            time_zone: one.time_zone.clone(),
            starts_at: None,
            ends_at: None,
            jitter_seconds: 0,
            misfire: "once".to_owned(),
            misfire_limit: 1,
            overlap: "skip".to_owned(),
            job_kind: one.job_kind.clone(),
            args: one.args.to_string(),
            queue: None,
            priority: 0,
            enabled: true,
            source: "code".to_owned(),
            next_at: None,
            last_at: None,
            last_job_id: None,
            runs: 0,
            missed: 0,
            skipped: 0,
            version: 1,
            created_at: now,
            updated_at: now,
            created_by: None,
            updated_by: None,
            deleted_at: None,
            alive: Some(true),
            search_key: base::text::fold(&one.name),
        })
    }

    /// The schedules of the product itself.
    pub async fn declared(&self, tx: &Tx) -> Result<Vec<Model>> {
        store::declared(tx, PLATFORM).await
    }

    /// Pauses one of them or lets it go on; 404 when there is none.
    pub async fn set_declared_enabled(&self, tx: &Tx, id: Id, enabled: bool) -> Result<()> {
        let row = self.find_declared(tx, id).await?;
        let next = if enabled { tick::plan_of(&row)?.next_after(self.now(tx).await?) } else { None };
        store::set_enabled(tx, PLATFORM, id, enabled, next).await?;
        self.schedules_changed(tx).await
    }

    async fn find_declared(&self, tx: &Tx, id: Id) -> Result<Model> {
        let all = self.declared(tx).await?;
        all.into_iter().find(|row| row.id == id).ok_or_else(Error::missing)
    }

    /// One job of a declared schedule now.
    pub async fn run_declared(&self, tx: &Tx, id: Id) -> Result<Enqueued> {
        let row = self.find_declared(tx, id).await?;
        self.run_schedule(tx, &row, None).await
    }

    /// The times of a schedule's row.
    pub fn plan(row: &Model) -> Result<Plan> {
        tick::plan_of(row)
    }
}

impl From<&Model> for Timing {
    fn from(row: &Model) -> Self {
        Self {
            kind: PlanKind::parse(&row.kind).unwrap_or(PlanKind::Once),
            expression: row.expression.clone(),
            every_seconds: row.every_seconds,
            at: row.at,
            time_zone: row.time_zone.clone(),
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            anchor: row.created_at,
        }
    }
}
