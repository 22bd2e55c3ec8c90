//! Issuing: strict keys through the database, buffered keys from memory.

use std::sync::Arc;

use ::store::{Mode as Access, Tx};
use base::{Error, Id, Result};
use tokio::{
    sync::oneshot::{self, error::TryRecvError},
    time::Instant,
};

use crate::{
    Engine, Key, KeyName, Line, LineKind, Mode, Range, Reason, State,
    block::{Lease, Taken, next_size},
    engine::{end, retrying, unbroken},
    key::exhausted,
    ledger::Entry,
    slot::{Mark, Slot, Waiting, echo},
    store,
};

/// Callers of a strict key that share one write.
const TOGETHER: usize = 1_000;
/// How often a key may change under an allocation before the caller is told to try again.
const CHANGES: usize = 5;

/// A call for ids.
#[derive(Clone, Debug)]
pub struct Request {
    /// The organisation that owns the key.
    pub org: Id,
    /// The key.
    pub key: KeyName,
    /// How many ids, 1 to the key's `most_ids`.
    pub count: i64,
    /// Who asks, for the journal; cut at 200 characters.
    pub caller: Option<String>,
    /// The request, for the journal; cut at 64 characters.
    pub request_id: Option<String>,
    /// The same caller with the same token gets the same range, for as long as the options say. At most
    /// 255 characters.
    pub token: Option<String>,
}

/// What a call was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The key.
    pub key: Id,
    /// The ids, side by side.
    pub range: Range,
    /// Whether an earlier call with the same token was given them.
    pub repeated: bool,
}

/// What of a call the inner parts need.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub count: i64,
    pub caller: Option<String>,
    pub request_id: Option<String>,
    /// The caller writes the line itself.
    pub writes_itself: bool,
}

impl Ask {
    /// Errors: 422 `validation_failed` (`count`).
    fn of(key: &Key, request: &Request) -> Result<Self> {
        let most = key.settings.most_ids;
        if !(1..=most).contains(&request.count) {
            return Err(Error::field("count", "range", format!("from 1 to {most}")));
        }
        Ok(Self {
            count: request.count,
            caller: request.caller.as_deref().map(|text| shorten(text, 200)),
            request_id: request.request_id.as_deref().map(|text| shorten(text, 64)),
            writes_itself: request.token.is_some(),
        })
    }
}

/// Ids that were drawn, and the key's turn at that time.
#[derive(Clone, Copy)]
struct Drawn {
    range: Range,
    turn: i64,
}

/// Why a draw is not committed.
enum Refused {
    Failed(Error),
    /// It contradicts what is known.
    Doubt {
        reason: Reason,
        start: i64,
        known: i64,
    },
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Refused {
    /// A broken uniqueness of the journal or the leases means that the ids were given away before.
    fn taken(range: Range, error: Error) -> Self {
        if error.code() != "conflict" {
            return Self::Failed(error);
        }
        Self::Doubt { reason: Reason::Overlap, start: range.start(), known: range.end() }
    }
}

/// The first characters of a text, as every database can store them: PostgreSQL refuses NUL.
fn shorten(text: &str, most: usize) -> String {
    text.chars().filter(|c| *c != '\0').take(most).collect()
}

impl Engine {
    /// Gives `count` ids to the caller, for ever.
    ///
    /// Errors: 404 `key_unknown`; 422 `validation_failed` (`count`, `token`); 409 `key_exhausted` when
    /// fewer ids are left; 409 `key_retired`; 503 `key_quarantined`; 409 `idempotency_key_reused` when the
    /// token came with another key or count; 503 `journal_behind`, `engine_closed` and those of the
    /// database. After an error no caller has the ids, though some may be lost.
    pub async fn allocate(&self, request: &Request) -> Result<Issued> {
        if let Some(slot) = self.known(request.org, &request.key)
            && let Some(line) = self.at_hand(&slot, request)?
        {
            return Ok(Issued { key: line.key, range: line.range, repeated: false });
        }
        let (engine, request) = (self.clone(), request.clone());
        unbroken(async move {
            let slot = engine.slot(request.org, &request.key).await?;
            let ask = Ask::of(&slot.key(), &request)?;
            match &request.token {
                Some(token) => engine.repeat(&slot, &ask, token).await,
                None => {
                    let line = engine.issue(&slot, &ask).await?;
                    Ok(Issued { key: line.key, range: line.range, repeated: false })
                }
            }
        })
        .await
    }

