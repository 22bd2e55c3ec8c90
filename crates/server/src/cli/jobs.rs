//! `tenon jobs`: its commands, their options and their help.

use base::Id;
use clap::{
    Args, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};
use jobs::State;

/// Commands about jobs.
#[derive(Clone, Debug, Subcommand)]
pub enum JobsCommand {
    /// The newest jobs.
    #[command(
        after_help = "Example:\n  tenon jobs list --state dead --limit 20\n  tenon jobs list --kind mail.deliver --json"
    )]
    List(JobsListArgs),
    /// One job with its attempts and the last lines of its log.
    #[command(after_help = "Example:\n  tenon jobs show 01982f3c-7d41-7c3e-9a52-3f0e6f1b2c4d")]
    Show(JobsShowArgs),
    /// Try failed, dead or cancelled jobs again, at once.
    #[command(after_help = "Example:\n  tenon jobs retry 01982f3c-7d41-7c3e-9a52-3f0e6f1b2c4d")]
    Retry(JobIds),
    /// Call jobs off; those that run are asked to stop.
    #[command(after_help = "Example:\n  tenon jobs cancel 01982f3c-7d41-7c3e-9a52-3f0e6f1b2c4d")]
    Cancel(JobIds),
    /// Have something done.
    #[command(
        after_help = "Example:\n  tenon jobs enqueue database.backup --args '{\"keep\": 14}'\n  tenon jobs enqueue http.call --org Example --delay 60 --args '{\"url\": \"https://example.com/\"}'"
    )]
    Enqueue(JobsEnqueueArgs),
    /// Work in this process until nothing is due any more.
    #[command(after_help = "Example:\n  tenon jobs drain --timeout 300")]
    Drain(JobsDrainArgs),
}

/// Options of `jobs list`.
#[derive(Args, Clone, Debug)]
pub struct JobsListArgs {
    /// Only in this state.
    #[arg(long, value_parser = state())]
    pub state: Option<State>,
    /// Only of this kind.
    #[arg(long)]
    pub kind: Option<String>,
    /// Only in this queue.
    #[arg(long)]
    pub queue: Option<String>,
    /// Only of this organisation: id or name.
    #[arg(long)]
    pub org: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub limit: u64,
    /// Answer in JSON.
    #[arg(long)]
    pub json: bool,
}

fn state() -> impl TypedValueParser<Value = State> {
    PossibleValuesParser::new(State::ALL.map(State::as_str))
        .try_map(|text| State::parse(&text).ok_or("there is no such state"))
}

/// Options of `jobs show`.
#[derive(Args, Clone, Debug)]
pub struct JobsShowArgs {
    /// Its id.
    pub id: Id,
    /// Answer in JSON, with the whole log.
    #[arg(long)]
    pub json: bool,
}

/// Which jobs a command is about.
#[derive(Args, Clone, Debug)]
pub struct JobIds {
    /// Their ids.
    #[arg(required = true)]
    pub ids: Vec<Id>,
}

/// Options of `jobs enqueue`.
#[derive(Args, Clone, Debug)]
pub struct JobsEnqueueArgs {
    /// The kind of job, such as `http.call`.
    pub kind: String,
    /// Its arguments, a JSON object.
    #[arg(long, default_value = "{}")]
    pub args: String,
    /// For which organisation: id or name [default: for none, the platform itself].
    #[arg(long)]
    pub org: Option<String>,
    /// Another queue than the kind's.
    #[arg(long)]
    pub queue: Option<String>,
    /// Not before so many seconds have passed.
    #[arg(long)]
    pub delay: Option<u32>,
    /// Another priority than the kind's; higher runs first within an organisation.
    #[arg(long, allow_negative_numbers = true)]
    pub priority: Option<i32>,
}

/// Options of `jobs drain`.
#[derive(Args, Clone, Debug)]
pub struct JobsDrainArgs {
    /// Give up after so many seconds; what runs is handed back.
    #[arg(long)]
    pub timeout: Option<u32>,
}
