//! Which user is meant, and which groups.

use base::{Error, FieldError, Id, Result};

use crate::{Client, Known, User, Wish, ensure::conflict, trouble, user::Group};

/// Groups above a group that are looked at.
const ANCESTORS: usize = 32;

impl Client {
    async fn only(&self, member: &str, value: &str, is: impl Fn(&User) -> bool) -> Result<Option<User>> {
        let (users, _) = self.users_by(member, value).await?;
        // A server that does not know a filter answers with anybody.
        Ok(users.into_iter().find(is))
    }

    /// The user of exactly that sign-in name.
    pub(crate) async fn by_username(&self, username: &str) -> Result<Option<User>> {
        self.only("username", username, |user| user.username == username).await
    }

    /// The user of what is known of him: his number, unless it has become somebody else's, or his id.
    ///
    /// Errors: 502, 503, 504.
    pub async fn find_known(&self, known: &Known) -> Result<Option<User>> {
        let is_same =
            |user: &User| known.uuid.as_deref().is_none_or(|uuid| uuid.eq_ignore_ascii_case(&user.uuid));
        if let Some(pk) = known.pk
            && let Some(user) = self.user(pk).await?.filter(is_same)
        {
            return Ok(Some(user));
        }
        match known.uuid.as_deref().filter(|uuid| uuid.parse::<Id>().is_ok()) {
            Some(uuid) => self.only("uuid", uuid, is_same).await,
            None => Ok(None),
        }
    }

    /// The user who is meant (members, section 12.3). E-mail addresses are not unique and proven by nobody:
    /// one leads to a user only when no sign-in name was told and no other user has it.
    ///
    /// Errors: 404 `user_not_found` when a number or a name of tokens was told that nobody has; 409
    /// `conflict`.
    pub(crate) async fn find(&self, wish: &Wish, known: &Known) -> Result<Option<User>> {
        let nobody = || Error::not_found("user_not_found", "Authentik knows no such user");
        let located = match (&wish.sub, known.is_empty()) {
            (Some(sub), true) => self.sub_mode().locate(sub),
            _ => known.clone(),
        };
        if let Some(user) = self.find_known(&located).await? {
            return Ok(Some(user));
        }
        if wish.pk.is_some() {
            return Err(nobody());
        }
        let found = match wish.username_or_email() {
            None => None,
            Some(username) => match self.by_username(&username).await? {
                Some(user) => Some(self.own(user, wish)?),
                None => self.by_email(wish).await?,
            },
        };
        match (&wish.sub, &found) {
            (Some(_), None) => Err(nobody()),
            (Some(sub), Some(user)) if self.sub_mode().name_of(user) != *sub => {
                Err(conflict("authentik_sub", "the user of that name or address is called otherwise"))
            }
            _ => Ok(found),
        }
    }

    /// The user of a sign-in name, unless the address says that he is somebody else.
    pub(crate) fn own(&self, user: User, wish: &Wish) -> Result<User> {
        match &wish.email {
            Some(email) if !user.email.is_empty() && !email.eq_ignore_ascii_case(&user.email) => {
                Err(conflict("username", "is the sign-in name of a user with another e-mail address"))
            }
            _ => Ok(user),
        }
    }

    async fn by_email(&self, wish: &Wish) -> Result<Option<User>> {
        let Some(email) = &wish.email else { return Ok(None) };
        let (users, count) = self.users_by("email", email).await?;
        let mut same = users.into_iter().filter(|user| user.email.eq_ignore_ascii_case(email));
        match (same.next(), count, &wish.username) {
            (None, ..) => Ok(None),
            (Some(user), 1, None) => Ok(Some(user)),
            (Some(_), 1, Some(_)) => {
                Err(conflict("email", "is the address of a user with another sign-in name"))
            }
            (Some(_), ..) => {
                Err(conflict("email", "is the address of several users; say which one is meant"))
            }
        }
    }

    /// Groups by id or name. Whoever is in a group that may do everything, or in one below it, rules
    /// Authentik: nobody is put there.
    ///
    /// Errors: 422 on `groups.N`; 409 `protected_group`.
    pub(crate) async fn groups(&self, named: &[String]) -> Result<Vec<Group>> {
        let mut groups: Vec<Group> = Vec::new();
        for (at, name) in named.iter().enumerate() {
            let mut found = match name.parse::<Id>() {
                Ok(id) => self.group(id).await?.into_iter().collect(),
                Err(_) => self.groups_named(name).await?,
            };
            let wrong = |code: &str, message: &str| Error::field(format!("groups.{at}"), code, message);
            let group = match (found.pop(), found.is_empty()) {
                (Some(group), true) => group,
                (None, _) => return Err(wrong("unknown_reference", "there is no such group")),
                _ => return Err(wrong("ambiguous", "there are several groups of that name; use an id")),
            };
            if self.is_ruling(&group).await? {
                let field = FieldError::new(format!("groups.{at}"), "protected_group", "rules Authentik");
                let detail = "a group whose members may do everything at Authentik takes nobody from here";
                return Err(Error::conflict("protected_group", detail).with_fields(vec![field]));
            }
            if groups.iter().all(|known| known.pk != group.pk) {
                groups.push(group);
            }
        }
        Ok(groups)
    }

    async fn is_ruling(&self, group: &Group) -> Result<bool> {
        if group.is_superuser {
            return Ok(true);
        }
        let (mut above, mut at) = (group.parents.clone(), 0);
        while let Some(id) = above.get(at).cloned() {
            at += 1;
            if at > ANCESTORS {
                return Err(trouble::unusable("a group has too many groups above it"));
            }
            let id: Id = id.parse().map_err(|_| trouble::unusable("a group's id is none"))?;
            // What cannot be seen cannot be judged.
            let parent = self.group(id).await?;
            let parent = parent.ok_or_else(|| trouble::unusable("a group above a group cannot be seen"))?;
            if parent.is_superuser {
                return Ok(true);
            }
            let new = parent.parents.into_iter().filter(|id| !above.contains(id)).collect::<Vec<_>>();
            above.extend(new);
        }
        Ok(false)
    }
}
