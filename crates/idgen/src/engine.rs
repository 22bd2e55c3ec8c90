//! The engine as every caller has it: the keys of a database, and what this node holds of them.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ::store::{Mode, Opening, Role, Store, Tx, kv::counter::SharedCounter};
use base::{Clock, Error, Id, Result};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::{
    sync::{Mutex as Turnstile, mpsc},
    time::Instant,
};

use crate::{
    Key, KeyName, Line, LineKind, NewKey, Range, Reason, State,
    block::Block,
    key::unknown,
    ledger::{Entry, Ledger},
    slot::{Mark, Slot},
    store,
    worker::Worker,
};

/// How a node works.
#[derive(Clone)]
pub struct Options {
    /// For how long a node issues from memory without having looked whether a key was changed. Raising a
    /// key takes this long to return when other nodes hold leases. Default 1 s.
    pub trust: Duration,
    /// How many lines of the journal may wait in memory; then callers wait for the database. Default 50,000.
    pub journal_limit: usize,
    /// How long a repeated request gets the same range. Default 24 h.
    pub remember: TimeDelta,
    /// Where keys count that count in Redis. Default none: they count in the database.
    pub counter: Option<SharedCounter>,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("trust", &self.trust).finish_non_exhaustive()
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            trust: Duration::from_secs(1),
            journal_limit: 50_000,
            remember: TimeDelta::hours(24),
            counter: None,
        }
    }
}

/// The id engine of one node. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) options: Options,
    pub(crate) node: Id,
    slots: RwLock<HashMap<(Id, KeyName), Arc<Slot>>>,
    pub(crate) ledger: Ledger,
    watched: Mutex<Watched>,
    looking: Turnstile<()>,
    pub(crate) wanted: mpsc::UnboundedSender<Arc<Slot>>,
    pub(crate) wishes: Turnstile<mpsc::UnboundedReceiver<Arc<Slot>>>,
    closed: AtomicBool,
    /// This node's number for ids that sort by time.
    pub(crate) worker: Turnstile<Option<Worker>>,
}

/// What is known of changes to keys.
struct Watched {
    version: i64,
    /// Until when nobody needs to look again.
    until: Option<Instant>,
}

impl Engine {
    /// An engine over a migrated database. It works by itself; with [`Engine::run`] beside it, it writes
    /// and fetches ahead instead of while callers wait.
    pub fn new(store: Store, clock: Arc<dyn Clock>, options: Options) -> Self {
        let (wanted, wishes) = mpsc::unbounded_channel();
        let node = base::id::new(clock.now());
        Self {
            shared: Arc::new(Shared {
                store,
                clock,
                options,
                node,
                slots: RwLock::default(),
                ledger: Ledger::new(),
                watched: Mutex::new(Watched { version: -1, until: None }),
                looking: Turnstile::new(()),
                wanted,
                wishes: Turnstile::new(wishes),
                closed: AtomicBool::new(false),
                worker: Turnstile::new(None),
            }),
        }
    }

    /// This run of this process, as the journal and leases name it.
    pub fn node(&self) -> Id {
        self.shared.node
    }

    /// Whether keys can count in Redis here.
    pub fn has_counter(&self) -> bool {
        self.shared.options.counter.is_some()
    }

    pub(crate) fn new_id(&self) -> Id {
        base::id::new(self.shared.clock.now())
    }

    /// A unit of work over every organisation.
    pub(crate) async fn begin(&self, mode: Mode) -> Result<Tx> {
        self.shared.store.begin(mode, Opening::new(Role::System, None)).await
    }
    /// The same, with the database's clock.
    pub(crate) async fn begin_timed(&self, mode: Mode) -> Result<(Tx, DateTime<Utc>)> {
        self.shared.store.begin_timed(mode, Opening::new(Role::System, None)).await
    }
    /// Makes a key.
    ///
    /// Errors: 409 `key_exists` when the organisation has one of that name, also a retired one; 422
    /// `validation_failed` for settings out of range, and for `in_use` above the limit of the type.
    pub async fn create(&self, new: &NewKey) -> Result<Key> {
        new.settings.check()?;
        if new.in_use > new.settings.id_type.max() {
            return Err(above_limit("in_use", new.settings.id_type.max()));
        }
        let (tx, now) = self.begin_timed(Mode::Write).await?;
        let inserted = store::key::insert(&tx, self.new_id(), new, now).await;
        end(tx, inserted).await.map_err(|error| match error.code() {
            "conflict" => {
                let detail = format!("there is a key {} already", new.name);
                Error::conflict("key_exists", detail).with_source(error)
            }
            _ => error,
        })?;
        Ok(self.load(new.org, &new.name, None).await?.0)
    }

