//! The authority on members at its full size: snapshots, validators and checks over HTTP beside a bare axum
//! handler, and the lists that people and back offices read.
//!
//! Members are drawn from all there are, so that what is remembered of some does not stand for the rest.

mod lists;
mod population;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use store::Dialect;

pub use self::population::Population;
use crate::{
    bare,
    http::{self, Answer, Load, Rate, Target},
    load::Latency,
    report::grouped,
    server::{Setup, Tenon},
};

/// What sister systems show; of this run's server only.
const SECRET: &str = "the internal secret of a measurement";
/// How often the member whose grants change meanwhile has one given or taken.
const CHANGE: Duration = Duration::from_millis(200);

/// What to measure.
pub struct Plan {
    /// The release build of the product.
    pub tenon: PathBuf,
    /// How many there are.
    pub population: Population,
    /// Connections that ask at once.
    pub connections: usize,
    /// Snapshots a second of the open loop.
    pub rate: u32,
    /// How long each measurement takes.
    pub time: Duration,
}

/// Measures and prints everything, on the PostgreSQL server of that URL.
pub fn run(plan: &Plan, server: &str) -> Result<(), String> {
    let load = Load { connections: plan.connections, time: plan.time };
    let floor = floor(&load)?;
    let setup = Setup {
        tenon: &plan.tenon,
        database: "tenon_bench_members",
        settings: vec![
            ("INTERNAL_SHARED_SECRET", SECRET.to_owned()),
            // A sister system's calls are limited, and here they are what is measured.
            ("INTERNAL_RATE_LIMIT_PER_MINUTE", "0".to_owned()),
        ],
    };
    let mut tenon = Tenon::start(setup, Dialect::Postgres, server)?;
    let begin = Instant::now();
    let size = plan.population.load(tenon.database_url())?;
    let Population { members, grants } = plan.population;
    println!(
        "\nmembers on PostgreSQL: {} members with {} grants each and a role; loaded in {} s, {} MB",
        grouped(members as usize),
        grants,
        begin.elapsed().as_secs(),
        size >> 20
    );
    println!(
        "{} connections, {} s each, the load and the database on the same machine\n",
        plan.connections,
        plan.time.as_secs()
    );
    head();
    closed("bare axum handler", &floor, None, "");
    // Nothing is remembered of anybody.
    tenon.restart()?;
    let subs = plan.population.subs();
    let whole = snapshots(&tenon, &subs);
    let rate = grouped(plan.rate as usize);
    let cold = http::measure_open(plan.rate, plan.time, &whole, is_whole)?;
    open(&format!("snapshot, {rate}/s open loop, just started"), &cold, "");
    let known = tags(plan, &tenon, &whole, &subs)?;
    let warm = http::measure_open(plan.rate, plan.time, &whole, is_whole)?;
    open(&format!("snapshot, {rate}/s open loop"), &warm, "p99 ≤ 10 ms");
    closed("snapshot, as many as go", &http::measure_any(&load, &whole, is_whole)?, Some(&floor), "");
    let fresh = http::measure_any(&load, &known.fresh, is_unchanged)?;
    closed("304, fresh", &fresh, Some(&floor), "≥ 0.2");
    let stale = http::measure_any(&load, &known.stale, is_unchanged)?;
    closed("304, max_stale=1", &stale, Some(&floor), "≥ 0.6");
    let office = lists::Office::open(&tenon)?;
    let busy = office.while_changing(CHANGE, || http::measure_any(&load, &known.fresh, is_same))?;
    closed("304, fresh, five changes a second", &busy, Some(&floor), "");
    let checks = checks(&tenon, &plan.population, &subs);
    let one = Load { connections: 1, time: plan.time };
    closed("check, one at a time", &http::measure_any(&one, &checks, is_allowed)?, None, "p50 ≤ 1 ms");
    closed("check, as many as go", &http::measure_any(&load, &checks, is_allowed)?, Some(&floor), "");
    if let Some(memory) = tenon.memory() {
        println!("  {:<52}{:>12} MB", "memory of Tenon after that", memory >> 20);
    }
    lists::measure(&tenon, &office, &plan.population, &subs)
}

