//! `Idempotency-Key` (decision 4.9): a POST that is sent again with its key is answered, not run again.
//!
//! The key is claimed at the start of the transaction that does the work and the answer is written at
//! its end, so that key, work and answer are kept or lost together. Where the handler begins that
//! transaction itself ([`Cx::begin`]), it is claimed there. Operations whose answer carries a secret do
//! not take the header. May import: `store`, the request's context.

use aws_lc_rs::hmac;
use axum::{
    body::{Body, HttpBody},
    response::Response,
};
use base::{Error, Id, Result, secret::ExposeSecret};
use chrono::{DateTime, Duration, Utc};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter};
use serde_json::{Map, Value, json};
use store::{Mode, Tx};

use self::entity::{ActiveModel, Column, Entity, Model};
use crate::{
    App, Cx,
    api::{Access, Operation},
};

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Characters of a key.
const KEY_MAX: usize = 255;
/// How long an answer is kept.
const LIFE: Duration = Duration::hours(24);
/// Bytes of the longest answer that is kept.
const BODY_MAX: u64 = 64 * 1024;
/// The headers of an answer that are kept with it.
const KEPT: [HeaderName; 3] = [header::CONTENT_TYPE, header::LOCATION, header::ETAG];

/// The table. It belongs to no organisation: a row is reached by its caller, and its digest covers
/// the organisation.
pub const MIGRATION: store::Migration = store::Migration {
    name: "0003_idempotency",
    up: |ddl| {
        ddl.table("idempotency_key")
            .uuid("user_id")
            .text("operation", 160)
            .text("key_text", 255)
            .text("digest", 64)
            .timestamp("created_at")
            .integer("status")
            .json_null("headers")
            .long_text("body")
            .primary_key(&["user_id", "operation", "key_text"])
            .create();
    },
    down: |ddl| ddl.drop_tables(&["idempotency_key"]),
};

/// The table.
pub mod entity {
    use sea_orm::entity::prelude::*;

    /// One key of one caller for one operation.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "idempotency_key")]
    pub struct Model {
        /// The caller.
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Uuid,
        /// The operation's id.
        #[sea_orm(primary_key, auto_increment = false)]
        pub operation: String,
        /// The key as sent.
        #[sea_orm(primary_key, auto_increment = false)]
        pub key_text: String,
        /// What was asked: organisation, path, query and body, under the server's key, since a body may
        /// hold a password.
        pub digest: String,
        /// When it was first asked.
        pub created_at: DateTimeUtc,
        /// Status of the answer; 0 until there is one.
        pub status: i32,
        /// The headers that are kept.
        pub headers: Option<Json>,
        /// The answer.
        pub body: String,
    }

    /// No relations: an answer outlives what it tells of.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl Operation {
    /// Whether `Idempotency-Key` is honoured; elsewhere it is ignored.
    pub fn takes_idempotency_key(&self) -> bool {
        self.method == Method::POST && self.access != Access::Public && !self.answer.secret
    }
}

/// The header in the document.
pub(crate) fn parameter() -> Value {
    json!({
        "name": "Idempotency-Key", "in": "header", "required": false,
        "description": "Sent again within 24 hours with the same request, it is answered as the first time and nothing is done twice",
        "schema": { "type": "string", "minLength": 1, "maxLength": KEY_MAX, "pattern": "^[!-~]+$" },
    })
}

/// How a request begins.
pub(crate) enum Begun {
    /// It has no key that counts.
    Free,
    /// It is the first with its key, which is to be [held](Claim::hold) where the work is done.
    First(Claim),
    /// It was answered before.
    Answered(Response),
}

/// A key, and what was asked with it.
pub(crate) struct Claim {
    user: Id,
    operation: String,
    key: String,
    digest: String,
}

/// Looks for the answer to a key.
pub(crate) async fn begin(cx: &Cx, operation: &Operation) -> Result<Begun> {
    if !operation.takes_idempotency_key() {
        return Ok(Begun::Free);
    }
    let Some(key) = key(&cx.headers)? else { return Ok(Begun::Free) };
    let claim = Claim { user: cx.actor()?.id, operation: operation.id.clone(), key, digest: digest(cx)? };
    match claim.answer_in(cx.tx()?, cx.now()).await? {
        Some(response) => Ok(Begun::Answered(response)),
        None => Ok(Begun::First(claim)),
    }
}

fn running() -> Error {
    let detail = "a request with this Idempotency-Key is being answered; try again";
    Error::conflict("idempotency_key_running", detail).retry_after(1)
}