    /// The key of that name; if there is none, it is made. For the first use by many at once: one of them
    /// makes it, however long each took to find out what is in use. An existing key is left as it is.
    ///
    /// Errors: as [`Engine::create`], without `key_exists`.
    pub async fn create_if_missing(&self, new: &NewKey) -> Result<Key> {
        match self.key(new.org, &new.name).await {
            Err(error) if error.code() == "key_unknown" => {}
            outcome => return outcome,
        }
        match self.create(new).await {
            Err(error) if error.code() == "key_exists" => self.key(new.org, &new.name).await,
            outcome => outcome,
        }
    }

    /// A key as it stands. 404 `key_unknown`.
    pub async fn key(&self, org: Id, name: &KeyName) -> Result<Key> {
        let tx = self.begin(Mode::Read).await?;
        let found = store::key::find(&tx, org, name).await;
        end(tx, found).await?.map(|found| found.key).ok_or_else(|| unknown(name))
    }

    /// Every key of an organisation by name, or of all organisations.
    pub async fn keys(&self, org: Option<Id>) -> Result<Vec<Key>> {
        let tx = self.begin(Mode::Read).await?;
        let keys = store::key::all(&tx, org).await;
        end(tx, keys).await
    }

    /// The key as this node knows it: without asking the database once it was used here, and at most
    /// [`Options::trust`] old where [`Engine::run`] works.
    ///
    /// Errors: 404 `key_unknown`.
    pub async fn attend(&self, org: Id, name: &KeyName) -> Result<Arc<Key>> {
        if let Some(slot) = self.known(org, name) {
            let held = slot.held();
            if !held.gone {
                return Ok(held.key.clone());
            }
        }
        let (engine, name) = (self.clone(), name.clone());
        unbroken(async move {
            let slot = engine.slot(org, &name).await?;
            if slot.held().gone {
                engine.reload(&slot).await?;
            }
            Ok(slot.key())
        })
        .await
    }

