//! Ports: what the kernel asks of a module that it does not know.

use base::{Id, Result};
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use http::HeaderMap;
use sea_orm::{QueryResult, sea_query::SelectStatement};
use store::Tx;

use crate::{
    App, Reach,
    access::Standing,
    resource::{ListQuery, Page},
};

/// How a request says who it comes from, checked as far as it can be without the caller's own
/// transaction: a signature for a session's token, a look-up for an API key.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The user on whose behalf the request is made.
    pub user: Id,
    /// The organisation that the credential is for.
    pub org: Option<Id>,
    /// Session or key.
    pub kind: CredentialKind,
}

/// The kinds of credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// A signed-in session.
    Session(Id),
    /// An API key.
    Key(Id),
    /// None any more: a job that a member has asked for goes on when his session has ended, as long as he
    /// is a member.
    Delegated,
}

/// A credential that the database has confirmed.
#[derive(Clone, Debug)]
pub struct Admission {
    /// Sign-in name.
    pub username: String,
    /// Name to show.
    pub name: String,
    /// The platform administrator's flag.
    pub platform_admin: bool,
    /// Version of the organisation's access data; effective sets are cached by it.
    pub access_version: i64,
    /// Permissions that an API key is limited to.
    pub scopes: Option<Vec<String>>,
}

/// Who people are and what they are members of. Implemented by `identity`.
pub trait Directory: Send + Sync {
    /// The request's credential; `None` when it carries none, an error when it carries a bad one.
    fn authenticate<'a>(
        &'a self,
        app: &'a App,
        headers: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<Option<Credential>>>;

    /// The select that rides in the opening statement of the caller's transaction; one row always.
    fn opening(&self, credential: &Credential) -> SelectStatement;

    /// Reads that row: admitted, or 401.
    fn admit(&self, app: &App, credential: &Credential, row: &QueryResult) -> Result<Admission>;

    /// The organisation that callers without a name belong to: the first one. `None` before the set-up.
    fn home<'a>(&'a self, app: &'a App) -> BoxFuture<'a, Result<Option<Id>>>;

    /// What the user is in the transaction's organisation; `None` for somebody who is no active member.
    fn standing<'a>(&'a self, tx: &'a Tx, user: Id) -> BoxFuture<'a, Result<Option<Standing>>>;
}

/// A member of an organisation, as other systems are told of him.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// The user.
    pub id: Id,
    /// Sign-in name.
    pub username: String,
    /// Name to show.
    pub name: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Whether the address is proven to be his.
    pub email_verified: bool,
    /// Whether he may work: neither account nor membership is disabled or gone.
    pub active: bool,
    /// Whether he was removed.
    pub removed: bool,
    /// Whether he owns the organisation.
    pub owner: bool,
    /// His language, such as `zh-CN`.
    pub locale: String,
    /// When the membership began.
    pub created_at: DateTime<Utc>,
    /// When account or membership changed last.
    pub updated_at: DateTime<Utc>,
}

/// Somebody whom another system vouches for.
#[derive(Clone, Debug)]
pub struct Newcomer {
    /// The wished sign-in name; another one is found where it is taken.
    pub username: String,
    /// Name to show.
    pub name: String,
    /// E-mail address; it proves nothing.
    pub email: Option<String>,
}

/// What of a member's profile is to change; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    /// Name to show; `Some(None)` takes the sign-in name.
    pub name: Option<Option<String>>,
    /// E-mail address.
    pub email: Option<Option<String>>,
    /// Whether the membership is active.
    pub active: Option<bool>,
}

/// Which members somebody looks for.
#[derive(Clone, Debug)]
pub struct Among<'a> {
    /// The rows that he reaches.
    pub reach: &'a Reach,
    /// Who he is.
    pub who: Id,
    /// Normalised words, each of which must be in name or address.
    pub words: &'a [String],
}

/// Ways to have a permission, one of which is enough.
#[derive(Clone, Debug)]
pub struct Holding {
    /// Owners have it.
    pub owners: bool,
    /// Whoever has one of these roles, as far as they are enabled.
    pub roles: Vec<Id>,
    /// Those whose ids this select gives, in the column `user_id`.
    pub users: SelectStatement,
}