fn key(headers: &HeaderMap) -> Result<Option<String>> {
    let mut sent = headers.get_all(HEADER).iter();
    let Some(value) = sent.next() else { return Ok(None) };
    let fits =
        |text: &&str| (1..=KEY_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    match value.to_str().ok().filter(fits) {
        Some(text) if sent.next().is_none() => Ok(Some(text.to_owned())),
        _ => {
            let message = format!("must be sent once, as 1 to {KEY_MAX} visible ASCII characters");
            Err(Error::field("Idempotency-Key", "invalid_value", message))
        }
    }
}

/// What is asked. The organisation is part of it: an answer never shows up in another one.
fn digest(cx: &Cx) -> Result<String> {
    let mut params: Vec<(&String, &String)> = cx.params.iter().collect();
    params.sort();
    let head = json!([cx.actor()?.org, params, cx.raw_query]).to_string();
    let key = cx.app.settings().digest_key.expose_secret().as_bytes();
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    mac.update(b"tenon/idempotency/request\0");
    mac.update(head.as_bytes());
    // JSON holds no NUL, so nothing can move from the body into the head.
    mac.update(&[0]);
    mac.update(cx.body());
    Ok(mac.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn replay(row: Model, digest: &str) -> Result<Response> {
    if row.digest != digest {
        let detail = "this Idempotency-Key was sent with another request; make a new one for each request";
        return Err(Error::invalid("idempotency_key_reused", detail));
    }
    let status = u16::try_from(row.status).ok().and_then(|status| StatusCode::from_u16(status).ok());
    let mut response = Response::new(Body::from(row.body));
    *response.status_mut() = status.ok_or_else(running)?;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    for name in KEPT {
        let text = row.headers.as_ref().and_then(|kept| kept[name.as_str()].as_str());
        if let Some(text) = text {
            headers.insert(name, HeaderValue::from_str(text).map_err(Error::internal)?);
        }
    }
    Ok(response)
}

impl Claim {
    fn this(&self) -> Condition {
        Condition::all()
            .add(Column::UserId.eq(self.user))
            .add(Column::Operation.eq(self.operation.as_str()))
            .add(Column::KeyText.eq(self.key.as_str()))
    }

    async fn forget(&self, tx: &Tx) -> Result<()> {
        tx.delete_where::<Entity>(self.this()).await.map(drop)
    }

    async fn answer_in(&self, tx: &Tx, now: DateTime<Utc>) -> Result<Option<Response>> {
        match tx.one(tx.find::<Entity>().filter(self.this())).await? {
            Some(row) if now < row.created_at + LIFE => replay(row, &self.digest).map(Some),
            _ => Ok(None),
        }
    }

    /// The answer that another request with this key has got meanwhile: after it, the same work may fail
    /// for having been done.
    pub(crate) async fn answer_now(&self, app: &App) -> Result<Option<Response>> {
        let tx = app.system(Mode::Read).await?;
        let answer = self.answer_in(&tx, app.now()).await?;
        tx.commit().await?;
        Ok(answer)
    }

    /// Takes the key in the transaction that does the work. A second request at the same time waits here
    /// for the first one's commit and then starts anew, to find its answer.
    pub(crate) async fn hold(&self, tx: &Tx, now: DateTime<Utc>) -> Result<()> {
        let old = self.this().add(Column::CreatedAt.lte(now - LIFE));
        tx.delete_where::<Entity>(old).await?;
        let row = ActiveModel {
            user_id: Set(self.user),
            operation: Set(self.operation.clone()),
            key_text: Set(self.key.clone()),
            digest: Set(self.digest.clone()),
            created_at: Set(now),
            status: Set(0),
            headers: Set(None),
            body: Set(String::new()),
        };
        match tx.insert(row).await {
            Err(failure) if failure.code() == "conflict" || failure.is_retryable() => {
                Err(running().retryable())
            }
            Err(failure) if failure.code() == "database_timeout" => Err(running()),
            done => done,
        }
    }

    /// Writes the answer beside what it tells of. What is no success, too long or no text is not
    /// kept, and the key is free again.
    pub(crate) async fn keep(&self, cx: &Cx, response: Response) -> Result<Response> {
        let (parts, body) = response.into_parts();
        let short = HttpBody::size_hint(&body).exact().is_some_and(|bytes| bytes <= BODY_MAX);
        if !parts.status.is_success() || !short {
            self.forget(cx.tx()?).await?;
            return Ok(Response::from_parts(parts, body));
        }
        let bytes = body.collect().await.map_err(Error::internal)?.to_bytes();
        match std::str::from_utf8(&bytes) {
            Ok(text) => {
                let mut kept = Map::new();
                for name in KEPT {
                    if let Some(value) = parts.headers.get(&name).and_then(|value| value.to_str().ok()) {
                        kept.insert(name.as_str().to_owned(), value.into());
                    }
                }
                let answer = ActiveModel {
                    status: Set(parts.status.as_u16().into()),
                    headers: Set(Some(Value::Object(kept))),
                    body: Set(text.to_owned()),
                    ..Default::default()
                };
                cx.tx()?.update_where(answer, self.this()).await?;
            }
            Err(_) => self.forget(cx.tx()?).await?,
        }
        Ok(Response::from_parts(parts, Body::from(bytes)))
    }
}

/// Deletes answers that count no more. Safe on several nodes at once.
pub async fn prune(app: &App) -> Result<()> {
    let tx = app.system(Mode::Write).await?;
    let old = Condition::all().add(Column::CreatedAt.lte(app.now() - LIFE));
    tx.delete_where::<Entity>(old).await?;
    tx.commit().await
}