    /// What this node holds of a key. Unknown names leave nothing behind.
    pub(crate) async fn slot(&self, org: Id, name: &KeyName) -> Result<Arc<Slot>> {
        if let Some(slot) = self.known(org, name) {
            return Ok(slot);
        }
        let (key, _) = self.load(org, name, None).await?;
        let slot = {
            let mut slots = self.shared.slots.write().unwrap_or_else(PoisonError::into_inner);
            slots.entry((org, name.clone())).or_insert_with(|| Arc::new(Slot::new(key))).clone()
        };
        // What changed between the reading and the insertion was told to the slots that there were.
        self.reload(&slot).await?;
        Ok(slot)
    }
    pub(crate) fn known(&self, org: Id, name: &KeyName) -> Option<Arc<Slot>> {
        let slots = self.shared.slots.read().unwrap_or_else(PoisonError::into_inner);
        slots.get(&(org, name.clone())).cloned()
    }
    /// Every key that this node has used.
    pub(crate) fn slots(&self) -> Vec<Arc<Slot>> {
        self.shared.slots.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Reads a key and compares it with everything that is known. What cannot be right goes into
    /// quarantine at once; the key then comes back in that state, with `true`.
    pub(crate) async fn load(&self, org: Id, name: &KeyName, mark: Option<Mark>) -> Result<(Key, bool)> {
        let tx = self.begin(Mode::Read).await?;
        let outcome = async {
            let found = store::key::find(&tx, org, name).await?.ok_or_else(|| unknown(name))?;
            let behind_issued = match mark {
                Some(mark) if mark.high > found.key.ceiling => {
                    !store::journal::was_returned(&tx, org, found.key.id, mark.high, mark.turn).await?
                }
                _ => false,
            };
            Ok((found, behind_issued))
        }
        .await;
        let (found, behind_issued) = end(tx, outcome).await?;
        let key = found.key;
        let written = found.journal_to.into_iter().chain(found.leased_to).max().unwrap_or(0);
        let (reason, known) = if behind_issued {
            (Reason::BehindIssued, mark.map_or(0, |mark| mark.high))
        } else if written > key.ceiling {
            (Reason::BehindJournal, written)
        } else {
            return Ok((key, false));
        };
        if !matches!(key.state, State::Active | State::Exhausted) {
            if known > key.claimed {
                let sentence = behind(&key, reason, known);
                return Ok((self.doubt(org, name, reason, &sentence, known).await?, true));
            }
            return Ok((key, true));
        }
        if reason == Reason::BehindJournal {
            return self.verify(org, name).await;
        }
        Ok((self.doubt(org, name, reason, &behind(&key, reason, known), known).await?, true))
    }

    /// Compares a key with its journal and its leases again while nobody can draw from it or hand ids
    /// back; `true` when it is in doubt.
    async fn verify(&self, org: Id, name: &KeyName) -> Result<(Key, bool)> {
        let written = retrying(|| async {
            let tx = self.begin(Mode::Write).await?;
            let outcome = async {
                let key = store::key::lock(&tx, org, name).await?.ok_or_else(|| unknown(name))?;
                let written = store::journal::top(&tx, org, key.id).await?;
                let leases = store::lease::of_key(&tx, &key).await?;
                let leased = leases.iter().map(|lease| lease.range_end);
                let known = leased.chain(written).max().unwrap_or(0);
                Ok((key, known))
            };
            let outcome = outcome.await;
            end(tx, outcome).await
        });
        let (key, known) = written.await?;
        if known <= key.ceiling {
            return Ok((key, false));
        }
        let sentence = behind(&key, Reason::BehindJournal, known);
        Ok((self.doubt(org, name, Reason::BehindJournal, &sentence, known).await?, true))
    }

    /// Puts a key into quarantine, unless it is there.
    pub(crate) async fn doubt(
        &self,
        org: Id,
        name: &KeyName,
        reason: Reason,
        sentence: &str,
        claimed: i64,
    ) -> Result<Key> {
        retrying(|| async {
            let (tx, now) = self.begin_timed(Mode::Write).await?;
            let outcome = async {
                let key = store::key::lock(&tx, org, name).await?.ok_or_else(|| unknown(name))?;
                if matches!(key.state, State::Active | State::Exhausted) {
                    store::key::quarantine(&tx, &key, (reason, sentence), claimed, now).await?;
                    tracing::error!(%org, key = %name, reason = reason.as_str(), "{sentence}");
                } else if claimed > key.claimed {
                    // It stands already, but somebody has seen higher ids than those that stopped it.
                    store::key::claim(&tx, &key, claimed).await?;
                }
                store::key::lock(&tx, org, name).await?.ok_or_else(|| unknown(name))
            };
            let outcome = outcome.await;
            end(tx, outcome).await
        })
        .await
    }

    /// Reads a key again and lets go of leases that are void.
    pub(crate) async fn reload(&self, slot: &Slot) -> Result<()> {
        let (before, mark) = {
            let held = slot.held();
            (held.key.clone(), held.mark)
        };
        let loaded = self.load(before.org, &before.name, mark).await;
        let void = {
            let mut held = slot.held();
            match loaded {
                Ok((key, _)) => {
                    held.gone = false;
                    // A slower reader must not bring back an older state.
                    if key.id == held.key.id && key.epoch < held.key.epoch {
                        return Ok(());
                    }
                    let is_void = key.id != held.key.id || key.epoch != held.key.epoch;
                    held.key = Arc::new(key);
                    if is_void { held.buffer.empty() } else { Vec::new() }
                }
                Err(error) if error.code() == "key_unknown" => {
                    held.gone = true;
                    held.buffer.empty();
                    return Err(error);
                }
                Err(error) => return Err(error),
            }
        };
        void.into_iter().for_each(|block| self.let_go(&before, &block));
        Ok(())
    }

    /// Writes that nobody gets the rest of a block.
    pub(crate) fn let_go(&self, key: &Key, block: &Block) {
        if let Some(rest) = block.rest() {
            self.shared.ledger.send(Entry::Line(self.line(key, LineKind::Dropped, rest, block.turn())));
        }
        for lease in block.leases() {
            self.shared.ledger.send(Entry::Ended { org: key.org, lease: lease.id });
        }
    }

    /// A line of this node, now, on nobody's behalf.
    pub(crate) fn line(&self, key: &Key, kind: LineKind, range: Range, turn: i64) -> Line {
        let at = self.shared.clock.now();
        Line {
            id: base::id::new(at),
            org: key.org,
            key: key.id,
            kind,
            range,
            turn,
            at,
            caller: None,
            request_id: None,
            calls: 1,
            node: self.shared.node,
        }
    }

    fn watched(&self) -> std::sync::MutexGuard<'_, Watched> {
        self.shared.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this node looked for changes lately enough.
    pub(crate) fn is_trusted(&self) -> bool {
        self.watched().until.is_some_and(|until| Instant::now() < until)
    }

    /// Makes sure that this node knows of every change that was committed before this call, or lately
    /// enough.
    pub(crate) async fn look(&self) -> Result<()> {
        let _one = self.shared.looking.lock().await;
        if self.is_trusted() {
            return Ok(());
        }
        self.look_now().await
    }

    /// Looks for changes whether or not it is time.
    pub(crate) async fn look_now(&self) -> Result<()> {
        // The answer is as old as the question.
        let asked = Instant::now();
        let tx = self.begin(Mode::Read).await?;
        let version = store::key::version(&tx).await;
        let version = end(tx, version).await?;
        let before = self.watched().version;
        if version != before {
            if version < before {
                // The database was set back: what is held is compared with it whatever epoch it names.
                tracing::error!(before, version, "the database of ids was set back");
                self.slots().iter().for_each(|slot| slot.forget_epoch());
            }
            for slot in self.slots() {
                match self.reload(&slot).await {
                    Err(error) if error.code() != "key_unknown" => return Err(error),
                    _ => {}
                }
            }
        }
        *self.watched() = Watched { version, until: Some(asked + self.shared.options.trust) };
        Ok(())
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Acquire)
    }
    pub(crate) fn set_closed(&self) {
        self.shared.closed.store(true, Ordering::Release);
    }
}