    /// Ids from memory, when nothing has to be waited for.
    fn at_hand(&self, slot: &Arc<Slot>, request: &Request) -> Result<Option<Line>> {
        let key = slot.key();
        let ask = Ask::of(&key, request)?;
        let waits = ask.writes_itself
            || key.settings.sync
            || self.is_closed()
            || self.shared.ledger.depth() >= self.shared.options.journal_limit;
        Ok(if waits { None } else { self.take(slot, &ask) })
    }

    /// Takes ids; their line is on its way, or written if the key asks for it.
    pub(crate) async fn issue(&self, slot: &Arc<Slot>, ask: &Ask) -> Result<Line> {
        self.room().await?;
        for _ in 0..CHANGES {
            let key = self.usable(slot).await?;
            let issued = match key.settings.mode {
                Mode::Strict => self.strict(slot, ask).await?,
                Mode::Buffered => self.buffered(slot, &key, ask).await?,
            };
            if let Some(line) = issued {
                return Ok(line);
            }
        }
        Err(changed())
    }

    /// The key, when this node may rely on what it knows of it.
    async fn usable(&self, slot: &Slot) -> Result<Arc<Key>> {
        if self.is_closed() {
            return Err(Error::unavailable("engine_closed", "this node is stopping").retry_after(1));
        }
        // A strict key asks the database each time, which checks its state and epoch.
        let relies = |key: &Key| key.settings.mode == Mode::Buffered || key.state != State::Active;
        if relies(&slot.key()) && !self.is_trusted() {
            self.look().await?;
        }
        if slot.held().gone {
            // Somebody may have made it again; if so it is compared with what this node drew.
            self.reload(slot).await?;
        }
        let held = slot.held();
        // The last lease of a key uses up its ceiling, not its ids.
        let has_rest = held.key.state == State::Exhausted && held.buffer.left() > 0;
        if !has_rest {
            held.key.must_issue()?;
        }
        Ok(held.key.clone())
    }

    fn issued(&self, key: &Key, ask: &Ask, range: Range, turn: i64) -> Line {
        let line = self.line(key, LineKind::Issued, range, turn);
        Line { caller: ask.caller.clone(), request_id: ask.request_id.clone(), ..line }
    }

    /// Ids of a strict key. `None` when the key is not what it was.
    async fn strict(&self, slot: &Arc<Slot>, ask: &Ask) -> Result<Option<Line>> {
        loop {
            let (answer, mut answered) = oneshot::channel();
            slot.wait(Waiting { ask: ask.clone(), answer });
            let _turn = slot.turnstile.lock().await;
            match answered.try_recv() {
                Ok(outcome) => return settle(outcome),
                // Nobody took this caller along, so it writes for all that wait.
                Err(TryRecvError::Empty) => {}
                // The one that wrote for this caller was cancelled.
                Err(TryRecvError::Closed) => continue,
            }
            self.serve(slot).await;
            if let Ok(outcome) = answered.try_recv() {
                return settle(outcome);
            }
        }
    }

    /// One write for everybody who waits; one each when there are not enough ids for all.
    async fn serve(&self, slot: &Arc<Slot>) {
        let batch = slot.next_batch(TOGETHER);
        let asks: Vec<&Ask> = batch.iter().map(|waiting| &waiting.ask).collect();
        match self.draw(slot, &asks).await {
            Ok(lines) => {
                for (waiting, line) in batch.into_iter().zip(lines) {
                    let _ = waiting.answer.send(Ok(line));
                }
            }
            Err(error) if batch.len() > 1 && error.code() == "key_exhausted" => {
                for waiting in batch {
                    let line = self.draw(slot, &[&waiting.ask]).await;
                    let line = line.and_then(|mut lines| lines.pop().ok_or_else(changed));
                    let _ = waiting.answer.send(line);
                }
            }
            Err(error) => {
                for waiting in batch {
                    let _ = waiting.answer.send(Err(echo(&error)));
                }
            }
        }
    }

    /// Moves the ceiling once and shares the ids out in the order of `asks`.
    async fn draw(&self, slot: &Arc<Slot>, asks: &[&Ask]) -> Result<Vec<Line>> {
        let total: i64 = asks.iter().map(|ask| ask.count).sum();
        for _ in 0..CHANGES {
            let key = slot.key();
            if key.settings.mode != Mode::Strict {
                return Err(changed());
            }
            key.must_issue()?;
            if let Some(lines) = retrying(|| self.draw_once(slot, &key, total, asks)).await? {
                if !key.settings.sync {
                    let after = lines.iter().zip(asks).filter(|(_, ask)| !ask.writes_itself);
                    after.for_each(|(line, _)| self.shared.ledger.send(Entry::Line(line.clone())));
                }
                return Ok(lines);
            }
            self.explain(slot, &key, total).await?;
        }
        Err(changed())
    }

