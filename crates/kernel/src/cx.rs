//! The context of one request: who asks, from where, and the unit of work that answers.

use std::{collections::HashMap, net::IpAddr, sync::Arc, sync::Mutex};

use base::{Error, Id, Result};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use store::{Mode, Opening, Role, Tx};

use crate::{
    App,
    access::{self, Effective, Reach},
    http::{idempotency::Claim, origin},
    port::{Credential, CredentialKind},
    sheet::Table,
};

/// Where a request came from; also carried by commands and jobs.
#[derive(Clone, Debug)]
pub struct Origin {
    /// `X-Request-ID`.
    pub request_id: String,
    /// The client's address, behind trusted proxies the real one.
    pub ip: Option<IpAddr>,
    /// The `User-Agent`, shortened, on one line.
    pub user_agent: String,
}

impl Origin {
    /// The address as limits count it; empty when it is not known.
    pub fn network(&self) -> String {
        self.ip.map(origin::network).unwrap_or_default()
    }
    /// What the product does by itself comes from nowhere.
    pub fn nowhere() -> Self {
        Self { request_id: String::new(), ip: None, user_agent: String::new() }
    }
}

/// What kind of caller acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActorKind {
    /// Somebody at a screen.
    User,
    /// A program with an API key.
    ApiKey,
    /// The command line.
    Cli,
    /// The product itself.
    System,
}

impl ActorKind {
    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::ApiKey => "api_key",
            Self::Cli => "cli",
            Self::System => "system",
        }
    }
}

/// The caller, confirmed by the database in this very transaction.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The user.
    pub id: Id,
    /// Sign-in name.
    pub username: String,
    /// Name to show.
    pub name: String,
    /// The organisation that the request works in.
    pub org: Option<Id>,
    /// The platform administrator's flag.
    pub platform_admin: bool,
    /// The credential.
    pub credential: CredentialKind,
    /// What the caller may do here.
    pub effective: Arc<Effective>,
}

impl Actor {
    /// User or key.
    pub fn kind(&self) -> ActorKind {
        match self.credential {
            CredentialKind::Session(_) | CredentialKind::Delegated => ActorKind::User,
            CredentialKind::Key(_) => ActorKind::ApiKey,
        }
    }
    /// The session, when the caller has one.
    pub fn session(&self) -> Option<Id> {
        match self.credential {
            CredentialKind::Session(id) => Some(id),
            CredentialKind::Key(_) | CredentialKind::Delegated => None,
        }
    }
}

/// On whose behalf a job works, once the request that asked for it is over.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Delegation {
    /// The user.
    pub user: Id,
    /// His name at that time.
    pub name: String,
    /// The organisation.
    pub org: Id,
    /// The API key with which he asked: it must stay valid, and its scopes limit the job.
    pub key: Option<Id>,
    /// The request in which he asked.
    pub request_id: String,
}

impl Delegation {
    /// By a request's caller, in his organisation.
    pub fn of(cx: &Cx) -> Result<Self> {
        let actor = cx.actor()?;
        let key = match actor.credential {
            CredentialKind::Key(id) => Some(id),
            CredentialKind::Session(_) | CredentialKind::Delegated => None,
        };
        let none = || Error::forbidden("no_organization", "this needs an organisation to work in");
        Ok(Self {
            user: actor.id,
            name: actor.name.clone(),
            org: actor.org.ok_or_else(none)?,
            key,
            request_id: cx.origin.request_id.clone(),
        })
    }

    fn origin(&self) -> Origin {
        Origin { request_id: self.request_id.clone(), ..Origin::nowhere() }
    }

    fn credential(&self) -> Credential {
        let kind = self.key.map_or(CredentialKind::Delegated, CredentialKind::Key);
        Credential { user: self.user, org: Some(self.org), kind }
    }
}

