//! How load is made, and what a clock says about it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use base::{Error, Result};
use tokio::task::JoinSet;

/// The same load for floor and engine.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Rows in batches.
    pub rows: usize,
    /// Rows one by one.
    pub single_rows: usize,
    /// Callers at once that insert one by one.
    pub single_callers: usize,
    /// Callers at once that insert batches.
    pub batch_callers: usize,
    /// How often a latency is taken.
    pub samples: usize,
}

impl Load {
    /// Rows a second when each is a call of `work(offset)`.
    pub async fn one_by_one<F, Fut>(&self, work: F) -> Result<f64>
    where
        F: Fn(i64) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Result<()>> + Send,
    {
        per_second(self.single_callers, self.single_rows, 1, work).await
    }

    /// Rows a second when `work(offset)` moves `size` of them.
    pub async fn in_batches<F, Fut>(&self, size: usize, work: F) -> Result<f64>
    where
        F: Fn(i64) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Result<()>> + Send,
    {
        per_second(self.batch_callers, self.rows, size, work).await
    }
}

async fn per_second<F, Fut>(callers: usize, rows: usize, size: usize, work: F) -> Result<f64>
where
    F: Fn(i64) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<()>> + Send,
{
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    let begin = Instant::now();
    for _ in 0..callers {
        let (work, next) = (work.clone(), next.clone());
        tasks.spawn(async move {
            loop {
                let at = next.fetch_add(size, Ordering::Relaxed);
                if at >= rows {
                    return Ok::<(), Error>(());
                }
                work(i64::try_from(at).unwrap_or(i64::MAX)).await?;
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.map_err(Error::internal)??;
    }
    Ok(rows.next_multiple_of(size) as f64 / begin.elapsed().as_secs_f64())
}

/// Latencies in milliseconds.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
pub struct Latency {
    /// Half of all are below.
    pub p50: f64,
    /// 95 of 100 are below.
    pub p95: f64,
    /// 99 of 100 are below.
    pub p99: f64,
}

impl Latency {
    /// Of at least one sample.
    pub fn of(mut samples: Vec<Duration>) -> Self {
        samples.sort_unstable();
        let at = |percent: usize| {
            let rank = (samples.len() * percent).div_ceil(100);
            let sample = samples.get(rank.saturating_sub(1)).copied().unwrap_or_default();
            sample.as_secs_f64() * 1_000.0
        };
        Self { p50: at(50), p95: at(95), p99: at(99) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_the_nearest_rank() {
        let all = Latency::of((1..=100).rev().map(Duration::from_millis).collect());
        assert_eq!((all.p50, all.p95, all.p99), (50.0, 95.0, 99.0));
        let one = Latency::of(vec![Duration::from_millis(7)]);
        assert_eq!((one.p50, one.p99), (7.0, 7.0));
    }

    #[tokio::test]
    async fn every_row_of_a_load_is_moved_exactly_once() {
        let load = Load { rows: 1_000, single_rows: 10, single_callers: 3, batch_callers: 2, samples: 0 };
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let all = seen.clone();
        let work = move |at| {
            all.lock().unwrap().push(at);
            async { Ok(()) }
        };
        load.in_batches(250, work).await.unwrap();
        let mut offsets = seen.lock().unwrap().clone();
        offsets.sort_unstable();
        assert_eq!(offsets, [0, 250, 500, 750]);
    }
}
