//! Downloads: read piece by piece, handed over while they are read, and in the audit trail with what
//! was taken.
//!
//! The reading is a task of its own that goes on only as fast as the client takes the pieces. It
//! writes the audit entry when it ends, however it ends: complete, by a failure, or because the client
//! went away. May import: the request's context, the audit trail, axum's body.

use axum::body::Body;
use base::{Id, Result};
use bytes::Bytes;
use futures_util::{StreamExt, future::BoxFuture, stream};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tracing::Instrument;

use crate::{
    App, Cx, Origin,
    audit::{self, Event, Who},
};

/// Characters of a query in an entry.
const QUERY_MAX: usize = 1_000;

/// Some bytes of a download and the rows that are in them.
pub struct Piece {
    /// The bytes.
    pub bytes: Bytes,
    /// Rows that somebody has once he has these bytes.
    pub rows: u64,
}

/// Where a download comes from.
pub trait Source: Send + 'static {
    /// The next piece; `None` at the end.
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Piece>>>;
}

/// What the audit trail will say of a download.
pub struct Taking {
    app: App,
    org: Option<Id>,
    who: Who,
    origin: Origin,
    event: Event,
}

impl Taking {
    /// By the request's caller: what he asked for, in which format.
    pub fn new(cx: &Cx, event: Event, format: &str) -> Result<Self> {
        let query: String = cx.query_text().chars().take(QUERY_MAX).collect();
        let event =
            event.change("format", Value::Null, json!(format)).change("query", Value::Null, json!(query));
        let (app, origin) = (cx.app.clone(), cx.origin.clone());
        Ok(Self { app, org: cx.actor()?.org, who: audit::who(cx), origin, event })
    }

    /// Writes the entry: `ok` when all of it was taken. What cannot be written is logged.
    pub async fn record(self, rows: u64, complete: bool) {
        let outcome = if complete { "ok" } else { "failed" };
        let event = Event { outcome: Some(outcome), ..self.event.change("rows", Value::Null, rows.into()) };
        if let Err(failure) = audit::record_now(&self.app, self.org, self.who, &self.origin, event).await {
            tracing::error!(error = ?failure, rows, "an export could not be recorded");
        }
    }

    /// Hands the source's pieces over while they are read.
    #[expect(clippy::disallowed_methods, reason = "it must end, and be recorded, when the client has gone")]
    pub fn stream(self, source: impl Source) -> Body {
        // One piece is on its way while the next one is read.
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(self.hand_over(source, sender).in_current_span());
        let pieces = stream::unfold(receiver, |mut receiver| async {
            receiver.recv().await.map(|piece| (piece, receiver))
        });
        // A layer that compresses asks once more after the end.
        Body::from_stream(pieces.fuse())
    }

    async fn hand_over(self, mut source: impl Source, sender: mpsc::Sender<std::io::Result<Bytes>>) {
        let mut taken = 0;
        let ended = loop {
            // Waits until the client has taken what was sent before.
            let Ok(slot) = sender.reserve().await else { break Ok(false) };
            match source.next().await {
                Ok(Some(piece)) => {
                    slot.send(Ok(piece.bytes));
                    taken += piece.rows;
                }
                Ok(None) => break Ok(!sender.is_closed()),
                Err(failure) => break Err(failure),
            }
        };
        // Before the end is sent: whoever has seen it finds the entry.
        self.record(taken, matches!(ended, Ok(true))).await;
        if let Err(failure) = ended {
            tracing::warn!(error = ?failure, taken, "a download failed in the middle");
            let _ = sender.send(Err(std::io::Error::other(failure))).await;
        }
    }
}
