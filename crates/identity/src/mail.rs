//! Letters that the product writes, and the outbox in which they wait for their delivery.
//!
//! A letter is put into the outbox in the transaction of what it tells of, so it goes out exactly if
//! that was done. Its content is sealed, since it carries links that sign people in. Delivery is
//! at least once: a node that dies while it sends leaves the letter to another.

mod letter;
mod text;

use base::{Error, Result, secret::ExposeSecret};
use chrono::{DateTime, Duration, Utc};
use kernel::App;
use outbound::mail::Mail;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use store::{Mode, Tx};

pub use self::letter::Letter;
use crate::{
    account,
    credential::{seal::Sealer, token},
    entity::mail_outbox::{ActiveModel, Column, Entity, Model},
    service::Identity,
};

/// Letters of one kind to one address in an hour.
const PER_RECIPIENT: u64 = 3;
const HOUR: std::time::Duration = std::time::Duration::from_secs(3600);
/// Letters a round.
const BATCH: u64 = 50;
/// How long a node has to send a letter before another one tries.
const LEASE: Duration = Duration::minutes(5);
/// Waiting times after a failure; the last one repeats.
const BACK_OFF: [Duration; 4] =
    [Duration::minutes(1), Duration::minutes(5), Duration::minutes(30), Duration::hours(2)];
/// A letter that could not be sent for this long is given up.
const PATIENCE: Duration = Duration::hours(24);

/// The content of a letter, as sealed.
#[derive(Serialize, Deserialize)]
struct Content {
    subject: String,
    text: String,
    html: String,
}

/// A letter that is written and sealed, but not yet addressed.
pub(crate) struct Sealed {
    id: base::Id,
    body: String,
}

/// A link into the console, from the configured address and never from a request's `Host` (ASVS 4.1.3).
pub fn link(app: &App, page: &str, token: &str) -> String {
    let base = app.settings().base_url.trim_end_matches('/');
    format!("{base}{page}?token={token}")
}

/// Nobody's mailbox is filled through us (ASVS 6.6.3): 429 beyond three letters an hour of one kind
/// to one address, whoever asks for them. Kinds are counted apart, so that letters which anybody
/// can cause do not keep those away that somebody waits for.
pub(crate) async fn limit_recipient(app: &App, kind: &str, address: &str) -> Result<()> {
    let key = token::digest_hex(&account::sign_in_key(address));
    app.limit(&format!("mail:{kind}:{key}"), PER_RECIPIENT, HOUR).await
}

/// Writes a letter.
pub(crate) fn compose(app: &App, to: &str, locale: &str, letter: Letter) -> Mail {
    let written = letter.write(locale, &app.settings().app_name);
    Mail { to: to.to_owned(), subject: written.subject, text: written.text, html: Some(written.html) }
}

/// Puts a letter into the outbox.
pub async fn enqueue(app: &App, tx: &Tx, to: &str, locale: &str, letter: Letter) -> Result<()> {
    let sealed = seal(app, locale, letter)?;
    post(app, tx, to, sealed).await
}

/// The first half of [`enqueue`]: writes and seals.
pub(crate) fn seal(app: &App, locale: &str, letter: Letter) -> Result<Sealed> {
    let written = letter.write(locale, &app.settings().app_name);
    let content = Content { subject: written.subject, text: written.text, html: written.html };
    let plain = serde_json::to_vec(&content).map_err(Error::internal)?;
    let id = app.new_id();
    Ok(Sealed { id, body: Identity::of(app)?.sealer.seal(&plain, &context(id))? })
}

/// The second half of [`enqueue`]: addresses and stores.
pub(crate) async fn post(app: &App, tx: &Tx, to: &str, sealed: Sealed) -> Result<()> {
    let now = app.now();
    tx.insert(ActiveModel {
        id: Set(sealed.id),
        recipient: Set(to.to_owned()),
        sealed: Set(sealed.body),
        created_at: Set(now),
        next_at: Set(now),
        attempts: Set(0),
        failure: Set(None),
    })
    .await
}