/// A member who has a permission.
#[derive(Clone, Debug)]
pub struct Holds {
    /// Who.
    pub person: Person,
    /// Which of the roles he has.
    pub roles: Vec<(Id, String)>,
}

/// What ended with a member's part in an organisation.
#[derive(Clone, Debug, Default)]
pub struct Departure {
    /// Whether he owned the organisation.
    pub owner: bool,
    /// His roles: id and name.
    pub roles: Vec<(Id, String)>,
    /// Sessions in the organisation.
    pub sessions: u64,
    /// API keys of the organisation.
    pub api_keys: u64,
    /// Whether the membership was disabled by it.
    pub disabled: bool,
}

/// What people are looked up by in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CalledBy {
    /// Sign-in name; case does not count.
    Username,
    /// E-mail address that was proven; case does not count.
    Email,
    /// E-mail address that nobody has proven, so that anybody may have told it: it finds nobody, and says at
    /// most why nobody was found.
    Claim,
}

/// The members of the transaction's organisation, for modules that act for other systems. Implemented by
/// `identity`, and a service of the application as `Arc<dyn People>`. Changes need a system transaction.
pub trait People: Send + Sync {
    /// Those of these users that are or were members; whoever was removed is not active.
    fn find<'a>(&'a self, tx: &'a Tx, ids: &'a [Id]) -> BoxFuture<'a, Result<Vec<Person>>>;

    /// Whether there is an account of that id, in whatever organisation.
    fn is_account<'a>(&'a self, tx: &'a Tx, id: Id) -> BoxFuture<'a, Result<bool>>;

    /// Members by id, whose names or address contain `text`, after an id.
    fn search<'a>(
        &'a self,
        tx: &'a Tx,
        text: Option<&'a str>,
        after: Option<Id>,
        limit: u64,
    ) -> BoxFuture<'a, Result<Vec<Person>>>;

    /// Makes an account and a membership without roles.
    ///
    /// Errors: 422 for a name or an address that cannot be one.
    fn enrol<'a>(&'a self, app: &'a App, tx: &'a Tx, new: Newcomer) -> BoxFuture<'a, Result<Id>>;

    /// Says since when somebody is a member, who came from a system that knew him before.
    fn set_joined<'a>(&'a self, tx: &'a Tx, user: Id, at: DateTime<Utc>) -> BoxFuture<'a, Result<()>>;

    /// Changes a member's profile; the names of what was changed: `display_name`, `email`, `is_active`.
    ///
    /// Errors: 404; 409 `last_owner`; 422.
    fn change<'a>(
        &'a self,
        app: &'a App,
        tx: &'a Tx,
        user: Id,
        change: ProfileChange,
    ) -> BoxFuture<'a, Result<Vec<&'static str>>>;

    /// A select of the ids of those that are or were members, as far as `among` reaches; `None` where that is
    /// all of them.
    fn among(&self, tx: &Tx, among: &Among<'_>) -> Result<Option<SelectStatement>>;

    /// A page of the members who may work and have a permission, by sign-in name. `query` brings the window alone;
    /// the page comes back without rows.
    fn holders<'a>(
        &'a self,
        tx: &'a Tx,
        holding: &'a Holding,
        among: Among<'a>,
        query: ListQuery,
    ) -> BoxFuture<'a, Result<(Vec<Holds>, Page)>>;

    /// The members that are called so, those removed left out. One name or proven address is one member's at
    /// most; a claim may be that of several.
    fn called<'a>(
        &'a self,
        tx: &'a Tx,
        by: CalledBy,
        names: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<(String, Id)>>>;

    /// Takes ownership and roles from a member, ends his sessions and API keys in the organisation and the
    /// invitations that he sent, and disables the membership if `disable`. Nothing is said to the access
    /// trail; the caller does that, under its lock.
    ///
    /// Errors: 404; 409 `last_owner`.
    fn offboard<'a>(
        &'a self,
        app: &'a App,
        tx: &'a Tx,
        user: Id,
        disable: bool,
    ) -> BoxFuture<'a, Result<Departure>>;
}

