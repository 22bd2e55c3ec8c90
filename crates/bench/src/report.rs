//! The tables that people read.

use store::Dialect;

use crate::{
    jobs_bench::{Figures, Plan},
    load::Latency,
    peer::Peer,
};

/// What the peer did.
pub fn peer(peer: &Peer) {
    println!("\n{} on Redis, results off", peer.name);
    println!("  {:<54}{:>12}/s  ({} processes)", "sent one by one", number(peer.enqueue), peer.senders);
    for pool in &peer.pools {
        println!("  {:<54}{:>12}/s", format!("processed, {}", pool.options), number(pool.process));
        println!("  {:<54}{}", format!("start when idle, {}", pool.options), milliseconds(pool.start));
    }
}

/// What the engine did on one database.
pub fn jobs(dialect: Dialect, plan: &Plan, figures: &Figures, peer: Option<&Peer>) {
    let floor = &figures.floor;
    println!("\njobs on {}, worker with {} slots", dialect.name(), plan.concurrency);
    println!("  {:<36}{:>12}{:>12}{:>8}{:>12}", "", "jobs/s", "floor/s", "ratio", "/ Celery");
    let sent = peer.map(|peer| peer.enqueue);
    let rows = [
        (format!("enqueued one by one, {} callers", Plan::CALLERS), figures.singly, floor.singly, sent),
        (format!("enqueued by 500, {} callers", Plan::BATCH_CALLERS), figures.by_500, floor.by_500, sent),
        (format!("enqueued by 1,000, {} callers", Plan::BATCH_CALLERS), figures.by_1000, floor.by_1000, sent),
        (
            format!("processed, {} empty", grouped(figures.processed)),
            figures.rate,
            floor.twice,
            peer.map(Peer::process),
        ),
    ];
    for (name, rate, floor, peer) in rows {
        let against = peer.map_or_else(|| "-".to_owned(), |peer| format!("{:.1} ×", rate / peer));
        println!("  {name:<36}{:>12}{:>12}{:>8.2}{against:>12}", number(rate), number(floor), rate / floor);
    }
    println!("  {:<36}{}", "start when idle", milliseconds(figures.start));
    println!("  {:<36}{}", "the same, enqueued elsewhere", milliseconds(figures.start_elsewhere));
    println!("  {:<36}{}", "floor: one row inserted", milliseconds(floor.single));
    if let Some(peer) = peer.and_then(Peer::start) {
        println!("  {:<36}{}", "Celery at its best", milliseconds(peer));
    }
}

fn milliseconds(latency: Latency) -> String {
    format!("{:>9.2} ms p50 {:>9.2} ms p95 {:>9.2} ms p99", latency.p50, latency.p95, latency.p99)
}

fn number(value: f64) -> String {
    grouped(value.round().max(0.0) as usize)
}

/// With a comma every three digits.
pub fn grouped(value: usize) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn long_numbers_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(super::grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
