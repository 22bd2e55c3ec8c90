//! Single ids out of blocks: the next block is fetched while the current one is still being used.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Mutex as Turnstile;

use crate::{Column, Error, Segment, SegmentClient};

/// Ids of one column. Clones share one block; no id is handed out twice.
#[derive(Clone)]
pub struct Ids {
    shared: Arc<Shared>,
}

struct Shared {
    client: SegmentClient,
    column: Column,
    count: i64,
    held: Mutex<Held>,
    /// One at a time fetches.
    fetching: Turnstile<()>,
}

#[derive(Default)]
struct Held {
    current: Option<(i64, i64)>,
    following: Option<Segment>,
    is_fetching: bool,
}

impl Held {
    fn take(&mut self) -> Option<i64> {
        if self.current.is_none() {
            self.current = self.following.take().map(|segment| (segment.start, segment.end));
        }
        let (next, end) = self.current?;
        self.current = if next < end { Some((next + 1, end)) } else { None };
        Some(next)
    }
    fn left(&self) -> i64 {
        self.current.map_or(0, |(next, end)| end - next + 1)
    }
}

impl Ids {
    pub(crate) fn new(client: SegmentClient, column: Column, count: i64) -> Self {
        let shared = Shared { client, column, count, held: Mutex::default(), fetching: Turnstile::new(()) };
        Self { shared: Arc::new(shared) }
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.shared.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next id. Waits only when none is at hand; an error means that none was, and nothing is lost by
    /// asking again.
    pub async fn next(&self) -> Result<i64, Error> {
        loop {
            let (id, is_low) = {
                let mut held = self.held();
                let id = held.take();
                let is_low =
                    held.following.is_none() && !held.is_fetching && held.left() * 5 <= self.shared.count;
                held.is_fetching |= is_low && id.is_some();
                (id, is_low)
            };
            if let Some(id) = id {
                if is_low {
                    self.fetch_ahead();
                }
                return Ok(id);
            }
            self.fetch().await?;
        }
    }

    /// Fetches beside the caller. A failure is met again by whoever finds nothing at hand.
    #[expect(clippy::disallowed_methods, reason = "one fetch beside the caller, who goes on meanwhile")]
    fn fetch_ahead(&self) {
        let ids = self.clone();
        tokio::spawn(async move {
            let _turn = ids.shared.fetching.lock().await;
            let fetched = ids.allocate().await;
            let mut held = ids.held();
            held.is_fetching = false;
            if let Ok(segment) = fetched {
                held.following = Some(segment);
            }
        });
    }

    async fn fetch(&self) -> Result<(), Error> {
        let _turn = self.shared.fetching.lock().await;
        {
            // Somebody may have fetched while this caller waited.
            let held = self.held();
            if held.current.is_some() || held.following.is_some() {
                return Ok(());
            }
        }
        let segment = self.allocate().await?;
        let mut held = self.held();
        match held.current {
            None => held.current = Some((segment.start, segment.end)),
            Some(_) => held.following = Some(segment),
        }
        Ok(())
    }

    async fn allocate(&self) -> Result<Segment, Error> {
        let Column { system_code, db_name, table_name, field_name } = &self.shared.column;
        self.shared
            .client
            .allocate_segment(system_code, db_name, table_name, field_name, self.shared.count)
            .await
    }
}
