//! What Authentik tells of users and groups; of each only what is used.

use serde::Deserialize;
use serde_json::{Map, Value};

/// A user.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct User {
    /// The number of his row.
    pub pk: i64,
    /// His id.
    pub uuid: String,
    /// What tokens call him by default: a digest.
    pub uid: String,
    /// Sign-in name, unique.
    pub username: String,
    /// Name to show; may be empty.
    #[serde(default)]
    pub name: String,
    /// E-mail address; may be empty, and is not unique.
    #[serde(default)]
    pub email: String,
    /// Whether he may sign in. Whoever says nothing has said no bad word.
    #[serde(default = "yes")]
    pub is_active: bool,
    /// Whether he may do everything there.
    pub is_superuser: bool,
    /// `internal`, `external`, `service_account`, `internal_service_account`, or what a newer version knows.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// The folder that he lies in.
    #[serde(default)]
    pub path: String,
    /// What others keep about him.
    #[serde(default)]
    pub attributes: Map<String, Value>,
    /// Ids of the groups that he is in himself.
    #[serde(default)]
    pub groups: Vec<String>,
}

fn yes() -> bool {
    true
}

impl User {
    /// Whether he is nobody's member: somebody who rules Authentik, or a program.
    pub fn is_protected(&self) -> bool {
        self.is_superuser || self.kind.ends_with("service_account")
    }
}

/// A group.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Group {
    pub(crate) pk: String,
    pub(crate) name: String,
    /// Whoever is in it may do everything; in one below it as well.
    #[serde(default)]
    pub(crate) is_superuser: bool,
    /// Ids of the groups above it.
    #[serde(default)]
    pub(crate) parents: Vec<String>,
}

/// A page of users.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The users.
    pub users: Vec<User>,
    /// The number of the next page, if there is one.
    pub next: Option<u32>,
}

/// A page as Authentik sends it.
#[derive(Deserialize)]
pub(crate) struct Listed<T> {
    pub(crate) pagination: Pagination,
    pub(crate) results: Vec<T>,
}

#[derive(Deserialize)]
pub(crate) struct Pagination {
    /// A number by the document, 0 on the last page.
    next: f64,
    count: f64,
}

impl Pagination {
    pub(crate) fn next(&self) -> Option<u32> {
        // What is no page's number is the end; numbers of pages are small and whole.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float's cast saturates"
        )]
        let next = self.next as u32;
        (next > 0).then_some(next)
    }

    pub(crate) fn count(&self) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float's cast saturates"
        )]
        let count = self.count as u64;
        count
    }
}
