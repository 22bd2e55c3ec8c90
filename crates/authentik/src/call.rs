//! The calls of the admin API, one function each. Every path ends with a slash: without it Authentik answers
//! 404.

use base::{Error, Id, Result};
use outbound::http::{Answer, Method};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use url::form_urlencoded::Serializer;

use crate::{
    Client, Page, User,
    trouble::{self, Trouble},
    user::{Group, Listed},
};

/// Users of a page; the installation may allow fewer.
const PAGE: u32 = 100;
/// Keeps answers small: neither groups nor roles are spelled out.
const BRIEF: [(&str, &str); 2] = [("include_groups", "false"), ("include_roles", "false")];

/// What became of a new user.
pub(crate) enum Created {
    /// He is there.
    Made(Box<User>),
    /// Authentik does not want him so, by its names of fields.
    Refused(Map<String, Value>),
    /// No answer came: he may be there or not.
    Unknown(Trouble),
}

fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T> {
    serde_json::from_slice(&answer.body)
        // The place and the kind of the mistake; nothing of the answer itself.
        .map_err(|cause| {
            trouble::unusable("an answer does not have the form that was expected").with_source(format!(
                "{:?} in line {}, column {}",
                cause.classify(),
                cause.line(),
                cause.column()
            ))
        })
}

fn query<'a>(path: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut query = Serializer::new(format!("{path}?"));
    query.extend_pairs(pairs);
    query.finish()
}

impl Client {
    async fn ask<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>> {
        let answer = self.get(path).await.map_err(Trouble::into_error)?;
        match answer.status {
            200 => read(&answer).map(Some),
            404 => Ok(None),
            _ => Err(trouble::refused(&answer)),
        }
    }

    async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Listed<T>> {
        self.ask(path).await?.ok_or_else(|| trouble::unusable("status 404 for a list"))
    }

    /// A user by the number of his row; `None` also when the token may not see him.
    ///
    /// Errors: 502, 503, 504.
    pub async fn user(&self, pk: i64) -> Result<Option<User>> {
        self.ask(&format!("/core/users/{pk}/")).await
    }

    /// Users of whom a member has exactly this value, and how many there are.
    pub(crate) async fn users_by(&self, member: &str, value: &str) -> Result<(Vec<User>, u64)> {
        let path = query("/core/users/", [(member, value), ("page_size", "5")].into_iter().chain(BRIEF));
        let listed: Listed<User> = self.list(&path).await?;
        Ok((listed.results, listed.pagination.count()))
    }

    /// A page of all users, from 1 on, the oldest first.
    ///
    /// Errors: 502, 503, 504.
    pub async fn page(&self, number: u32) -> Result<Page> {
        let (number, size) = (number.to_string(), PAGE.to_string());
        let pairs = [("ordering", "date_joined"), ("page", number.as_str()), ("page_size", size.as_str())];
        let listed: Listed<User> = self.list(&query("/core/users/", pairs.into_iter().chain(BRIEF))).await?;
        Ok(Page { next: listed.pagination.next(), users: listed.results })
    }

    /// Makes a user.
    pub(crate) async fn create(&self, user: &Value) -> Result<Created> {
        let answer = match self.tell(Method::POST, "/core/users/", user).await {
            Ok(answer) => answer,
            Err(trouble @ (Trouble::Silent(_) | Trouble::Unreachable(_))) => {
                return Ok(Created::Unknown(trouble));
            }
            Err(trouble) => return Err(trouble.into_error()),
        };
        match answer.status {
            201 => Ok(Created::Made(Box::new(read(&answer)?))),
            400 => {
                let complaints = trouble::complaints(&answer).ok_or_else(|| trouble::refused(&answer))?;
                Ok(Created::Refused(complaints))
            }
            _ => Err(trouble::refused(&answer)),
        }
    }

    /// Changes members of a user.
    pub(crate) async fn change(&self, pk: i64, changes: &Map<String, Value>) -> Result<User> {
        let body = Value::Object(changes.clone());
        let told = self.tell(Method::PATCH, &format!("/core/users/{pk}/"), &body).await;
        let answer = told.map_err(Trouble::into_error)?;
        match answer.status {
            200 => read(&answer),
            400 => Err(match trouble::complaints(&answer) {
                Some(complaints) => self.invalid(&complaints),
                None => trouble::refused(&answer),
            }),
            _ => Err(trouble::refused(&answer)),
        }
    }

    /// 422 with Authentik's words.
    #[track_caller]
    pub(crate) fn invalid(&self, complaints: &Map<String, Value>) -> Error {
        trouble::invalid(complaints, |text| self.hide(text))
    }

    /// The groups of exactly that name: none, one, or, where names were made before they had to be unique,
    /// several.
    pub(crate) async fn groups_named(&self, name: &str) -> Result<Vec<Group>> {
        let pairs = [("name", name), ("include_users", "false")];
        let listed: Listed<Group> = self.list(&query("/core/groups/", pairs)).await?;
        Ok(listed.results.into_iter().filter(|group| group.name == name).collect())
    }

    /// A group by its id.
    pub(crate) async fn group(&self, id: Id) -> Result<Option<Group>> {
        self.ask(&query(&format!("/core/groups/{id}/"), [("include_users", "false")])).await
    }

    /// Puts a user into a group; again does no harm.
    pub(crate) async fn join(&self, group: &str, user: i64) -> Result<()> {
        let path = format!("/core/groups/{group}/add_user/");
        let answer = self.tell(Method::POST, &path, &json!({ "pk": user })).await;
        let answer = answer.map_err(Trouble::into_error)?;
        if answer.status == 204 { Ok(()) } else { Err(trouble::refused(&answer)) }
    }

    /// Whether a letter with a link for a new password can be asked for.
    pub fn can_mail_recovery(&self) -> bool {
        self.recovery_stage().is_some()
    }

    /// Has Authentik mail a user a link for a new password.
    ///
    /// Errors: 409 `conflict` when Authentik does not send it (no recovery flow, no address); 502, 503, 504.
    pub async fn mail_recovery(&self, user: i64) -> Result<()> {
        let stage = self.recovery_stage().ok_or_else(|| Error::internal("no stage mails links"))?;
        let path = format!("/core/users/{user}/recovery_email/");
        let answer = self.tell(Method::POST, &path, &json!({ "email_stage": stage })).await;
        let answer = answer.map_err(Trouble::into_error)?;
        match answer.status {
            204 => Ok(()),
            400 => Err(Error::conflict(
                "conflict",
                "Authentik cannot mail a link: it has no recovery flow, or no address",
            )),
            _ => Err(trouble::refused(&answer)),
        }
    }
}