/// Seals again, under today's key, what waits under another one; how many letters that were. One
/// that cannot be read is left: its delivery will say so.
pub(crate) async fn reseal(tx: &Tx, sealer: &Sealer) -> Result<u64> {
    let mut done = 0;
    for row in tx.all(tx.find::<Entity>()).await?.iter().filter(|row| sealer.needs_reseal(&row.sealed)) {
        let Ok(plain) = sealer.open(&row.sealed, &context(row.id)) else {
            tracing::warn!(mail = %row.id, "a letter cannot be read with the configured keys");
            continue;
        };
        let sealed = sealer.seal(plain.expose_secret(), &context(row.id))?;
        let values = ActiveModel { sealed: Set(sealed), ..Default::default() };
        done += tx.update_where(values, Condition::all().add(Column::Id.eq(row.id))).await?;
    }
    Ok(done)
}

fn context(id: base::Id) -> String {
    format!("mail_outbox/sealed/{id}")
}

/// Sends what is due; how many letters went out. Several nodes may do so at once.
pub async fn deliver_due(app: &App) -> Result<usize> {
    let tx = app.system(Mode::Read).await?;
    let due =
        tx.find::<Entity>().filter(Column::NextAt.lte(app.now())).order_by_asc(Column::NextAt).limit(BATCH);
    let due = tx.all(due).await?;
    tx.commit().await?;
    let mut sent = 0;
    for row in due {
        if !claim(app, &row).await? {
            continue;
        }
        match deliver(app, &row).await {
            Ok(()) => {
                sent += 1;
                forget(app, &row).await?;
            }
            Err(failure) => put_off(app, &row, &failure).await?,
        }
    }
    Ok(sent)
}

/// Takes a letter for this node; whether it was still there to be taken.
async fn claim(app: &App, row: &Model) -> Result<bool> {
    let tx = app.system(Mode::Write).await?;
    let claimed = ActiveModel {
        attempts: Set(row.attempts + 1),
        next_at: Set(app.now() + LEASE),
        ..Default::default()
    };
    let unchanged = Condition::all().add(Column::Id.eq(row.id)).add(Column::Attempts.eq(row.attempts));
    let taken = tx.update_where(claimed, unchanged).await? == 1;
    tx.commit().await?;
    Ok(taken)
}

async fn deliver(app: &App, row: &Model) -> Result<()> {
    let identity = Identity::of(app)?;
    let plain = identity.sealer.open(&row.sealed, &context(row.id))?;
    let content: Content = serde_json::from_slice(plain.expose_secret()).map_err(Error::internal)?;
    let mail = Mail {
        to: row.recipient.clone(),
        subject: content.subject,
        text: content.text,
        html: Some(content.html),
    };
    identity.mailer.send(&mail).await
}

async fn forget(app: &App, row: &Model) -> Result<()> {
    let tx = app.system(Mode::Write).await?;
    tx.delete_where::<Entity>(Condition::all().add(Column::Id.eq(row.id))).await?;
    tx.commit().await
}

/// When a letter is tried again after that many attempts; `None` when it is given up.
fn next_try(row: &Model, failure: &Error, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    // An address that is none never becomes one.
    if failure.kind() == base::Kind::Invalid {
        return None;
    }
    let done = usize::try_from(row.attempts).unwrap_or_default().min(BACK_OFF.len() - 1);
    let next = now + BACK_OFF[done];
    (next < row.created_at + PATIENCE).then_some(next)
}

async fn put_off(app: &App, row: &Model, failure: &Error) -> Result<()> {
    let Some(next_at) = next_try(row, failure, app.now()) else {
        tracing::error!(mail = %row.id, attempts = row.attempts + 1, error = ?failure, "a letter was given up");
        return forget(app, row).await;
    };
    tracing::warn!(mail = %row.id, attempts = row.attempts + 1, error = %failure, "a letter could not be sent");
    let tx = app.system(Mode::Write).await?;
    let later = ActiveModel {
        next_at: Set(next_at),
        failure: Set(Some(failure.detail().chars().take(500).collect())),
        ..Default::default()
    };
    tx.update_where(later, Condition::all().add(Column::Id.eq(row.id))).await?;
    tx.commit().await
}