/// The context of one request.
pub struct Cx {
    /// The application.
    pub app: App,
    /// Where the request came from.
    pub origin: Origin,
    /// Method.
    pub method: Method,
    /// Headers as received.
    pub headers: HeaderMap,
    pub(crate) credential: Option<Credential>,
    pub(crate) actor: Option<Actor>,
    pub(crate) tx: Option<Tx>,
    pub(crate) params: HashMap<String, String>,
    pub(crate) raw_query: String,
    pub(crate) uri: http::Uri,
    pub(crate) body: Bytes,
    pub(crate) table: Option<Arc<Table>>,
    pub(crate) respond: Mutex<Vec<(HeaderName, HeaderValue)>>,
    pub(crate) notes: Mutex<Vec<(String, serde_json::Value, serde_json::Value)>>,
    /// What was found out on the way, for whoever looks at the request's end.
    pub(crate) kept: Mutex<http::Extensions>,
    /// What the caller reaches since this transaction changed what that follows from.
    pub(crate) renewed: Mutex<Option<Arc<Effective>>>,
    /// The caller's `Idempotency-Key`, when the operation takes it and it was not answered before.
    pub(crate) claim: Option<Claim>,
    /// What a detached handler has done, to be committed with its answer.
    pub(crate) handed: Mutex<Option<Tx>>,
}

/// A unit of work that a detached handler has begun. Dropping it rolls back; [`Cx::finish`] ends it.
pub struct Work(Tx);

impl std::ops::Deref for Work {
    type Target = Tx;
    fn deref(&self) -> &Tx {
        &self.0
    }
}

impl Cx {
    /// The unit of work.
    pub fn tx(&self) -> Result<&Tx> {
        self.tx.as_ref().ok_or_else(|| Error::internal("this route has no unit of work"))
    }
    /// The caller.
    pub fn actor(&self) -> Result<&Actor> {
        self.actor.as_ref().ok_or_else(|| Error::unauthenticated("unauthenticated", "sign in first"))
    }
    /// The organisation.
    pub fn org(&self) -> Result<Id> {
        self.tx()?.require_org()
    }
    /// The instant of this request's work.
    pub fn now(&self) -> DateTime<Utc> {
        self.app.now()
    }

    /// A path parameter that is an id; anything else is 404, as an unknown id is.
    pub fn id(&self, name: &str) -> Result<Id> {
        self.text(name)?.parse().map_err(|_| Error::missing())
    }
    /// A path parameter.
    pub fn text(&self, name: &str) -> Result<&str> {
        self.params.get(name).map(String::as_str).ok_or_else(Error::missing)
    }
    /// The query string as a struct; what does not fit is 422.
    pub fn query<Q: DeserializeOwned>(&self) -> Result<Q> {
        let source = serde_urlencoded::Deserializer::new(form_pairs(&self.raw_query));
        serde_path_to_error::deserialize(source).map_err(|cause| {
            let field = cause.path().to_string();
            crate::http::decode::describe(&field, &cause.into_inner().to_string())
        })
    }
    /// The query string's pairs, decoded.
    pub fn query_pairs(&self) -> Vec<(String, String)> {
        pairs(&self.raw_query)
    }
    /// The query string as received.
    pub fn query_text(&self) -> &str {
        &self.raw_query
    }
    /// The path of the request as it was sent, without a trailing slash.
    pub fn path(&self) -> &str {
        self.uri.path()
    }
    /// The body as received.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The table in the body, of an operation that takes one.
    pub fn table(&self) -> Result<Arc<Table>> {
        self.table.clone().ok_or_else(|| Error::internal("this route takes no table"))
    }

    /// Adds a header to the answer.
    pub fn respond_with(&self, name: HeaderName, value: &str) -> Result<()> {
        let value = HeaderValue::from_str(value).map_err(Error::internal)?;
        lock(&self.respond).push((name, value));
        Ok(())
    }

