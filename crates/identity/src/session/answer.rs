//! The answer to a sign-in, a refresh and a switch of organisation.

use base::{Id, Result, Secret, Timestamp, secret::ExposeSecret};
use kernel::Cx;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    account::Belonging,
    credential::jwt::Claims,
    entity::{app_user, organization, session},
    service::{AUDIENCE, Identity},
};

/// Who signed in, and the tokens that prove it. No `Debug`: it is full of secrets.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SignedIn")]
pub struct SignedIn {
    /// For `Authorization: Bearer …`.
    pub access_token: String,
    /// For the next pair of tokens; good once.
    pub refresh_token: String,
    /// `Bearer`.
    pub token_type: String,
    /// Seconds that the access token lives.
    pub expires_in: u64,
    /// Who.
    pub user: UserView,
    /// Where the session works; `null` for somebody without membership.
    pub organization: Option<OrganizationView>,
    /// Where else it could.
    pub organizations: Vec<OrganizationView>,
}

/// A person as he sees himself.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "CurrentUser")]
pub struct UserView {
    /// Id.
    pub id: Id,
    /// Sign-in name.
    pub username: String,
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Whether the address is proven and signs in.
    pub email_verified: bool,
    /// Language.
    pub locale: String,
    /// IANA time zone; `null` while none is chosen.
    pub time_zone: Option<String>,
    /// Administers the installation.
    pub is_platform_admin: bool,
    /// Since when there is an account.
    pub created_at: Timestamp,
}

impl From<&app_user::Model> for UserView {
    fn from(user: &app_user::Model) -> Self {
        Self {
            id: user.id,
            username: user.username.clone(),
            name: user.name.clone(),
            email: user.email.clone(),
            email_verified: user.login_email.is_some(),
            locale: user.locale.clone(),
            time_zone: Some(user.time_zone.clone()).filter(|zone| !zone.is_empty()),
            is_platform_admin: user.is_platform_admin,
            created_at: user.created_at.into(),
        }
    }
}

/// An organisation as its member sees it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "OwnOrganization")]
pub struct OrganizationView {
    /// Id.
    pub id: Id,
    /// Name.
    pub name: String,
    /// The name in letters and digits, for file names.
    pub slug: String,
    /// Whether the member owns it.
    pub is_owner: bool,
}

impl From<&Belonging> for OrganizationView {
    fn from(belonging: &Belonging) -> Self {
        Self {
            id: belonging.organization.id,
            name: belonging.organization.name.clone(),
            slug: slug(&belonging.organization),
            is_owner: belonging.membership.is_owner,
        }
    }
}

/// An organisation's name in lower-case ASCII letters, digits and hyphens; where nothing is left of
/// it, a part of its id.
pub fn slug(organization: &organization::Model) -> String {
    let folded = base::text::fold(&organization.name);
    let words = folded.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let slug: String = words.collect::<Vec<_>>().join("-").chars().take(60).collect();
    if slug.is_empty() {
        let tail: String = organization.id.simple().to_string().chars().skip(24).collect();
        return format!("org-{tail}");
    }
    slug
}

/// Signs an access token for a session and puts the answer together.
pub(super) fn compose(
    cx: &Cx,
    user: &app_user::Model,
    session: &session::Model,
    belongings: &[Belonging],
    refresh: Secret,
) -> Result<SignedIn> {
    let identity = Identity::of(&cx.app)?;
    let now = cx.now();
    let life = identity.settings.access.as_secs();
    let claims = Claims {
        iss: identity.settings.issuer.clone(),
        aud: AUDIENCE.to_owned(),
        sub: user.id,
        name: user.name.clone(),
        org_id: session.org_id,
        sid: session.id,
        jti: cx.app.new_id(),
        iat: now.timestamp(),
        exp: now.timestamp().saturating_add(i64::try_from(life).unwrap_or(i64::MAX)),
    };
    let open = || belongings.iter().filter(|belonging| belonging.is_open());
    Ok(SignedIn {
        access_token: identity.keys().ring.sign(&claims)?,
        refresh_token: refresh.expose_secret().to_owned(),
        token_type: "Bearer".to_owned(),
        expires_in: life,
        user: user.into(),
        organization: open()
            .find(|belonging| Some(belonging.organization.id) == session.org_id)
            .map(OrganizationView::from),
        organizations: open().map(OrganizationView::from).collect(),
    })
}
