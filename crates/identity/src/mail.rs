//! Letters that the product writes, and the job that delivers them.
//!
//! A letter is written, and its job enqueued, in the transaction of what it tells of, so it goes out
//! exactly if that was done. Its content is sealed, since it carries links that sign people in.
//! Delivery is at least once: a node that dies while it sends leaves the job to another.

mod letter;
mod text;

use std::time::Duration;

use base::{Error, Id, Result, secret::ExposeSecret};
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use jobs::{Arguments, Backoff, Engine, Failure, Job, NewJob, Policy, Run, Words};
use kernel::{
    App,
    port::{Notice, Postman},
};
use outbound::mail::Mail;
use schemars::JsonSchema;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter};
use serde::{Deserialize, Serialize};
use store::{Mode, Tx};

pub use self::letter::Letter;
use crate::{
    account,
    credential::{seal::Sealer, token},
    entity::{
        app_user,
        letter::{ActiveModel, Column, Entity},
    },
    service::Identity,
};

/// Letters of one kind to one address in an hour.
const PER_RECIPIENT: u64 = 3;
const HOUR: Duration = Duration::from_hours(1);
/// How long a letter is kept that could not be delivered, so that its job can be retried by hand.
const KEPT: chrono::Duration = chrono::Duration::days(7);

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

/// Writes a letter and has it delivered.
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
    })
    .await?;
    let org = tx.org().unwrap_or(jobs::PLATFORM);
    let job = NewJob::of(org, &Deliver { letter: sealed.id })?;
    app.service::<Engine>()?.enqueue(tx, job).await.map(drop)
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
    format!("letter/sealed/{id}")
}

/// Delivers one letter. The letter itself waits in its table, sealed: a job's arguments can be read
/// by whoever may read jobs.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deliver {
    /// Which letter.
    pub letter: Id,
}

impl Arguments for Deliver {
    const KIND: &'static str = "mail.deliver";
    const TITLE: Words = Words { zh: "发送邮件", en: "Deliver a letter" };
    const ABOUT: Words = Words {
        zh: "把一封信交给邮件服务器；失败后按 1、5、25 分钟、之后每 2 小时重试，约一天后放弃。",
        en: "Hands a letter to the mail server; tries again after 1, 5 and 25 minutes, then every 2 hours, for about a day.",
    };

    fn policy() -> Policy {
        Policy {
            queue: "mail",
            max_attempts: 15,
            backoff: Backoff {
                base: Duration::from_mins(1),
                factor: 5.0,
                cap: Duration::from_hours(2),
                jitter: 0.1,
            },
            timeout: Duration::from_mins(2),
            ..Policy::default()
        }
    }
}

/// What became of a letter.
#[derive(Serialize)]
pub struct Delivered {
    /// `sent` by a mail server, or `kept` in the folder that stands in for one.
    outcome: &'static str,
}

impl Job<App> for Deliver {
    type Output = Delivered;

    async fn run(self, app: App, _: Run) -> Result<Delivered, Failure> {
        let identity = Identity::of(&app)?;
        let tx = app.system(Mode::Read).await?;
        let row = tx.lookup::<Entity>(self.letter).await?;
        tx.commit().await?;
        let row = row.ok_or_else(|| Error::not_found("letter_gone", "the letter is no longer there"))?;
        let plain = identity.sealer.open(&row.sealed, &context(row.id))?;
        let content: Content = serde_json::from_slice(plain.expose_secret()).map_err(Error::internal)?;
        let mail = Mail {
            to: row.recipient.clone(),
            subject: content.subject,
            text: content.text,
            html: Some(content.html),
        };
        identity.mailer.send(&mail).await?;
        let tx = app.system(Mode::Write).await?;
        tx.delete_where::<Entity>(Condition::all().add(Column::Id.eq(row.id))).await?;
        tx.commit().await?;
        Ok(Delivered { outcome: if identity.mailer.is_smtp() { "sent" } else { "kept" } })
    }
}

/// Forgets letters that nobody delivered in time: their job is dead, and so are the links in them.
pub(crate) async fn prune(tx: &Tx, now: DateTime<Utc>) -> Result<u64> {
    tx.delete_where::<Entity>(Condition::all().add(Column::CreatedAt.lt(now - KEPT))).await
}

/// The kernel's [`Postman`].
pub struct Post;

impl Postman for Post {
    fn notify<'a>(
        &'a self,
        app: &'a App,
        tx: &'a Tx,
        to: &'a str,
        notice: Notice,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let locale = match &notice.locale {
                Some(locale) => locale.clone(),
                None => {
                    let key = base::text::fold(to);
                    let reader = tx.find::<app_user::Entity>().filter(app_user::Column::LoginEmail.eq(key));
                    // The address of somebody who is not known here reads the product's first language.
                    tx.one(reader).await?.map_or_else(|| "zh-CN".to_owned(), |person| person.locale)
                }
            };
            enqueue(app, tx, to, &locale, Letter::Notice(notice)).await
        })
    }
}