    /// Keeps a value for whoever looks at the request's end ([`crate::api::Observer`]), one of each type.
    pub fn keep<T: Clone + Send + Sync + 'static>(&self, value: T) {
        lock(&self.kept).insert(value);
    }
    /// What was kept of that type.
    pub fn kept<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        lock(&self.kept).get().cloned()
    }

    /// Adds something to this action's audit entry that is not a column of the record.
    pub fn note(&self, field: &str, before: serde_json::Value, after: serde_json::Value) {
        if before != after {
            lock(&self.notes).push((field.to_owned(), before, after));
        }
    }
    pub(crate) fn take_notes(&self) -> Vec<(String, serde_json::Value, serde_json::Value)> {
        std::mem::take(&mut lock(&self.notes))
    }

    /// Whether the caller holds a permission.
    pub fn can(&self, code: &str) -> bool {
        let held = |actor: &Actor| self.app.catalogue().find(code).is_some_and(|p| actor.effective.holds(p));
        self.actor.as_ref().is_some_and(held)
    }
    /// 403 unless the caller holds a permission.
    pub fn require(&self, code: &str) -> Result<()> {
        if self.can(code) { Ok(()) } else { Err(denied(code)) }
    }
    /// Which rows the caller reaches with a permission.
    pub fn reach(&self, code: &str) -> Result<Reach> {
        let actor = self.actor()?;
        let permission = self.app.catalogue().find(code);
        let held = permission.and_then(|p| Some((p, actor.effective.reach(p)?)));
        let (permission, reach) = held.ok_or_else(|| denied(code))?;
        // What is held was judged at the beginning, an API key's scopes included; only the rows are new.
        let renewed = lock(&self.renewed).as_ref().map(|set| set.reach(permission));
        renewed.unwrap_or(Some(reach)).ok_or_else(|| denied(code))
    }
    /// Works out anew which rows the caller reaches, after this transaction has written something
    /// that it follows from: the tree of departments.
    pub(crate) async fn renew_reach(&self) -> Result<()> {
        let (actor, tx) = (self.actor()?, self.tx()?);
        let version = actor.effective.version();
        let set = access::compute(&self.app, tx, actor.id, version, actor.platform_admin).await?;
        *lock(&self.renewed) = Some(Arc::new(set));
        Ok(())
    }

    /// Takes the lock on who may do what ([`access::lock_head`]), and works out anew what the caller reaches:
    /// somebody may have taken it from him while this waited. Judge by [`Cx::reach`] and [`Cx::is_owner`]
    /// afterwards; [`Cx::can`] still tells what he held at the beginning.
    pub async fn lock_access(&self) -> Result<()> {
        access::lock_head(self.tx()?).await?;
        self.renew_reach().await
    }
    /// Whether the caller owns the organisation and asks as such.
    pub fn is_owner(&self) -> Result<bool> {
        let still = lock(&self.renewed).as_ref().is_none_or(|set| set.is_owner());
        Ok(self.actor()?.effective.is_owner() && still)
    }

    /// Another unit of work of the same caller, verified anew; for work that outlives the request's own.
    pub async fn again(&self, mode: Mode) -> Result<Self> {
        let mut next = self.blank_again();
        crate::http::guard::enter(&mut next, mode).await?;
        Ok(next)
    }
    fn blank_again(&self) -> Self {
        Self {
            app: self.app.clone(),
            origin: self.origin.clone(),
            method: self.method.clone(),
            headers: HeaderMap::new(),
            credential: self.credential.clone(),
            actor: None,
            tx: None,
            params: self.params.clone(),
            raw_query: self.raw_query.clone(),
            uri: self.uri.clone(),
            body: Bytes::new(),
            table: None,
            respond: Mutex::default(),
            notes: Mutex::default(),
            kept: Mutex::default(),
            renewed: Mutex::default(),
            claim: None,
            handed: Mutex::default(),
        }
    }
    /// A unit of work of whoever a public route's caller says he is, verified; `None` when he says nothing.
    ///
    /// Errors: 401 for a credential that is not good.
    pub async fn as_caller(&self, mode: Mode) -> Result<Option<Self>> {
        let Some(credential) = self.visitor().await? else { return Ok(None) };
        let mut next = self.blank_again();
        next.credential = Some(credential);
        crate::http::guard::enter(&mut next, mode).await?;
        Ok(Some(next))
    }
    /// A unit of work of a job, on behalf of whoever asked for it; he is verified anew: 401 once he is no
    /// member any more. `query` is what the job was asked, as a query string.
    pub async fn on_behalf(app: &App, of: &Delegation, mode: Mode, query: &str) -> Result<Self> {
        let mut cx = Self::blank(app, of, mode, query);
        crate::http::guard::enter(&mut cx, mode).await?;
        Ok(cx)
    }
    /// A unit of work in which a job undoes what it did on somebody's behalf. He is not asked whether he
    /// still may: what was begun is ended, whatever has become of him.
    pub async fn undoing(app: &App, of: &Delegation) -> Result<Self> {
        let mut cx = Self::blank(app, of, Mode::Write, "");
        cx.actor = Some(Actor {
            id: of.user,
            username: of.name.clone(),
            name: of.name.clone(),
            org: Some(of.org),
            platform_admin: false,
            credential: of.credential().kind,
            effective: Arc::new(Effective::everything(app.catalogue())),
        });
        cx.tx = Some(app.store().begin(Mode::Write, Opening::new(Role::App, Some(of.org))).await?);
        Ok(cx)
    }
    fn blank(app: &App, of: &Delegation, mode: Mode, query: &str) -> Self {
        Self {
            app: app.clone(),
            origin: of.origin(),
            method: if mode == Mode::Read { Method::GET } else { Method::POST },
            headers: HeaderMap::new(),
            credential: Some(of.credential()),
            actor: None,
            tx: None,
            params: HashMap::new(),
            raw_query: query.to_owned(),
            uri: http::Uri::default(),
            body: Bytes::new(),
            table: None,
            respond: Mutex::default(),
            notes: Mutex::default(),
            kept: Mutex::default(),
            renewed: Mutex::default(),
            claim: None,
            handed: Mutex::default(),
        }
    }
    /// Begins the one unit of work in which a detached handler changes something. The caller's
    /// `Idempotency-Key` is claimed in it.
    pub async fn begin(&self, opening: Opening) -> Result<Work> {
        let tx = self.app.store().begin(Mode::Write, opening).await?;
        if let Some(claim) = &self.claim {
            claim.hold(&tx, self.now()).await?;
        }
        Ok(Work(tx))
    }
    /// Hands a unit of work over, to be committed together with the answer when that is a success.
    pub fn finish(&self, work: Work) {
        *lock(&self.handed) = Some(work.0);
    }
    /// Takes over what a detached handler has done. Where it did nothing and there is a key, its answer
    /// is kept by itself.
    pub(crate) async fn take_over(&mut self) -> Result<()> {
        let handed = lock(&self.handed).take();
        match (&self.claim, handed) {
            (_, Some(tx)) => self.tx = Some(tx),
            (Some(claim), None) if self.tx.is_none() => {
                let tx = self.app.system(Mode::Write).await?;
                claim.hold(&tx, self.now()).await?;
                self.tx = Some(tx);
            }
            _ => {}
        }
        Ok(())
    }
    /// Ends the unit of work, keeping what it did.
    pub async fn commit(&mut self) -> Result<()> {
        match self.tx.take() {
            Some(tx) => tx.commit().await,
            None => Ok(()),
        }
    }

    /// Ends the unit of work, keeping nothing.
    pub async fn roll_back(&mut self) -> Result<()> {
        match self.tx.take() {
            Some(tx) => tx.rollback().await,
            None => Ok(()),
        }
    }

    /// The caller of a public route that also serves people who are signed in.
    pub async fn visitor(&self) -> Result<Option<Credential>> {
        let directory = self.app.directory().clone();
        directory.authenticate(&self.app, &self.headers).await
    }
}

pub(crate) fn denied(code: &str) -> Error {
    Error::forbidden("permission_denied", format!("this needs the permission {code}"))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// `application/x-www-form-urlencoded` pairs.
pub fn pairs(query: &str) -> Vec<(String, String)> {
    form_pairs(query).into_owned().collect()
}

fn form_pairs(query: &str) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(query.as_bytes())
}
