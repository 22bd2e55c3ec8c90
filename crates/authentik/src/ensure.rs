//! Making a user be as he is wished (members, section 12.3): found or made, changed where he differs, put
//! into groups. A second time does nothing.

use std::time::Duration;

use base::{Error, FieldError, Result};
use serde_json::{Map, Value, json};

use crate::{
    Client, User,
    call::Created,
    trouble::{self, Trouble},
    user::Group,
};

/// The time for all calls about one user: the caller's own patience is not much longer.
const DEADLINE: Duration = Duration::from_secs(20);

/// A user as he shall be; `None` leaves a member as it is.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// His number, if he must be there already.
    pub pk: Option<i64>,
    /// What tokens call him, if he must be there already.
    pub sub: Option<String>,
    /// Sign-in name; absent: the e-mail address in lower case, for a user who is found by it or made.
    pub username: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Name to show.
    pub name: Option<String>,
    /// Whether he may sign in; a new user may.
    pub is_active: Option<bool>,
    /// The folder that he shall lie in.
    pub path: Option<String>,
    /// What shall be kept about him: added to what others keep; null takes a member away.
    pub attributes: Map<String, Value>,
    /// Groups that he shall be in as well, by id or name.
    pub groups: Vec<String>,
}

/// What is known here of where a user is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The number of his row.
    pub pk: Option<i64>,
    /// His id.
    pub uuid: Option<String>,
}

/// What was done so far; also when it ended with an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Whether the user was made.
    pub created: bool,
    /// What of him was changed: `attributes`, `email`, `groups`, `is_active`, `name`, `path`, `username`.
    pub changed: Vec<&'static str>,
    /// His number.
    pub pk: Option<i64>,
}

/// A user who is as he was wished.
#[derive(Clone, Debug, PartialEq)]
pub struct Ensured {
    /// The user.
    pub user: User,
    /// What tokens call him.
    pub sub: String,
}

/// 409 `conflict` about a field.
#[track_caller]
pub(crate) fn conflict(field: &str, why: &'static str) -> Error {
    Error::conflict("conflict", format!("{field} {why}"))
        .with_fields(vec![FieldError::new(field, "conflict", why)])
}

impl Known {
    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        self.pk.is_none() && self.uuid.is_none()
    }
}

impl Wish {
    /// The sign-in name that a user is looked up by, or made with.
    pub(crate) fn username_or_email(&self) -> Option<String> {
        self.username.clone().or_else(|| self.email.as_ref().map(|email| email.to_lowercase()))
    }

    /// Whose turn it is: one user under one name.
    fn turn(&self, known: &Known) -> String {
        match (known.uuid.as_ref(), known.pk.or(self.pk), &self.sub, self.username_or_email()) {
            (Some(uuid), ..) => format!("uuid {uuid}"),
            (_, Some(pk), ..) => format!("pk {pk}"),
            (_, _, Some(sub), _) => format!("sub {sub}"),
            (.., username) => format!("username {}", username.unwrap_or_default()),
        }
    }

    fn new_user(&self, username: &str) -> Value {
        let mut user = json!({
            "username": username,
            "name": self.name.clone().unwrap_or_default(),
            "is_active": self.is_active.unwrap_or(true),
        });
        if let Some(email) = &self.email {
            user["email"] = json!(email);
        }
        if let Some(path) = &self.path {
            user["path"] = json!(path);
        }
        let attributes = self.attributes.iter().filter(|(_, value)| !value.is_null());
        let attributes: Map<String, Value> = attributes.map(|(k, v)| (k.clone(), v.clone())).collect();
        if !attributes.is_empty() {
            user["attributes"] = Value::Object(attributes);
        }
        user
    }

    /// What differs, as it shall be. Attributes are replaced there, so they are sent with what others keep.
    fn differences(&self, user: &User) -> Map<String, Value> {
        let texts = [
            ("email", &self.email, &user.email),
            ("name", &self.name, &user.name),
            ("path", &self.path, &user.path),
            ("username", &self.username, &user.username),
        ];
        let mut changes = Map::new();
        for (member, wished, is) in texts {
            if let Some(wished) = wished.as_ref().filter(|wished| *wished != is) {
                changes.insert(member.to_owned(), json!(wished));
            }
        }
        if let Some(wished) = self.is_active.filter(|wished| *wished != user.is_active) {
            changes.insert("is_active".to_owned(), json!(wished));
        }
        let mut attributes = user.attributes.clone();
        for (name, value) in &self.attributes {
            match value {
                Value::Null => drop(attributes.shift_remove(name)),
                value => drop(attributes.insert(name.clone(), value.clone())),
            }
        }
        if attributes != user.attributes {
            changes.insert("attributes".to_owned(), Value::Object(attributes));
        }
        changes
    }
}

/// The names of members as progress has them.
const MEMBERS: [&str; 6] = ["attributes", "email", "is_active", "name", "path", "username"];

impl Client {
    /// Makes a user be as he is wished. What was done is in `progress`, whatever comes of it.
    ///
    /// Errors: 404 `user_not_found`; 409 `protected_account`, `protected_group`, `conflict`; 422 with
    /// Authentik's words; 502, 503, 504.
    pub async fn ensure(&self, wish: &Wish, known: &Known, progress: &mut Progress) -> Result<Ensured> {
        let work = async {
            let _turn = self.turns().take(&wish.turn(known)).await;
            self.make(wish, known, progress).await
        };
        tokio::time::timeout(DEADLINE, work).await.map_err(|_| trouble::timeout())?
    }

