//! The kinds of jobs: what can be enqueued or scheduled, and with which arguments.

use base::{Error, Result};
use jobs::{Audience, Engine, Kind};
use kernel::{Api, Cx, Json};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// A text in both languages.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "JobWords")]
pub struct Words {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl From<jobs::Words> for Words {
    fn from(words: jobs::Words) -> Self {
        Self { zh: words.zh.to_owned(), en: words.en.to_owned() }
    }
}

/// A kind as shown.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "JobKind")]
pub struct View {
    /// Name.
    pub kind: String,
    /// What people call it.
    pub title: Words,
    /// What it does.
    pub description: Words,
    /// Where its jobs wait.
    pub queue: String,
    /// Who may ask for it.
    pub audience: Audience,
    /// Attempts in all.
    pub max_attempts: u32,
    /// Seconds for one attempt.
    pub timeout_seconds: u64,
    /// Days for which succeeded jobs are kept.
    pub retention_days: u64,
    /// JSON Schema of the arguments.
    pub args_schema: Value,
    /// Arguments that are sealed and never shown.
    pub secret_args: Vec<String>,
    /// Only in development.
    pub dev_only: bool,
}

impl From<&Kind> for View {
    fn from(kind: &Kind) -> Self {
        Self {
            kind: kind.name.to_owned(),
            title: kind.title.into(),
            description: kind.about.into(),
            queue: kind.policy.queue.to_owned(),
            audience: kind.audience,
            max_attempts: kind.policy.max_attempts,
            timeout_seconds: kind.policy.timeout.as_secs(),
            retention_days: kind.policy.keep.as_secs() / 86_400,
            args_schema: kind.schema.clone(),
            secret_args: kind.secret.iter().map(|name| (*name).to_owned()).collect(),
            dev_only: kind.dev_only,
        }
    }
}

/// All kinds.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "JobKinds")]
pub struct Kinds {
    /// By name.
    pub items: Vec<View>,
}

/// Routes.
pub fn mount(api: &mut Api) {
    api.guarded("jobs", "job_kind").get("list", "/api/job-kinds", "Kinds of jobs and their arguments", list);
}

async fn list(cx: &Cx) -> Result<Json<Kinds>> {
    let engine = cx.app.service::<Engine>()?;
    Ok(Json(Kinds { items: engine.kinds().iter().map(View::from).collect() }))
}

/// 422 unless the caller may have jobs of that kind made; `field` is where its name stands.
pub(crate) fn require_audience(cx: &Cx, engine: &Engine, name: &str, field: &str) -> Result<()> {
    let unknown =
        || Error::field(field, "unknown_job_kind", format!("there is no kind of job called `{name}`"));
    let kind = engine.kinds().find(name).ok_or_else(unknown)?;
    match kind.audience {
        Audience::Organization => Ok(()),
        Audience::Platform if cx.actor()?.platform_admin => Ok(()),
        Audience::Platform => {
            Err(Error::field(field, "not_allowed", "only platform administrators may use it"))
        }
        Audience::Internal => Err(Error::field(field, "not_allowed", "the product itself makes these jobs")),
    }
}
