//! Ids: single allocations over HTTP, each way of counting beside the same server's empty handler, which
//! stands beside a bare axum handler; the seed's stack and Redis in the same call; the engine in process.

mod engine;
mod peers;

use std::{path::PathBuf, time::Duration};

use store::Dialect;

use crate::{
    bare,
    http::{self, Load, Rate, Target},
    server::{Setup, Tenon},
};

/// What to measure.
pub struct Plan {
    /// The release build of the product.
    pub tenon: PathBuf,
    /// Connections that ask at once.
    pub connections: usize,
    /// How long each measurement takes.
    pub time: Duration,
    /// Redis for keys that count there.
    pub redis: Option<String>,
    /// Python with the peer's packages, and its script.
    pub peer: Option<(PathBuf, PathBuf)>,
}

/// Ways in which a key counts, as the API calls them.
const WAYS: [(&str, &str); 4] = [
    ("buffered", r#"{"mode":"buffered"}"#),
    ("buffered, journal before the answer (sync)", r#"{"mode":"buffered","sync":true}"#),
    ("strict", r#"{"mode":"strict"}"#),
    ("strict, counted in Redis", r#"{"mode":"strict","counter":"redis"}"#),
];

/// Measures and prints everything.
pub fn run(plan: &Plan, databases: &[(Dialect, String)]) -> Result<(), String> {
    let load = Load { connections: plan.connections, time: plan.time };
    let bare = bare::Process::start()?;
    let floor = http::measure(&load, &Target::post(bare.address, "/", "{}"))?;
    println!(
        "\n{} connections, {} s each, 2 cores shared with the load",
        plan.connections,
        plan.time.as_secs()
    );
    head();
    row("bare axum handler", &floor, None, None);
    drop(bare);
    let peer = match &plan.peer {
        Some((python, script)) => Some(peers::seed(python, script, &load)?),
        None => None,
    };
    if let Some(peer) = &peer {
        row("seed's stack: FastAPI and Redis, one worker", peer, Some(&floor), None);
    }
    let incr = match &plan.redis {
        Some(url) => Some(peers::incr(url, plan.connections)?),
        None => None,
    };
    if let Some(incr) = incr {
        println!("  {:<48}{:>12}/s", "redis-benchmark INCR", number(incr));
    }
    for (dialect, url) in databases {
        println!("\nTenon on {}", dialect.name());
        head();
        let redis = plan.redis.iter().map(|url| ("REDIS_URL", url.clone())).collect();
        let setup = Setup { tenon: &plan.tenon, database: "tenon_bench_ids", settings: redis };
        let tenon = Tenon::start(setup, *dialect, url)?;
        let empty = http::measure(&load, &Target::get(tenon.address, "/healthz"))?;
        row("empty handler", &empty, Some(&floor), None);
        for (at, (name, settings)) in WAYS.iter().enumerate() {
            if settings.contains("redis") && plan.redis.is_none() {
                continue;
            }
            let target = key(&tenon, &format!("k{at}"), settings)?;
            let rate = http::measure(&load, &target)?;
            row(name, &rate, Some(&empty), peer.as_ref());
            if let Some(incr) = incr.filter(|_| settings.contains("redis")) {
                println!("  {:<48}{:>12.2} of redis-benchmark INCR", "", rate.per_second / incr);
            }
        }
    }
    engine::run()
}

/// Makes a key that works as the settings say, and a call for one id of it.
fn key(tenon: &Tenon, table: &str, settings: &str) -> Result<Target, String> {
    let parts = format!(r#"{{"system_code":"bench","database":"bench","table":"{table}","field":"id"}}"#);
    let body = format!(r#"{{"parts":{parts},{}"#, settings.trim_start_matches('{'));
    let made = Target::signed(tenon.address, "POST", "/api/id-keys", &body, &tenon.bearer());
    let (status, answer) = http::call(&made)?;
    if status != 201 {
        return Err(format!("the key {table} answered {status}: {answer}"));
    }
    let body = format!(
        r#"{{"system_code":"bench","db_name":"bench","table_name":"{table}","field_name":"id","segment_count":1}}"#
    );
    Ok(Target::post(tenon.address, "/api/segment/allocate", &body))
}

fn head() {
    println!("  {:<48}{:>12}{:>10}{:>10}{:>8}{:>8}", "", "calls/s", "p50 ms", "p99 ms", "ratio", "/ seed");
}

fn row(name: &str, rate: &Rate, floor: Option<&Rate>, peer: Option<&Rate>) {
    let ratio = floor.map_or_else(String::new, |floor| format!("{:.2}", rate.per_second / floor.per_second));
    let against = peer.map_or_else(String::new, |peer| format!("{:.1} ×", rate.per_second / peer.per_second));
    println!(
        "  {name:<48}{:>12}{:>10.2}{:>10.2}{ratio:>8}{against:>8}",
        number(rate.per_second),
        rate.p50,
        rate.p99
    );
}

fn number(value: f64) -> String {
    crate::report::grouped(value.round().max(0.0) as usize)
}
