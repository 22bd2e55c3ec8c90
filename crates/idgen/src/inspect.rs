//! Asking: who has an id, what is unaccounted for, what overlaps, how full a key is.

use ::store::Mode as Access;
use base::{Id, Result};
use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    Engine, Forecast, Key, KeyName, Line, Range, Reason, State, engine::end, gaps, key::unknown,
    ledger::overlap, store, walk::Walk,
};

/// A node that was not seen for so long is taken to be gone.
const GONE: TimeDelta = TimeDelta::seconds(60);
/// Findings of one answer.
const MOST: usize = 1_000;
/// Lines that are read at a time, each time in a unit of work of its own.
const PAGE: i64 = 10_000;

/// A key and how long it will last.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// The key.
    pub key: Key,
    /// What is left of it.
    pub forecast: Forecast,
}

/// Ids that were given away to nodes or callers and of which no line speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The ids.
    pub range: Range,
    /// The node that leased them, for a buffered key; it may have issued them before it was killed.
    pub node: Option<Id>,
    /// When it leased them.
    pub leased_at: Option<DateTime<Utc>>,
    /// Whether that node lives and still holds them. Otherwise the span is *unattributed*: somebody may
    /// have got the ids, and nobody ever will.
    pub is_held: bool,
}

/// What one caller used of a key within a minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The minute.
    pub at: DateTime<Utc>,
    /// Who, as in the journal.
    pub caller: Option<String>,
    /// How many ids.
    pub ids: i64,
    /// In how many calls.
    pub calls: i64,
}

/// Ids that two lines of the journal claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The organisation.
    pub org: Id,
    /// The key.
    pub key: Id,
    /// The later of the two lines.
    pub line: Id,
    /// The ids that both have.
    pub range: Range,
}

impl Engine {
    /// A key and its forecast. 404 `key_unknown`.
    pub async fn status(&self, org: Id, name: &KeyName) -> Result<Status> {
        let (tx, now) = self.begin_timed(Access::Read).await?;
        let found = store::key::find(&tx, org, name).await;
        let key = end(tx, found).await?.ok_or_else(|| unknown(name))?.key;
        let forecast = Forecast::of(key.ceiling, key.max(), key.rate, now);
        Ok(Status { key, forecast })
    }

    /// Keys of all organisations that somebody should look at: quarantined, exhausted, 90 % used, or full
    /// within `days` at the recent rate.
    pub async fn alarms(&self, days: u32) -> Result<Vec<Status>> {
        let (tx, now) = self.begin_timed(Access::Read).await?;
        let keys = store::key::all(&tx, None).await;
        let keys = end(tx, keys).await?;
        let status = |key: Key| {
            let forecast = Forecast::of(key.ceiling, key.max(), key.rate, now);
            Status { key, forecast }
        };
        let is_alarming = |one: &Status| match one.key.state {
            State::Quarantined | State::Exhausted => true,
            State::Active => one.forecast.is_low(now, days),
            State::Retired => false,
        };
        Ok(keys.into_iter().map(status).filter(is_alarming).collect())
    }

    /// The newest line about an id: who has it, or that it was handed back, skipped or dropped. `None`
    /// when no line speaks of it; it may then be in a span of [`Engine::unattributed`].
    ///
    /// Errors: 404 `key_unknown`.
    pub async fn owner(&self, org: Id, name: &KeyName, id: i64) -> Result<Option<Line>> {
        self.flush().await?;
        let key = self.key(org, name).await?;
        let tx = self.begin(Access::Read).await?;
        let line = store::journal::about(&tx, org, key.id, id).await;
        end(tx, line).await
    }

    /// Lines that begin at `from` or above, lowest first, `limit` at most.
    ///
    /// Errors: 404 `key_unknown`.
    pub async fn lines(&self, org: Id, name: &KeyName, from: i64, limit: u32) -> Result<Vec<Line>> {
        self.flush().await?;
        let key = self.key(org, name).await?;
        let tx = self.begin(Access::Read).await?;
        let lines = store::journal::lines(&tx, org, key.id, from, limit).await;
        end(tx, lines).await
    }