    async fn make(&self, wish: &Wish, known: &Known, progress: &mut Progress) -> Result<Ensured> {
        let groups = self.groups(&wish.groups).await?;
        let user = match self.find(wish, known).await? {
            Some(user) => self.adapt(user, wish, progress).await?,
            None => self.add(wish, progress).await?,
        };
        progress.pk = Some(user.pk);
        let user = self.join_all(user, &groups, progress).await?;
        let sub = self.sub_mode().name_of(&user);
        if sub.is_empty() {
            let detail = "this user has nothing that tokens could call him by";
            return Err(Error::conflict("conflict", detail));
        }
        Ok(Ensured { user, sub })
    }

    async fn add(&self, wish: &Wish, progress: &mut Progress) -> Result<User> {
        let Some(username) = wish.username_or_email() else {
            return Err(Error::not_found("user_not_found", "Authentik knows no such user"));
        };
        let new = wish.new_user(&username);
        match self.create(&new).await? {
            Created::Made(user) => Ok(Self::made(*user, progress)),
            Created::Refused(complaints) => match self.winner(wish, &username, &complaints).await? {
                Some(user) => self.adapt(user, wish, progress).await,
                None => Err(self.invalid(&complaints)),
            },
            // He may be there: nobody is made twice without a look.
            Created::Unknown(_) => match self.by_username(&username).await? {
                Some(user) => {
                    // Nobody had the name a moment ago.
                    progress.created = true;
                    self.adapt(self.own(user, wish)?, wish, progress).await
                }
                None => match self.create(&new).await? {
                    Created::Made(user) => Ok(Self::made(*user, progress)),
                    Created::Refused(complaints) => Err(self.invalid(&complaints)),
                    Created::Unknown(trouble) => Err(Trouble::into_error(trouble)),
                },
            },
        }
    }

    fn made(user: User, progress: &mut Progress) -> User {
        progress.created = true;
        user
    }

    /// Whoever has made the user a moment before, if that is why the name is refused.
    async fn winner(
        &self,
        wish: &Wish,
        username: &str,
        complaints: &Map<String, Value>,
    ) -> Result<Option<User>> {
        if !complaints.contains_key("username") {
            return Ok(None);
        }
        self.by_username(username).await?.map(|user| self.own(user, wish)).transpose()
    }

    async fn adapt(&self, user: User, wish: &Wish, progress: &mut Progress) -> Result<User> {
        progress.pk = Some(user.pk);
        if user.is_protected() {
            let detail = "this account rules Authentik or belongs to a program; it is not changed from here";
            return Err(Error::conflict("protected_account", detail));
        }
        let changes = wish.differences(&user);
        if changes.is_empty() {
            return Ok(user);
        }
        let changed = self.change(user.pk, &changes).await?;
        progress.changed.extend(MEMBERS.into_iter().filter(|member| changes.contains_key(*member)));
        Ok(changed)
    }

    async fn join_all(&self, mut user: User, groups: &[Group], progress: &mut Progress) -> Result<User> {
        for group in groups.iter().filter(|group| !user.groups.contains(&group.pk)).collect::<Vec<_>>() {
            self.join(&group.pk, user.pk).await?;
            user.groups.push(group.pk.clone());
            if !progress.changed.contains(&"groups") {
                progress.changed.push("groups");
            }
        }
        progress.changed.sort_unstable();
        Ok(user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> User {
        serde_json::from_value(json!({
            "pk": 1, "uuid": "u", "uid": "h", "username": "ann", "email": "ann@example.com", "name": "Ann",
            "is_superuser": false, "path": "users", "attributes": { "theirs": 1, "ours": "a" },
        }))
        .unwrap()
    }

    #[test]
    fn only_what_differs_is_sent_and_attributes_of_others_stay() {
        let Value::Object(attributes) = json!({ "ours": "b", "gone": null }) else { unreachable!() };
        let wish = Wish { email: Some("ann@example.com".into()), attributes, ..Wish::default() };
        let changes = Value::Object(wish.differences(&user()));
        assert_eq!(changes, json!({ "attributes": { "theirs": 1, "ours": "b" } }));
        let Value::Object(attributes) = json!({ "theirs": null, "ours": "a" }) else { unreachable!() };
        let changes = Wish { attributes, ..Wish::default() }.differences(&user());
        assert_eq!(Value::Object(changes), json!({ "attributes": { "ours": "a" } }));
        assert!(
            Wish { name: Some("Ann".into()), is_active: Some(true), ..Wish::default() }
                .differences(&user())
                .is_empty()
        );
    }

    #[test]
    fn a_user_without_a_told_name_is_called_by_his_whole_address() {
        let wish = Wish { email: Some("Ann.B@Example.com".into()), ..Wish::default() };
        assert_eq!(wish.username_or_email().as_deref(), Some("ann.b@example.com"));
        let new = wish.new_user("ann.b@example.com");
        assert_eq!((&new["is_active"], &new["name"]), (&json!(true), &json!("")));
        assert!(new.get("path").is_none() && new.get("attributes").is_none());
    }
}
