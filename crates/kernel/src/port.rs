//! Ports: what the kernel asks of a module that it does not know.

use base::{Id, Result};
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