/// What is counted of the authority on members. Every word is one of few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberCount {
    /// A call that was refused for who made it.
    AuthFailure {
        /// How it spoke for itself: `internal`, `client`, `token`.
        kind: &'static str,
        /// The code of the refusal.
        reason: &'static str,
    },
    /// A call that was refused for the number of calls: `internal`, `client`, `member`, `failures`.
    RateLimited(&'static str),
    /// A grant that somebody wanted to change.
    PermissionChange {
        /// `grant`, `revoke`, `expire`.
        op: &'static str,
        /// What came of it: `granted`, `updated`, `unchanged`, `revoked`, `not_granted`, `expired`, `refused`.
        result: &'static str,
    },
    /// A snapshot that the caller had already.
    SnapshotNotModified,
    /// A call with the internal secret: `current`, `previous`.
    InternalSecret(&'static str),
}

/// What the operator's metrics count beside requests. Implemented by `server`, and a service of the
/// application as `Arc<dyn Meter>`. Each argument is one of few words.
pub trait Meter: Send + Sync {
    /// An attempt to sign in: `ok`, `failed`, `locked`, `throttled`.
    fn sign_in(&self, outcome: &'static str);

    /// Something of the authority on members that is counted.
    fn member(&self, count: MemberCount);

    /// A try to deliver a webhook: `delivered`, `status`, `timeout`, `unreachable`, `refused`, `invalid`.
    fn webhook(&self, result: &'static str);
}

/// A kind of event that programs of others can be told of.
#[derive(Clone, Copy, Debug)]
pub struct EventType {
    /// Stable name, `thing.verb`.
    pub name: &'static str,
    /// What people call it, in Chinese and English.
    pub title: (&'static str, &'static str),
    /// When it happens, in Chinese and English.
    pub about: (&'static str, &'static str),
}

/// Something that happened in an organisation, for programs of others.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its own id: two events never share one, and one event is never told under two.
    pub id: Id,
    /// The name of its [`EventType`].
    pub name: &'static str,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What there is to say of it; an object without secrets.
    pub data: serde_json::Value,
}

/// An organisation in which somebody listens to events.
#[derive(Clone, Copy, Debug)]
pub struct Listening {
    /// The organisation.
    pub org: Id,
    /// The newest version of who may do what at the time when the first one of them began.
    pub since: i64,
}

/// Tells programs of others what happens. Implemented by `webhooks`, and a service of the application as
/// `Arc<dyn Publisher>`.
pub trait Publisher: Send + Sync {
    /// Has events told to whoever listens in the transaction's organisation, in this order. They are kept in
    /// the transaction: what is rolled back is told to nobody, what is committed is not lost. Where nobody
    /// listens it costs a look into memory, which may be two seconds old.
    ///
    /// Errors: 500 for an event of a type that nobody declared.
    fn publish<'a>(&'a self, app: &'a App, tx: &'a Tx, events: Vec<Event>) -> BoxFuture<'a, Result<()>>;

    /// As [`Publisher::publish`], and always looks who listens: for modules that have asked where.
    fn publish_surely<'a>(
        &'a self,
        app: &'a App,
        tx: &'a Tx,
        events: Vec<Event>,
    ) -> BoxFuture<'a, Result<()>>;

    /// Where somebody listens, for modules that find out themselves what has happened. Needs a system
    /// transaction.
    fn listening<'a>(&'a self, tx: &'a Tx) -> BoxFuture<'a, Result<Vec<Listening>>>;
}

/// What a notice says in one language.
#[derive(Clone, Debug)]
pub struct NoticeText {
    /// Subject.
    pub subject: String,
    /// Paragraphs.
    pub lines: Vec<String>,
}

/// Something that a module wants to tell somebody by mail.
#[derive(Clone, Debug)]
pub struct Notice {
    /// In Chinese.
    pub zh: NoticeText,
    /// In English.
    pub en: NoticeText,
    /// Where to look.
    pub link: Option<String>,
    /// The reader's language, where it is known.
    pub locale: Option<String>,
}

/// Sends letters. Implemented by `identity`, and a service of the application as `Arc<dyn Postman>`.
pub trait Postman: Send + Sync {
    /// Has a notice delivered to an address, in the caller's transaction; where no language is named, in that
    /// of whoever has the address.
    fn notify<'a>(
        &'a self,
        app: &'a App,
        tx: &'a Tx,
        to: &'a str,
        notice: Notice,
    ) -> BoxFuture<'a, Result<()>>;
}