    async fn draw_once(
        &self,
        slot: &Slot,
        key: &Key,
        total: i64,
        asks: &[&Ask],
    ) -> Result<Option<Vec<Line>>> {
        let tx = self.begin(Access::Write).await?;
        let outcome = async {
            let Some(drawn) = self.draw_within(&tx, slot, key, total).await? else { return Ok(None) };
            let mut next = drawn.range.start();
            let mut lines = Vec::with_capacity(asks.len());
            for ask in asks {
                let range = Range::new(next, next + (ask.count - 1)).ok_or_else(changed)?;
                next = next.wrapping_add(ask.count);
                lines.push(self.issued(key, ask, range, drawn.turn));
            }
            if key.settings.sync {
                let with = lines.iter().zip(asks).filter(|(_, ask)| !ask.writes_itself);
                let now: Vec<&Line> = with.map(|(line, _)| line).collect();
                let written = store::journal::insert(&tx, &now).await;
                written.map_err(|error| Refused::taken(drawn.range, error))?;
            }
            Ok(Some((lines, drawn)))
        };
        let outcome = outcome.await;
        let Some((lines, drawn)) = self.end_draw(tx, key, outcome).await? else { return Ok(None) };
        slot.held().mark = Some(Mark { high: drawn.range.end(), turn: drawn.turn });
        Ok(Some(lines))
    }

    /// Draws ids, unless they are some that this node has drawn before.
    async fn draw_within(
        &self,
        tx: &Tx,
        slot: &Slot,
        key: &Key,
        count: i64,
    ) -> Result<Option<Drawn>, Refused> {
        let Some(drawn) = store::key::draw(tx, key, count).await? else { return Ok(None) };
        let start = drawn.ceiling - count + 1;
        let mark = slot.held().mark;
        if let Some(mark) = mark.filter(|mark| start <= mark.high)
            && !store::journal::was_returned(tx, key.org, key.id, mark.high, mark.turn).await?
        {
            return Err(Refused::Doubt { reason: Reason::BehindIssued, start, known: mark.high });
        }
        let range = Range::new(start, drawn.ceiling).ok_or_else(changed)?;
        Ok(Some(Drawn { range, turn: drawn.turn }))
    }

    /// Ends a draw. What contradicts itself is taken back and stops the key.
    async fn end_draw<T>(&self, tx: Tx, key: &Key, outcome: Result<Option<T>, Refused>) -> Result<Option<T>> {
        match outcome {
            Ok(drawn) => end(tx, Ok(drawn)).await,
            Err(Refused::Failed(error)) => end(tx, Err(error)).await,
            Err(Refused::Doubt { reason, start, known }) => {
                tx.rollback().await?;
                Err(self.stop(key, reason, start, known).await)
            }
        }
    }

    /// Puts the key into quarantine and says so.
    async fn stop(&self, key: &Key, reason: Reason, start: i64, known: i64) -> Error {
        let sentence = match reason {
            Reason::Overlap => format!("the ids from {start} to {known} were given away before"),
            _ => format!("the database gave ids from {start}, but this node has issued ids up to {known}"),
        };
        match self.doubt(key.org, &key.name, reason, &sentence, known).await {
            Ok(key) => key.must_issue().err().unwrap_or_else(changed),
            Err(error) => error,
        }
    }

    /// A broken uniqueness of the journal or the leases means that ids were given away before.
    pub(crate) async fn if_overlap(&self, key: &Key, start: i64, end: i64, error: Error) -> Error {
        if error.code() == "conflict" { self.stop(key, Reason::Overlap, start, end).await } else { error }
    }

    /// Why a draw of `total` ids gave nothing. `Ok` when it is worth another try.
    async fn explain(&self, slot: &Slot, before: &Key, total: i64) -> Result<()> {
        self.reload(slot).await?;
        let key = slot.key();
        key.must_issue()?;
        let remaining = key.max() - key.ceiling;
        if key.epoch == before.epoch && remaining < total {
            return Err(exhausted(&key.name, remaining));
        }
        Ok(())
    }

    /// Ids of a buffered key. `None` when the key is not what it was.
    async fn buffered(&self, slot: &Arc<Slot>, key: &Arc<Key>, ask: &Ask) -> Result<Option<Line>> {
        if let Some(line) = self.take(slot, ask) {
            return self.written(key, ask, line).await.map(Some);
        }
        let _turn = slot.turnstile.lock().await;
        // Somebody may have leased while this caller waited, and the trust may have ended.
        self.look().await?;
        if let Some(line) = self.take(slot, ask) {
            return self.written(key, ask, line).await.map(Some);
        }
        self.lease(slot, ask.count).await?;
        match self.take(slot, ask) {
            Some(line) => self.written(key, ask, line).await.map(Some),
            None => Ok(None),
        }
    }

