//! Calls that may come again: the same caller with the same token is given the same range, on every node
//! and after a crash. The range, its line and the token are committed together, before the answer.

use std::sync::Arc;

use ::store::Mode;
use base::{Error, Result};

use crate::{
    Engine, Issued, Key, Line, LineKind,
    allocate::{Ask, changed},
    engine::{end, retrying},
    ledger::Entry,
    slot::Slot,
    store,
};

/// The longest token, in characters.
const TOKEN: usize = 255;

impl Engine {
    pub(crate) async fn repeat(&self, slot: &Arc<Slot>, ask: &Ask, token: &str) -> Result<Issued> {
        let length = token.chars().count();
        if length == 0 || length > TOKEN || token.chars().any(char::is_control) {
            let message = format!("1 to {TOKEN} characters, none of them a control character");
            return Err(Error::field("token", "length", message));
        }
        if let Some(issued) = self.remembered(slot, ask, token).await? {
            return Ok(issued);
        }
        let line = self.issue(slot, ask).await?;
        match retrying(|| self.remember(ask, token, &line)).await {
            Ok(()) => Ok(Issued { key: line.key, range: line.range, repeated: false }),
            Err(error) if error.code() == "conflict" => {
                // Another call with the token was faster: its range is the answer, and nobody gets this one.
                let Some(issued) = self.remembered(slot, ask, token).await? else {
                    let (start, end) = (line.range.start(), line.range.end());
                    return Err(self.if_overlap(&slot.key(), start, end, error).await);
                };
                self.shared.ledger.send(Entry::Line(self.line(
                    &slot.key(),
                    LineKind::Dropped,
                    line.range,
                    line.turn,
                )));
                Ok(issued)
            }
            // Whether it was committed is unknown, so nothing is said of the ids.
            Err(error) => Err(error),
        }
    }

    async fn remembered(&self, slot: &Slot, ask: &Ask, token: &str) -> Result<Option<Issued>> {
        let key: Arc<Key> = slot.key();
        let caller = ask.caller.as_deref().unwrap_or_default();
        let (tx, now) = self.begin_timed(Mode::Read).await?;
        let found = store::request::find(&tx, key.org, caller, token, now).await;
        let Some(found) = end(tx, found).await? else { return Ok(None) };
        if found.key != key.id || found.range.count() != u64::try_from(ask.count).map_err(|_| changed())? {
            let detail = "the idempotency key came with another request before";
            return Err(Error::conflict("idempotency_key_reused", detail));
        }
        Ok(Some(Issued { key: found.key, range: found.range, repeated: true }))
    }

    async fn remember(&self, ask: &Ask, token: &str, line: &Line) -> Result<()> {
        let caller = ask.caller.as_deref().unwrap_or_default();
        let (tx, now) = self.begin_timed(Mode::Write).await?;
        let until = now + self.shared.options.remember;
        let mut outcome = store::request::insert(&tx, self.new_id(), caller, token, line, (now, until)).await;
        if outcome.is_ok() {
            outcome = store::journal::insert(&tx, &[line]).await;
        }
        end(tx, outcome).await
    }
}
