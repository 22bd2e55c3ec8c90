//! An account and a member on the wire.

use ::authentik::User;
use base::{Error, FieldError, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use validator::Validate;

use crate::fields::{UserView, check_sub, present};

/// Characters of a sign-in name at Authentik.
const USERNAME: usize = 150;
/// Characters of a group's name.
const GROUP: usize = 150;
/// Bytes of attributes, as JSON.
const ATTRIBUTES: usize = 16 * 1024;

/// A user as he shall be at Authentik and here. What is absent stays as it is.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AuthentikEnsure")]
pub struct Wish {
    /// Sign-in name; absent: the whole e-mail address in lower case.
    #[validate(length(min = 1, max = 150))]
    username: Option<String>,
    /// E-mail address; needed where neither `authentik_user_pk` nor `authentik_sub` says who is meant.
    #[validate(email, length(max = 254))]
    email: Option<String>,
    /// Name to show; null clears it.
    #[serde(default, deserialize_with = "present")]
    #[validate(length(max = 120))]
    display_name: Option<Option<String>>,
    /// Whether he may sign in there and work here; a new user may.
    is_active: Option<bool>,
    /// The folder that he shall lie in, such as `users/shop`.
    #[validate(length(min = 1, max = 200))]
    path: Option<String>,
    /// What shall be kept about him there, beside what others keep; null takes a member away.
    attributes: Option<Map<String, Value>>,
    /// Names or ids of groups that he shall be in as well.
    #[serde(default)]
    #[validate(length(max = 50))]
    groups: Vec<String>,
    /// The number of a user who must be there already.
    #[validate(range(min = 1))]
    authentik_user_pk: Option<i64>,
    /// What the issuer calls a user who must be there already.
    authentik_sub: Option<String>,
    /// Whether Authentik shall mail him a link for a new password, each time.
    #[serde(default)]
    send_recovery_email: bool,
}

/// The address with its domain in lower case; what stands before it belongs to the receiver.
fn address(email: &str) -> String {
    match email.rsplit_once('@') {
        Some((local, domain)) => format!("{local}@{}", domain.to_lowercase()),
        None => email.to_owned(),
    }
}

fn is_path(path: &str) -> bool {
    path.split('/').all(|segment| !segment.trim().is_empty())
}

impl Wish {
    /// Whether a letter is to be sent.
    pub fn wants_letter(&self) -> bool {
        self.send_recovery_email
    }

    /// Whether he may work, if that was told.
    pub fn is_active(&self) -> Option<bool> {
        self.is_active
    }

    /// What types cannot say.
    fn check(&self) -> Result<()> {
        let mut errors = Vec::new();
        let mut wrong = |field: String, code: &str, message: &str| {
            errors.push(FieldError::new(field, code, message));
        };
        let is_told = self.authentik_user_pk.is_some() || self.authentik_sub.is_some();
        if self.email.is_none() && !is_told {
            let message = "is needed where neither authentik_user_pk nor authentik_sub is told";
            wrong("email".into(), "required", message);
        }
        if self.authentik_user_pk.is_some() && self.authentik_sub.is_some() {
            wrong("authentik_sub".into(), "ambiguous", "tell either this or authentik_user_pk");
        }
        if self.username.as_deref().is_some_and(|name| name.trim() != name) {
            wrong("username".into(), "invalid_format", "must not begin or end with a blank");
        }
        let is_long = self.email.as_ref().is_some_and(|email| email.chars().count() > USERNAME);
        if is_long && self.username.is_none() && !is_told {
            wrong("username".into(), "required", "is needed where the address is longer than a sign-in name");
        }
        if self.path.as_deref().is_some_and(|path| !is_path(path)) {
            wrong("path".into(), "invalid_format", "must be names with single slashes between them");
        }
        let size = self.attributes.as_ref().map_or(0, |map| serde_json::json!(map).to_string().len());
        if size > ATTRIBUTES {
            wrong("attributes".into(), "too_long", "must not be longer than 16 KiB");
        }
        for (at, group) in self.groups.iter().enumerate() {
            if group.trim().is_empty() || group.chars().count() > GROUP {
                wrong(format!("groups.{at}"), "length", "must have 1 to 150 characters");
            }
        }
        if !errors.is_empty() {
            return Err(Error::fields(errors));
        }
        self.authentik_sub.as_deref().map_or(Ok(()), |sub| check_sub("authentik_sub", sub))
    }

    /// The same for Authentik.
    ///
    /// Errors: 422.
    pub fn checked(&self) -> Result<::authentik::Wish> {
        self.check()?;
        Ok(::authentik::Wish {
            pk: self.authentik_user_pk,
            sub: self.authentik_sub.clone(),
            username: self.username.clone(),
            email: self.email.as_deref().map(address),
            name: self.display_name.clone().map(Option::unwrap_or_default),
            is_active: self.is_active,
            path: self.path.clone(),
            attributes: self.attributes.clone().unwrap_or_default(),
            groups: self.groups.clone(),
        })
    }
}

/// A user of Authentik.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuthentikUser")]
pub struct Account {
    /// The number of his row.
    pk: i64,
    /// His id.
    uuid: String,
    /// What tokens call him by default.
    uid: String,
    /// Sign-in name.
    username: String,
    /// E-mail address.
    email: String,
    /// Name to show.
    name: String,
    /// Whether he may sign in.
    is_active: bool,
    /// `internal`, `external`, or what a newer version knows.
    #[serde(rename = "type")]
    kind: String,
    /// The folder that he lies in.
    path: String,
}

impl From<User> for Account {
    fn from(user: User) -> Self {
        let User { pk, uuid, uid, username, email, name, is_active, kind, path, .. } = user;
        Self { pk, uuid, uid, username, email, name, is_active, kind, path }
    }
}

/// A user who is as he was wished, there and here.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuthentikEnsured")]
pub struct Ensured {
    /// Whether he was new at Authentik.
    pub created: bool,
    /// What was changed there: `attributes`, `email`, `groups`, `is_active`, `name`, `path`, `username`.
    pub changed: Vec<&'static str>,
    /// As he is there.
    pub authentik: Account,
    /// What the issuer calls him.
    pub authentik_sub: String,
    /// As he is here.
    pub user: UserView,
    /// Whether a letter was sent.
    pub recovery_email_sent: bool,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(body: Value) -> Vec<String> {
        let wish: Wish = serde_json::from_value(body).unwrap();
        let error = wish.checked().unwrap_err();
        error.field_errors().iter().map(|one| one.field.clone()).collect()
    }

    #[test]
    fn what_types_cannot_say_is_refused_by_field() {
        assert_eq!(refused(json!({ "username": " a", "path": "/a" })), ["email", "username", "path"]);
        assert_eq!(refused(json!({ "authentik_user_pk": 1, "authentik_sub": "a" })), ["authentik_sub"]);
        assert_eq!(refused(json!({ "authentik_sub": " a" })), ["authentik_sub"]);
        let long = json!({ "email": format!("{}@example.com", "a".repeat(150)), "groups": ["a", ""] });
        assert_eq!(refused(long), ["username", "groups.1"]);
        let big = json!({ "email": "a@b.c", "attributes": { "a": "b".repeat(20_000) } });
        assert_eq!(refused(big), ["attributes"]);
    }

    #[test]
    fn only_the_domain_of_an_address_is_folded() {
        let wish: Wish =
            serde_json::from_value(json!({ "email": "Ann@EXAMPLE.com", "display_name": null })).unwrap();
        let wish = wish.checked().unwrap();
        assert_eq!((wish.email.as_deref(), wish.name.as_deref()), (Some("Ann@example.com"), Some("")));
    }
}
