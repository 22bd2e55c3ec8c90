//! Kinds of jobs: a Rust type with its arguments, its result, its policy and an `async fn run`.
//!
//! Only registered kinds can ever run: nothing that comes from a request names code.

use std::{collections::BTreeMap, future::Future, panic::AssertUnwindSafe, sync::Arc};

use base::{Error, FieldError, Result};
use futures_util::{FutureExt, future::BoxFuture};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Failure, Outcome, Policy, Run};

/// Who may have jobs of a kind made by a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Members with the permission.
    Organization,
    /// Platform administrators.
    Platform,
    /// Nobody: the product enqueues it.
    Internal,
}

/// A text in both languages.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct Words {
    /// Chinese.
    pub zh: &'static str,
    /// English.
    pub en: &'static str,
}

/// The arguments of a kind: all that is needed to enqueue one.
pub trait Arguments: Serialize + DeserializeOwned + JsonSchema + Send + 'static {
    /// Stable name, `area.verb`.
    const KIND: &'static str;
    /// What people call it.
    const TITLE: Words;
    /// What it does, in a sentence.
    const ABOUT: Words;
    /// Who may ask for it.
    const AUDIENCE: Audience = Audience::Internal;
    /// Members of the arguments that are secret: sealed at rest, never shown.
    const SECRET: &'static [&'static str] = &[];
    /// Only in development.
    const DEV_ONLY: bool = false;

    /// How it is treated.
    fn policy() -> Policy {
        Policy::default()
    }
    /// What `key_concurrency` counts by.
    fn key(&self) -> Option<String> {
        None
    }
    /// What types cannot say about the arguments.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// A job that can run, given a context `C` (the application).
pub trait Job<C>: Arguments {
    /// What it leaves behind; at most 64 KiB of JSON.
    type Output: Serialize + Send;
    /// Does the work. Dropped when it is cancelled or out of time; may run more than once.
    fn run(self, context: C, run: Run) -> impl Future<Output = Result<Self::Output, Failure>> + Send;
}

/// What is known of a kind without being able to run it.
pub struct Kind {
    /// Name.
    pub name: &'static str,
    /// What people call it.
    pub title: Words,
    /// What it does.
    pub about: Words,
    /// Who may ask for it.
    pub audience: Audience,
    /// Secret members.
    pub secret: &'static [&'static str],
    /// Only in development.
    pub dev_only: bool,
    /// How it is treated.
    pub policy: Policy,
    /// JSON Schema of the arguments.
    pub schema: Value,
    check: fn(&Value) -> Result<Option<String>>,
}

impl Kind {
    /// What is known of `A`.
    pub fn of<A: Arguments>() -> Self {
        let mut schema = schemars::generate::SchemaSettings::draft2020_12()
            .with(|settings| settings.inline_subschemas = true)
            .into_generator()
            .into_root_schema_for::<A>()
            .to_value();
        for name in A::SECRET {
            if let Some(member) =
                schema.pointer_mut(&format!("/properties/{name}")).and_then(Value::as_object_mut)
            {
                member.insert("writeOnly".to_owned(), Value::Bool(true));
            }
        }
        Self {
            name: A::KIND,
            title: A::TITLE,
            about: A::ABOUT,
            audience: A::AUDIENCE,
            secret: A::SECRET,
            dev_only: A::DEV_ONLY,
            policy: A::policy(),
            schema,
            check: |value| {
                let arguments = read::<A>(value)?;
                arguments.check()?;
                Ok(arguments.key())
            },
        }
    }

    /// Refuses arguments that the kind does not understand (422, `args.…`); what `key_concurrency`
    /// counts them by.
    pub fn check(&self, args: &Value) -> Result<Option<String>> {
        (self.check)(args)
    }
}

