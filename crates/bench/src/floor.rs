//! The floor: the least that a database has to do for a queue, without a queue.
//!
//! A narrow table without policies or further indexes; a job's life is one row inserted and updated
//! twice (taken, done), in batches and in transactions as the engine's, through the same pool.

use std::time::Instant;

use base::{Id, Result};
use sea_orm::Value;
use store::{Ddl, Dialect, Migration, Mode, Store, Tx};

use crate::load::{Latency, Load};

/// The floor's table.
pub const MIGRATION: Migration = Migration {
    name: "9999_bench_floor",
    up: |ddl: &mut Ddl| {
        ddl.table("bench_floor").bigint("id").text("state", 16).primary_key(&["id"]).create();
    },
    down: |ddl: &mut Ddl| ddl.drop_tables(&["bench_floor"]),
};

/// What the database does at best.
#[derive(Clone, Copy, Debug)]
pub struct Floor {
    /// Rows a second, each inserted in a transaction of its own.
    pub singly: f64,
    /// How long such a transaction takes when nothing else happens.
    pub single: Latency,
    /// Rows a second, inserted in batches of 500.
    pub by_500: f64,
    /// Rows a second, inserted in batches of 1,000.
    pub by_1000: f64,
    /// Rows a second, updated twice in batches of 500.
    pub twice: f64,
}

/// Measures it.
pub async fn measure(store: &Store, org: Id, load: &Load) -> Result<Floor> {
    let mut next = 0;
    let mut fresh = |count: usize| {
        let from = next;
        next += i64::try_from(count).unwrap_or_default();
        from
    };
    let mut samples = Vec::with_capacity(load.samples);
    for _ in 0..load.samples {
        let begin = Instant::now();
        insert(store.clone(), org, fresh(1), 1).await?;
        samples.push(begin.elapsed());
    }
    let from = fresh(load.single_rows);
    let one = store.clone();
    let singly = load.one_by_one(move |at| insert(one.clone(), org, from + at, 1)).await?;
    let mut rates = [0.0; 2];
    for (rate, batch) in rates.iter_mut().zip([500, 1_000]) {
        let from = fresh(load.rows);
        let one = store.clone();
        *rate = load.in_batches(batch, move |at| insert(one.clone(), org, from + at, batch)).await?;
    }
    let last = next - i64::try_from(load.rows).unwrap_or_default();
    let one = store.clone();
    let twice = load.in_batches(500, move |at| update_twice(one.clone(), last + at, 500)).await?;
    let [by_500, by_1000] = rates;
    Ok(Floor { singly, single: Latency::of(samples), by_500, by_1000, twice })
}

/// Inserts rows from `from` on in one statement and one transaction.
async fn insert(store: Store, org: Id, from: i64, count: usize) -> Result<()> {
    let tx = store.begin_org(Mode::Write, org).await?;
    let rows: Vec<String> = (1..=count).map(|n| format!("(${n}, 'ready')")).collect();
    let sql = marks(&tx, &format!("INSERT INTO bench_floor (id, state) VALUES {}", rows.join(", ")));
    let values: Vec<Value> = (from..).take(count).map(Value::from).collect();
    tx.execute_sql(&sql, values).await?;
    tx.commit().await
}

/// Takes and ends rows from `from` on: two statements, two transactions.
async fn update_twice(store: Store, from: i64, count: i64) -> Result<()> {
    for state in ["running", "succeeded"] {
        let tx = store.begin_system(Mode::Write).await?;
        let sql = marks(&tx, "UPDATE bench_floor SET state = $1 WHERE id >= $2 AND id < $3");
        tx.execute_sql(&sql, vec![state.into(), from.into(), (from + count).into()]).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// `$n` marks that stand in their order, as the database wants them.
fn marks(tx: &Tx, sql: &str) -> String {
    if tx.dialect() != Dialect::Mysql {
        return sql.to_owned();
    }
    let mut parts = sql.split('$');
    let head = parts.next().unwrap_or_default().to_owned();
    parts.fold(head, |out, part| out + "?" + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}
