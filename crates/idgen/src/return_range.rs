//! Handing ids back: only the newest range of a key, or of a block, and only once it is in the journal.
//!
//! The line that says so is committed before the ids can be issued again.

use ::store::Mode as Access;
use base::{Error, Id, Result};

use crate::{
    Engine, Key, KeyName, Line, LineKind, Mode, Range,
    engine::{end, retrying, unbroken},
    key::unknown,
    slot::{Mark, Slot},
    store,
};

impl Engine {
    /// Hands back a range that was not used, whole. `caller` is who got it. Ids of a buffered key are
    /// taken back by the node that issued them only.
    ///
    /// Errors: 404 `range_unknown` when the journal does not say that the caller has exactly this range;
    /// 409 `not_newest` when ids after it were issued, or this node cannot know; 404 `key_unknown`, and as
    /// [`Engine::allocate`] for a key that does not issue.
    pub async fn return_range(
        &self,
        org: Id,
        name: &KeyName,
        range: Range,
        caller: Option<&str>,
    ) -> Result<Line> {
        let (engine, name, caller) = (self.clone(), name.clone(), caller.map(str::to_owned));
        unbroken(async move {
            let slot = engine.slot(org, &name).await?;
            engine.take_back(&slot, range, caller.as_deref()).await
        })
        .await
    }

    async fn take_back(&self, slot: &Slot, range: Range, caller: Option<&str>) -> Result<Line> {
        self.flush().await?;
        let _turn = slot.turnstile.lock().await;
        self.reload(slot).await?;
        let key = slot.key();
        if !matches!(key.state, crate::State::Exhausted) {
            key.must_issue()?;
        }
        match key.settings.mode {
            Mode::Strict if self.counter_of(&key).is_some() => {
                let detail = "ids of a counter in Redis are not taken back";
                Err(Error::conflict("not_newest", detail))
            }
            Mode::Strict => self.return_strict(slot, &key, range, caller).await,
            Mode::Buffered => self.return_buffered(slot, &key, range, caller).await,
        }
    }

    async fn return_strict(
        &self,
        slot: &Slot,
        key: &Key,
        range: Range,
        caller: Option<&str>,
    ) -> Result<Line> {
        let (line, after) = retrying(|| async {
            let tx = self.begin(Access::Write).await?;
            let outcome = async {
                let key = store::key::lock(&tx, key.org, &key.name).await?;
                let key = key.ok_or_else(|| unknown(&slot.key().name))?;
                let line = self.returned(&tx, &key, range, caller).await?;
                if key.ceiling != range.end() {
                    return Err(not_newest());
                }
                store::key::put_back(&tx, &key, range.end() - range.start() + 1).await?;
                Ok((line, key.turn + 2))
            };
            let outcome = outcome.await;
            end(tx, outcome).await
        })
        .await?;
        {
            let mut held = slot.held();
            if held.mark.is_some_and(|mark| mark.high >= range.start()) {
                held.mark = Some(Mark { high: range.start() - 1, turn: after });
            }
        }
        self.reload(slot).await?;
        Ok(line)
    }

    async fn return_buffered(
        &self,
        slot: &Slot,
        key: &Key,
        range: Range,
        caller: Option<&str>,
    ) -> Result<Line> {
        // While the block is out of the buffer nothing follows the range.
        let Some(mut block) = slot.held().buffer.detach(range) else {
            let tx = self.begin(Access::Read).await?;
            let owned = self.owned(&tx, key, range, caller).await;
            end(tx, owned).await?;
            return Err(not_newest());
        };
        let written = retrying(|| async {
            let tx = self.begin(Access::Write).await?;
            let line = self.returned(&tx, key, range, caller).await;
            end(tx, line).await
        })
        .await;
        match &written {
            Ok(line) => block.put_back(range, line.turn + 1),
            // The owner was wrong, or the line was not committed for certain: the range stays issued.
            Err(error) if matches!(error.kind(), base::Kind::NotFound) => {}
            Err(_) => {
                self.let_go(key, &block);
                return written;
            }
        }
        let void = {
            let mut held = slot.held();
            if held.key.epoch == key.epoch { held.buffer.attach(block) } else { Some(block) }
        };
        void.into_iter().for_each(|block| self.let_go(key, &block));
        written
    }

    /// The line that issued exactly this range to the caller.
    async fn owned(&self, tx: &::store::Tx, key: &Key, range: Range, caller: Option<&str>) -> Result<Line> {
        let line = store::journal::about(tx, key.org, key.id, range.start()).await?;
        let is_owner = |line: &Line| {
            line.kind == LineKind::Issued && line.range == range && line.caller.as_deref() == caller
        };
        line.filter(is_owner).ok_or_else(|| {
            Error::not_found("range_unknown", "the journal does not say that the caller has this range")
        })
    }

    /// Writes that a range was handed back, and forgets the token that it answered.
    async fn returned(
        &self,
        tx: &::store::Tx,
        key: &Key,
        range: Range,
        caller: Option<&str>,
    ) -> Result<Line> {
        let issued = self.owned(tx, key, range, caller).await?;
        let line = Line {
            caller: issued.caller,
            request_id: issued.request_id,
            ..self.line(key, LineKind::Returned, range, issued.turn + 1)
        };
        store::journal::insert(tx, &[&line]).await?;
        store::request::forget_range(tx, key, range).await?;
        Ok(line)
    }
}

fn not_newest() -> Error {
    Error::conflict("not_newest", "only the newest range can be handed back, where it was issued")
}