    /// Ids up to the ceiling of which no line speaks, lowest first, at most 1,000 spans and their parts.
    /// What other nodes issued within the last moments is among them until it is written.
    ///
    /// Errors: 404 `key_unknown`.
    pub async fn unattributed(&self, org: Id, name: &KeyName) -> Result<Vec<Span>> {
        self.flush().await?;
        let (tx, now) = self.begin_timed(Access::Read).await?;
        let outcome = async {
            // The leases first: one that ends meanwhile has its lines written by then.
            let key = store::key::find(&tx, org, name).await?.ok_or_else(|| unknown(name))?.key;
            let leases = store::lease::of_key(&tx, &key).await?;
            Ok((key, leases))
        };
        let outcome = outcome.await;
        let (key, leases) = end(tx, outcome).await?;
        let Some(whole) = key.origin.checked_add(1).and_then(|first| Range::new(first, key.ceiling)) else {
            return Ok(Vec::new());
        };
        // Lines that came while this was read may lie above the ceiling as it was.
        let gaps_up_to_it = self.walk(&key).await?.gaps.into_iter();
        let unwritten: Vec<Range> = gaps_up_to_it.filter_map(|gap| gap.common(whole)).take(MOST).collect();
        let mut spans = Vec::new();
        for range in unwritten {
            let mut leased = Vec::new();
            for lease in &leases {
                let whole = Range::new(lease.range_start, lease.range_end);
                let Some(part) = whole.and_then(|whole| whole.common(range)) else { continue };
                leased.push(part);
                spans.push(Span {
                    range: part,
                    node: Some(lease.node_id).filter(|node| !node.is_nil()),
                    leased_at: Some(lease.leased_at),
                    // What Redis holds is nobody's and lasts until the next stretch.
                    is_held: lease.node_id.is_nil() || lease.seen_at > now - GONE,
                });
            }
            let bare = gaps(range, leased).into_iter();
            spans.extend(bare.map(|range| Span { range, node: None, leased_at: None, is_held: false }));
        }
        spans.sort_by_key(|span| span.range.start());
        Ok(spans)
    }

    /// What was used of a key since an instant, minute by minute and caller by caller. Kept for 31 days.
    ///
    /// Errors: 404 `key_unknown`.
    pub async fn usage(&self, org: Id, name: &KeyName, since: DateTime<Utc>) -> Result<Vec<Use>> {
        self.flush().await?;
        let key = self.key(org, name).await?;
        let tx = self.begin(Access::Read).await?;
        let uses = store::usage::since(&tx, org, key.id, since).await;
        end(tx, uses).await
    }

    /// Looks whether two lines of a key claim the same ids; if so the key goes into quarantine.
    ///
    /// Errors: 404 `key_unknown`.
    pub async fn check(&self, org: Id, name: &KeyName) -> Result<Vec<Finding>> {
        self.flush().await?;
        // Reading it compares the ceiling with journal and leases.
        let mark = self.known(org, name).and_then(|slot| slot.held().mark);
        let (key, _) = self.load(org, name, mark).await?;
        let mut found = self.walk(&key).await?.overlaps;
        found.truncate(MOST);
        if let Some((_, range)) = found.first() {
            self.doubt(org, name, Reason::Overlap, &overlap(*range), key.ceiling).await?;
        }
        Ok(found.into_iter().map(|(line, range)| Finding { org, key: key.id, line, range }).collect())
    }

    /// Reads the whole journal of a key in order.
    async fn walk(&self, key: &Key) -> Result<Walk> {
        let mut walk = Walk::new(key.origin);
        let mut after = (i64::MIN, i64::MIN);
        loop {
            let tx = self.begin(Access::Read).await?;
            let steps = store::journal::steps(&tx, key.org, key.id, after, PAGE).await;
            let steps = end(tx, steps).await?;
            let Some(last) = steps.last() else { return Ok(walk.end(key.ceiling)) };
            after = (last.range.start(), last.turn);
            steps.into_iter().for_each(|step| walk.step(step));
        }
    }

    /// [`Engine::check`] for every key, retired ones included. A schedule calls it.
    pub async fn check_all(&self) -> Result<Vec<Finding>> {
        let mut found = Vec::new();
        for key in self.keys(None).await? {
            found.extend(self.check(key.org, &key.name).await?);
        }
        Ok(found)
    }
}