/// The bare handler under requests of the same length.
fn floor(load: &Load) -> Result<Rate, String> {
    let bare = bare::Process::start()?;
    let headers = format!("{}if-none-match: \"123456-0123456789abcdef\"\r\n", credentials());
    http::measure(load, &Target::get_with(bare.address, "/", &headers))
}

fn credentials() -> String {
    format!("x-internal-secret: {SECRET}\r\n")
}

fn path(sub: &str) -> String {
    format!("/internal/permissions/{sub}/snapshot")
}

fn snapshots(tenon: &Tenon, subs: &[String]) -> Vec<Target> {
    let target = |sub: &String| Target::get_with(tenon.address, &path(sub), &credentials());
    subs.iter().map(target).collect()
}

/// Questions whose answer is known already.
struct Known {
    fresh: Vec<Target>,
    stale: Vec<Target>,
}

/// Asks for everybody once, and prepares the questions with the tags that came.
fn tags(plan: &Plan, tenon: &Tenon, whole: &[Target], subs: &[String]) -> Result<Known, String> {
    let mut tags = vec![String::new(); subs.len()];
    let begin = Instant::now();
    let once = http::each(plan.connections, whole, |at, answer| {
        let tag = answer.header("etag").filter(|_| is_whole(answer));
        tags[at] = tag.ok_or_else(|| format!("a snapshot was answered {}", answer.status))?;
        Ok(())
    })?;
    let rate = subs.len() as f64 / begin.elapsed().as_secs_f64();
    let rate = Rate { per_second: rate, p50: once.p50, p99: once.p99 };
    closed("snapshot, everybody once", &rate, None, "");
    let target = |query: &str, (sub, tag): (&String, &String)| {
        let headers = format!("{}if-none-match: {tag}\r\n", credentials());
        Target::get_with(tenon.address, &format!("{}{query}", path(sub)), &headers)
    };
    Ok(Known {
        fresh: subs.iter().zip(&tags).map(|one| target("", one)).collect(),
        stale: subs.iter().zip(&tags).map(|one| target("?max_stale=1", one)).collect(),
    })
}

fn checks(tenon: &Tenon, population: &Population, subs: &[String]) -> Vec<Target> {
    let ask = |(number, sub): (usize, &String)| {
        let grant = population.grant(number as u64 + 1, number as u64 % u64::from(population.grants));
        let body = format!(r#"{{"authentik_sub":"{sub}",{grant}}}"#);
        Target::signed(tenon.address, "POST", "/internal/permissions/check", &body, &credentials())
    };
    subs.iter().enumerate().map(ask).collect()
}

fn is_whole(answer: &Answer<'_>) -> bool {
    answer.status == 200 && answer.body.starts_with(b"{\"schema\":1,")
}

fn is_unchanged(answer: &Answer<'_>) -> bool {
    answer.status == 304
}

/// Of the one whose grants change the tag is another one.
fn is_same(answer: &Answer<'_>) -> bool {
    is_unchanged(answer) || is_whole(answer)
}

fn is_allowed(answer: &Answer<'_>) -> bool {
    answer.status == 200 && answer.body.starts_with(b"{\"allowed\":true,")
}

fn head() {
    println!(
        "  {:<52}{:>12}{:>10}{:>10}{:>10}{:>8}  asked",
        "", "calls/s", "p50 ms", "p95 ms", "p99 ms", "ratio"
    );
}

/// A closed loop: as many as were answered.
fn closed(name: &str, rate: &Rate, floor: Option<&Rate>, asked: &str) {
    let ratio = floor.map_or_else(String::new, |floor| format!("{:.2}", rate.per_second / floor.per_second));
    println!(
        "  {name:<52}{:>12}{:>10.2}{:>10}{:>10.2}{ratio:>8}  {asked}",
        grouped(rate.per_second.round() as usize),
        rate.p50,
        "",
        rate.p99
    );
}

/// An open loop: how long it took.
fn open(name: &str, latency: &Latency, asked: &str) {
    let Latency { p50, p95, p99 } = latency;
    println!("  {name:<52}{:>12}{p50:>10.2}{p95:>10.2}{p99:>10.2}{:>8}  {asked}", "", "");
}
