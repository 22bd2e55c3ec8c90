//! Measures the engines on this machine; `cargo xtask bench` starts it in the release profile.
//!
//! It is no part of the product, stands beside the layers and may import any of them. Every figure is
//! printed with a floor: what the same database does, in the same run and through the same pool, for
//! the least statements that could do the work. Ratios to a floor can be compared between machines;
//! absolute figures cannot.

mod bare;
mod database;
mod floor;
mod http;
mod ids;
mod jobs_bench;
mod kinds;
mod load;
mod members;
mod peer;
mod report;
mod server;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand, ValueEnum};
use store::Dialect;

use crate::peer::Peer;

/// As in the product, so that the floor has what it has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(about = "Measures the engines on this machine")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// The job engine: enqueueing, processing, start latency.
    Jobs(Jobs),
    /// Ids: over HTTP beside the empty handler, Redis and the seed's stack; in process.
    Ids(Ids),
    /// Members: snapshots, checks and lists over HTTP at full size, beside the empty handler; on PostgreSQL.
    Members(Members),
    /// A bare axum handler, for `ids` and `members`.
    #[command(hide = true)]
    Bare,
}

#[derive(clap::Args)]
struct Ids {
    /// On which database; PostgreSQL and MySQL/MariaDB need TEST_POSTGRES_URL and TEST_MYSQL_URL.
    #[arg(long, value_enum, default_value = "all")]
    database: Choice,
    /// The release build of the product.
    #[arg(long)]
    tenon: PathBuf,
    /// Connections that ask at once.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Redis for keys that count there.
    #[arg(long)]
    redis: Option<String>,
    /// Python with the peer's packages.
    #[arg(long, requires = "script")]
    python: Option<PathBuf>,
    /// The peer's script.
    #[arg(long)]
    script: Option<PathBuf>,
}

#[derive(clap::Args)]
struct Members {
    /// The release build of the product.
    #[arg(long)]
    tenon: PathBuf,
    /// How many members there are.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1_000..=1_000_000))]
    members: u32,
    /// Grants of each of them.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(10..=1_000))]
    grants: u32,
    /// Connections that ask at once.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Snapshots a second where they are asked for whether answers come or not.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
}

#[derive(clap::Args)]
struct Jobs {
    /// On which database; PostgreSQL and MySQL/MariaDB need TEST_POSTGRES_URL and TEST_MYSQL_URL.
    #[arg(long, value_enum, default_value = "all")]
    database: Choice,
    /// How many jobs a measurement moves.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1_000..=1_000_000))]
    jobs: u32,
    /// Jobs that the worker runs at once.
    #[arg(long, default_value_t = 2_048)]
    concurrency: usize,
    /// What the peer's script measured in the same call, as JSON.
    #[arg(long)]
    peer: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Choice {
    Sqlite,
    Postgres,
    Mysql,
    All,
}

impl Choice {
    /// The databases meant, each with its server's URL; one that was asked for by name must have one.
    fn databases(self) -> Result<Vec<(Dialect, String)>, String> {
        let mut found = Vec::new();
        if matches!(self, Self::Sqlite | Self::All) {
            found.push((Dialect::Sqlite, String::new()));
        }
        let servers = [
            (Self::Postgres, Dialect::Postgres, "TEST_POSTGRES_URL"),
            (Self::Mysql, Dialect::Mysql, "TEST_MYSQL_URL"),
        ];
        for (choice, dialect, name) in servers.into_iter().filter(|one| self == one.0 || self == Self::All) {
            match variable(name) {
                Some(url) => found.push((dialect, url)),
                None if self == choice => return Err(format!("{name} is not set")),
                None => println!("left out: {}, {name} is not set", dialect.name()),
            }
        }
        Ok(found)
    }
}

#[expect(clippy::disallowed_methods, reason = "the variables of the test suite say where the servers are")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn main() -> ExitCode {
    tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::WARN).init();
    let outcome = match Arguments::parse().what {
        What::Jobs(options) => run(&options),
        What::Ids(options) => run_ids(options),
        What::Members(options) => run_members(options),
        What::Bare => bare::serve(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("bench: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run_ids(options: Ids) -> Result<(), String> {
    let plan = ids::Plan {
        tenon: options.tenon,
        connections: options.connections,
        time: std::time::Duration::from_secs(options.seconds),
        redis: options.redis,
        peer: options.python.zip(options.script),
    };
    ids::run(&plan, &options.database.databases()?)
}

fn run_members(options: Members) -> Result<(), String> {
    let server = variable("TEST_POSTGRES_URL").ok_or("TEST_POSTGRES_URL is not set")?;
    let plan = members::Plan {
        tenon: options.tenon,
        population: members::Population { members: options.members, grants: options.grants },
        connections: options.connections,
        rate: options.rate,
        time: std::time::Duration::from_secs(options.seconds),
    };
    members::run(&plan, &server)
}

fn run(options: &Jobs) -> Result<(), String> {
    let peer = options.peer.as_deref().map(Peer::read).transpose()?;
    let plan = jobs_bench::Plan {
        jobs: usize::try_from(options.jobs).unwrap_or(usize::MAX),
        concurrency: options.concurrency,
    };
    if let Some(peer) = &peer {
        report::peer(peer);
    }
    for (dialect, server) in options.database.databases()? {
        let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
        let figures = runtime.block_on(async {
            let database = database::Database::create(dialect, &server).await?;
            // The database goes whatever happened.
            let measured = jobs_bench::measure(&database.store, &plan).await;
            database.drop().await?;
            measured
        });
        let figures = figures.map_err(|error: base::Error| format!("{}: {error:?}", dialect.name()))?;
        report::jobs(dialect, &plan, &figures, peer.as_ref());
    }
    Ok(())
}
