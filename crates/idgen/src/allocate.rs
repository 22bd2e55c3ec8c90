//! Issuing ids: strict keys through the database, buffered keys from memory.

use std::sync::Arc;

use base::{Error, Id, Result};

use crate::{Engine, Key, KeyName, Line, LineKind, Mode, Range, State, engine::unbroken, slot::Slot};

/// How often a key may change under an allocation before the caller is told to try again.
pub(crate) const CHANGES: usize = 5;

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
    /// Whether its line may be one with those of the same caller's neighbouring ranges. For callers without
    /// a name, so that a flood of them fills no journal; a line of several calls names no request.
    pub merge: bool,
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

/// What a call was given from memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtHand {
    /// The ids.
    pub issued: Issued,
    /// Nobody may learn of them before [`Engine::written_down`] has returned.
    pub waits: bool,
}

/// What of a call the inner parts need.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub count: i64,
    pub caller: Option<String>,
    pub request_id: Option<String>,
    pub merge: bool,
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
            merge: request.merge,
            writes_itself: request.token.is_some(),
        })
    }
}

/// The first characters of a text, as every database can store them: PostgreSQL refuses NUL.
fn shorten(text: &str, most: usize) -> String {
    if text.len() <= most && !text.contains('\0') {
        return text.to_owned();
    }
    text.chars().filter(|c| *c != '\0').take(most).collect()
}

impl Engine {
    /// The same from memory, when the key is known here and buffered, and `admit` lets the call pass; `None`
    /// leaves it to [`Engine::allocate`].
    pub fn allocate_at_hand(
        &self,
        request: &Request,
        admit: impl FnOnce(&Key) -> Result<()>,
    ) -> Option<Result<AtHand>> {
        let slot = self.known(request.org, &request.key)?;
        let key = slot.key();
        if request.token.is_some() || key.settings.mode != Mode::Buffered {
            return None;
        }
        if !(1..=key.settings.most_ids).contains(&request.count) || key.state != State::Active {
            return None;
        }
        if let Err(refused) = admit(&key) {
            return Some(Err(refused));
        }
        let line = self.at_hand(&slot, request).ok()??;
        let issued = Issued { key: line.key, range: line.range, repeated: false };
        Some(Ok(AtHand { issued, waits: key.settings.sync }))
    }

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
            if slot.key().settings.sync {
                self.written_down().await?;
            }
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

    /// Ids from memory. The line of a key with `sync` is on its way then and has to be waited for.
    fn at_hand(&self, slot: &Arc<Slot>, request: &Request) -> Result<Option<Line>> {
        let key = slot.key();
        let ask = Ask::of(&key, request)?;
        let waits = ask.writes_itself
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
        let relies = |key: &Key| {
            let is_shared = self.counter_of(key).is_some();
            key.settings.mode == Mode::Buffered || key.state != State::Active || is_shared
        };
        if relies(&slot.key()) && !self.is_trusted() {
            self.look().await?;
        }
        if slot.held().gone {
            // Somebody may have made it again; if so it is compared with what this node drew.
            self.reload(slot).await?;
        }
        let held = slot.held();
        // The last lease of a key uses up its ceiling, not its ids.
        let has_stretch = self.counter_of(&held.key).is_some() && held.key.generation.is_some();
        let has_rest = held.key.state == State::Exhausted && (held.buffer.left() > 0 || has_stretch);
        if !has_rest {
            held.key.must_issue()?;
        }
        Ok(held.key.clone())
    }

    pub(crate) fn issued(&self, key: &Key, ask: &Ask, range: Range, turn: i64) -> Line {
        let line = self.line(key, LineKind::Issued, range, turn);
        Line { caller: ask.caller.clone(), request_id: ask.request_id.clone(), ..line }
    }
}

/// 503: the key changed each time that it was about to be used.
pub(crate) fn changed() -> Error {
    Error::unavailable("key_changing", "the key is being changed; try again").retry_after(1)
}