    /// Waits until the line is in the journal, for a key that asks for it.
    async fn written(&self, key: &Key, ask: &Ask, line: Line) -> Result<Line> {
        if key.settings.sync && !ask.writes_itself {
            self.flush().await?;
        }
        Ok(line)
    }

    /// Ids from memory.
    fn take(&self, slot: &Arc<Slot>, ask: &Ask) -> Option<Line> {
        let (key, taken, is_low) = {
            let mut held = slot.held();
            // Between the look and this lock the trust may have ended.
            if !self.is_trusted() || held.key.settings.mode != Mode::Buffered {
                return None;
            }
            let taken = held.buffer.take(ask.count)?;
            let is_low = held.leased.is_some_and(|(size, _)| held.buffer.left() < size / 2);
            (held.key.clone(), taken, is_low)
        };
        let Taken { range, turn, used, dropped } = taken;
        let line = self.issued(&key, ask, range, turn);
        if !ask.writes_itself {
            self.shared.ledger.send(Entry::Line(line.clone()));
        }
        for lease in used {
            self.shared.ledger.send(Entry::Ended { org: key.org, lease: lease.id });
        }
        if let Some(block) = dropped {
            self.let_go(&key, &block);
        }
        if is_low && slot.want() {
            let _ = self.shared.wanted.send(slot.clone());
        }
        Some(line)
    }

    /// Leases a block with at least `count` ids. The caller holds the turnstile.
    pub(crate) async fn lease(&self, slot: &Slot, count: i64) -> Result<()> {
        for _ in 0..CHANGES {
            let (key, leased) = {
                let held = slot.held();
                (held.key.clone(), held.leased)
            };
            if key.settings.mode != Mode::Buffered {
                return Ok(());
            }
            key.must_issue()?;
            let remaining = key.max() - key.ceiling;
            let lasted = leased.map(|(_, at)| at.elapsed());
            let size = next_size(leased.map_or(0, |(size, _)| size), lasted, key.settings.block, remaining)
                .max(count);
            let drawn = retrying(|| self.lease_once(slot, &key, size));
            match drawn.await? {
                Some(()) => return Ok(()),
                // With fewer ids left than a block has, the next try asks for a smaller one.
                None => self.explain(slot, &key, count).await?,
            }
        }
        Err(changed())
    }

    async fn lease_once(&self, slot: &Slot, key: &Arc<Key>, size: i64) -> Result<Option<()>> {
        let (tx, now) = self.begin_timed(Access::Write).await?;
        let outcome = async {
            let Some(drawn) = self.draw_within(&tx, slot, key, size).await? else { return Ok(None) };
            let lease = Lease { id: self.new_id(), range: drawn.range };
            let inserted = store::lease::insert(&tx, key, self.shared.node, lease, now).await;
            inserted.map_err(|error| Refused::taken(drawn.range, error))?;
            Ok(Some((lease, drawn)))
        };
        let outcome = outcome.await;
        let Some((lease, drawn)) = self.end_draw(tx, key, outcome).await? else { return Ok(None) };
        let end = drawn.range.end();
        let dropped = {
            let mut held = slot.held();
            held.mark = Some(Mark { high: end, turn: drawn.turn });
            held.leased = Some((size, Instant::now()));
            // Raised, stopped or closed since: the lease is void.
            if held.key.epoch != key.epoch || held.key.id != key.id || self.is_closed() {
                Some(crate::block::Block::new(lease, drawn.turn))
            } else {
                // What is left decides how long the next block may be.
                held.key = Arc::new(Key { ceiling: held.key.ceiling.max(end), ..(*held.key).clone() });
                held.buffer.add(lease, drawn.turn)
            }
        };
        dropped.into_iter().for_each(|block| self.let_go(key, &block));
        Ok(Some(()))
    }
}

/// An answer of a group, where a change of the key means another try.
fn settle(outcome: Result<Line>) -> Result<Option<Line>> {
    match outcome {
        Ok(line) => Ok(Some(line)),
        Err(error) if error.code() == "key_changing" => Ok(None),
        Err(error) => Err(error),
    }
}

/// 503: the key changed each time that it was about to be used.
pub(crate) fn changed() -> Error {
    Error::unavailable("key_changing", "the key is being changed; try again").retry_after(1)
}