fn behind(key: &Key, reason: Reason, known: i64) -> String {
    let what = match reason {
        Reason::BehindIssued => "this node has issued ids up to",
        _ => "the journal and the leases know of ids up to",
    };
    format!("the stored ceiling is {}, but {what} {known}", key.ceiling)
}

/// 422: a number that the key's type cannot reach.
pub(crate) fn above_limit(field: &'static str, max: i64) -> Error {
    Error::field(field, "range", format!("the type of the column ends at {max}"))
}

/// Does the work whether or not the caller goes on waiting. A caller that goes away in the middle would
/// leave a lease that nobody holds, and on MySQL a connection that believes to be in a transaction.
#[expect(clippy::disallowed_methods, reason = "one call's work, which its caller must not break off")]
pub(crate) async fn unbroken<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    tokio::spawn(work).await.map_err(Error::internal)?
}

/// Ends a unit of work: commits it, or takes it back at once, so that its locks wait for nobody.
pub(crate) async fn end<T>(tx: Tx, outcome: Result<T>) -> Result<T> {
    match outcome {
        Ok(value) => tx.commit().await.map(|()| value),
        Err(error) => {
            if let Err(cause) = tx.rollback().await {
                tracing::debug!(?cause, "a unit of work was not taken back; the database does it");
            }
            Err(error)
        }
    }
}

/// Runs a unit of work again that lost a lock.
pub(crate) async fn retrying<T, F, Fut>(mut work: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T>>,
{
    let mut tries = 0;
    loop {
        match work().await {
            Err(error) if error.is_retryable() && tries < 6 => {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(5 << tries)).await;
            }
            outcome => return outcome,
        }
    }
}
