//! How Authentik's tokens call a user: the provider's subject mode (members, section 12.1).

use std::str::FromStr;

use base::{Error, Result};

use crate::{Known, User};

/// A subject mode. Providers of one installation may have different ones; this is that of the provider whose
/// tokens are believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SubMode {
    /// The member `uid`: Authentik's default. No user can be looked up by it.
    #[default]
    HashedUserId,
    /// The member `pk`.
    UserId,
    /// The member `uuid`.
    UserUuid,
    /// The sign-in name.
    UserUsername,
    /// The e-mail address.
    UserEmail,
    /// The attribute `upn`, or the member `uid` where there is none.
    UserUpn,
}

impl SubMode {
    /// Every mode.
    pub const ALL: [Self; 6] = [
        Self::HashedUserId,
        Self::UserId,
        Self::UserUuid,
        Self::UserUsername,
        Self::UserEmail,
        Self::UserUpn,
    ];

    /// As Authentik writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HashedUserId => "hashed_user_id",
            Self::UserId => "user_id",
            Self::UserUuid => "user_uuid",
            Self::UserUsername => "user_username",
            Self::UserEmail => "user_email",
            Self::UserUpn => "user_upn",
        }
    }

    /// What tokens call the user; empty where he has nothing to be called by.
    pub fn name_of(self, user: &User) -> String {
        match self {
            Self::HashedUserId => user.uid.clone(),
            Self::UserId => user.pk.to_string(),
            Self::UserUuid => user.uuid.clone(),
            Self::UserUsername => user.username.clone(),
            Self::UserEmail => user.email.clone(),
            Self::UserUpn => match user.attributes.get("upn").and_then(serde_json::Value::as_str) {
                Some(upn) => upn.to_owned(),
                None => user.uid.clone(),
            },
        }
    }

    /// What a name says about where its user is.
    pub(crate) fn locate(self, sub: &str) -> Known {
        match self {
            Self::UserId => Known { pk: sub.parse().ok(), ..Known::default() },
            Self::UserUuid => Known { uuid: Some(sub.to_owned()), ..Known::default() },
            _ => Known::default(),
        }
    }
}

impl FromStr for SubMode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or_else(|| Error::invalid("invalid_setting", format!("there is no subject mode {text:?}")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_mode_calls_a_user_as_authentik_does() {
        let user = |attributes: serde_json::Value| -> User {
            serde_json::from_value(json!({
                "pk": 12, "uuid": "0e6bd4b5-2b1e-4a2f-9d44-7a4b2f9f5c10", "uid": "6f3a", "username": "ann",
                "email": "ann@example.com", "is_superuser": false, "attributes": attributes,
            }))
            .unwrap()
        };
        let plain = user(json!({}));
        let subs: Vec<String> = SubMode::ALL.into_iter().map(|mode| mode.name_of(&plain)).collect();
        let uuid = "0e6bd4b5-2b1e-4a2f-9d44-7a4b2f9f5c10";
        assert_eq!(subs, ["6f3a", "12", uuid, "ann", "ann@example.com", "6f3a"]);
        assert_eq!(SubMode::UserUpn.name_of(&user(json!({ "upn": "ann@corp" }))), "ann@corp");
        for mode in SubMode::ALL {
            assert_eq!(mode.as_str().parse::<SubMode>().unwrap(), mode);
        }
        assert!("uuid".parse::<SubMode>().is_err());
    }
}
