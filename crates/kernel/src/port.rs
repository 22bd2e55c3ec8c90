//! Ports: what the kernel asks of a module that it does not know.

use base::{Id, Result};
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use http::HeaderMap;
use sea_orm::{QueryResult, sea_query::SelectStatement};
use store::Tx;

use crate::{App, access::Standing};

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
}

/// What the operator's metrics count beside requests. Implemented by `server`, and a service of the
/// application as `Arc<dyn Meter>`. Each argument is one of few words.
pub trait Meter: Send + Sync {
    /// An attempt to sign in: `ok`, `failed`, `locked`, `throttled`.
    fn sign_in(&self, outcome: &'static str);
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
}

/// Sends letters. Implemented by `identity`, and a service of the application as `Arc<dyn Postman>`.
pub trait Postman: Send + Sync {
    /// Has a notice delivered to an address, in the language of whoever has it there, in the caller's
    /// transaction.
    fn notify<'a>(
        &'a self,
        app: &'a App,
        tx: &'a Tx,
        to: &'a str,
        notice: Notice,
    ) -> BoxFuture<'a, Result<()>>;
}