/// Arguments from JSON.
fn read<A: DeserializeOwned>(value: &Value) -> Result<A> {
    serde_path_to_error::deserialize(value).map_err(|cause| {
        let path = cause.path().to_string();
        let message = cause.into_inner().to_string();
        let mut field = if path == "." { "args".to_owned() } else { format!("args.{path}") };
        // serde names an unknown or missing member in its message only.
        let named = message.strip_prefix("unknown field `").or(message.strip_prefix("missing field `"));
        let named = named.and_then(|rest| rest.split('`').next()).map(str::to_owned);
        let code = match () {
            () if message.starts_with("unknown field") => "unknown_field",
            () if message.starts_with("missing field") => "required",
            () => "invalid_type",
        };
        if let Some(name) = named
            && !field.ends_with(&format!(".{name}"))
        {
            field = format!("{field}.{name}");
        }
        Error::fields(vec![FieldError::new(field, code, message)])
    })
}

/// Every kind, by name.
#[derive(Default)]
pub struct Kinds {
    by_name: BTreeMap<&'static str, Kind>,
}

impl Kinds {
    /// The kind of that name.
    pub fn find(&self, name: &str) -> Option<&Kind> {
        self.by_name.get(name)
    }
    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Kind> {
        self.by_name.values()
    }
    /// The queues that kinds use.
    pub fn queues(&self) -> Vec<&'static str> {
        let mut all: Vec<_> = self.iter().map(|kind| kind.policy.queue).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

type Runner<C> = Box<dyn Fn(C, Run, Value) -> BoxFuture<'static, Outcome> + Send + Sync>;

/// Kinds with the code that runs them.
pub struct Registry<C> {
    kinds: Kinds,
    runners: BTreeMap<&'static str, Runner<C>>,
}

impl<C> Default for Registry<C> {
    fn default() -> Self {
        Self { kinds: Kinds::default(), runners: BTreeMap::new() }
    }
}

impl<C: Send + 'static> Registry<C> {
    /// Adds a kind. A later one of the same name replaces it.
    #[must_use]
    pub fn with<J: Job<C>>(mut self) -> Self {
        self.kinds.by_name.insert(J::KIND, Kind::of::<J>());
        let runner: Runner<C> = Box::new(|context, run, args| Box::pin(attempt::<C, J>(context, run, args)));
        self.runners.insert(J::KIND, runner);
        self
    }

    /// Separates what is known of the kinds from what runs them.
    pub fn split(self) -> (Kinds, Runners<C>) {
        (self.kinds, Runners { by_name: Arc::new(self.runners) })
    }
}

/// The code of every kind.
pub struct Runners<C> {
    by_name: Arc<BTreeMap<&'static str, Runner<C>>>,
}

impl<C> Clone for Runners<C> {
    fn clone(&self) -> Self {
        Self { by_name: self.by_name.clone() }
    }
}

impl<C> Runners<C> {
    /// The attempt of a kind; `None` when this build does not know it.
    pub(crate) fn start(
        &self,
        kind: &str,
        context: C,
        run: Run,
        args: Value,
    ) -> Option<BoxFuture<'static, Outcome>> {
        self.by_name.get(kind).map(|runner| runner(context, run, args))
    }
}

async fn attempt<C, J: Job<C>>(context: C, run: Run, args: Value) -> Outcome {
    let arguments = match read::<J>(&args) {
        Ok(arguments) => arguments,
        Err(error) => return Outcome::Failed { error: error.to_string(), fatal: true, how: "failed" },
    };
    match AssertUnwindSafe(arguments.run(context, run)).catch_unwind().await {
        Ok(Ok(output)) => match serde_json::to_value(output) {
            Ok(value) => Outcome::Succeeded(value),
            Err(error) => Outcome::Failed { error: error.to_string(), fatal: true, how: "failed" },
        },
        Ok(Err(Failure::Retry(error))) => failed(&error, false),
        Ok(Err(Failure::Fatal(error))) => failed(&error, true),
        Ok(Err(Failure::Snooze(time))) => Outcome::Snoozed(time),
        Err(panic) => {
            let what = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let what = what.or_else(|| panic.downcast_ref::<String>().cloned());
            let error = format!("panicked: {}", what.as_deref().unwrap_or("without a message"));
            Outcome::Failed { error, fatal: false, how: "panicked" }
        }
    }
}

fn failed(error: &Error, fatal: bool) -> Outcome {
    tracing::debug!(?error, fatal, "a job failed");
    // The source may name hosts, paths and statements: it goes into the log, not to the screen.
    Outcome::Failed { error: format!("{}: {}", error.code(), error.detail()), fatal, how: "failed" }
}
