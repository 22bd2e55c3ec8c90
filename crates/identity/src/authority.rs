//! Who a request comes from, and what that person is in an organisation: the kernel's [`Directory`].

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use base::{Error, Id, Result};
use futures_util::future::BoxFuture;
use http::{HeaderMap, header};
use kernel::{
    App, Reach,
    access::{DataScope, RoleStanding, Standing, version_table},
    port::{Admission, Credential, CredentialKind, Directory},
};
use sea_orm::{
    ColumnTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect,
    sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement},
};
use store::{Mode, Tx};

use crate::{
    credential::token::ApiKey,
    entity::{api_key, membership_role, organization, role_department},
    resource::{department, role, user},
    service::{AUDIENCE, Identity},
};

/// The directory over this crate's tables.
pub struct Authority;

fn ended() -> Error {
    Error::unauthenticated("session_ended", "the session has ended; sign in again")
}

/// The bearer token or API key of a request.
fn presented(headers: &HeaderMap) -> Result<Option<&str>> {
    let text = |name: header::HeaderName| headers.get(name).map(|value| value.to_str());
    if let Some(key) = text(header::HeaderName::from_static("x-api-key")) {
        return key
            .map(Some)
            .map_err(|_| Error::unauthenticated("invalid_api_key", "the API key is not valid"));
    }
    let bad = |code: &'static str| Error::unauthenticated(code, "send Authorization: Bearer <token>");
    match text(header::AUTHORIZATION) {
        None => Ok(None),
        Some(value) => {
            let value = value.map_err(|_| bad("authorization_malformed"))?.trim();
            if value.is_empty() {
                return Ok(None);
            }
            let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
            match (scheme.eq_ignore_ascii_case("bearer"), token.trim()) {
                (false, _) => Err(bad("authorization_scheme")),
                (true, token) if token.is_empty() || token.contains(' ') => {
                    Err(bad("authorization_malformed"))
                }
                (true, token) => Ok(Some(token)),
            }
        }
    }
}

async fn by_key(app: &App, text: &str) -> Result<Credential> {
    let refused = || Error::unauthenticated("invalid_api_key", "the API key is not valid");
    // The checksum is compared before any table is asked.
    let key = ApiKey::parse(text)?;
    let tx = app.system(Mode::Read).await?;
    let select = tx.find::<api_key::Entity>().filter(api_key::Column::Digest.eq(key.digest_hex()));
    let row = tx.one(select).await?.ok_or_else(refused)?;
    tx.commit().await?;
    Ok(Credential { user: row.user_id, org: Some(row.org_id), kind: CredentialKind::Key(row.id) })
}

impl Directory for Authority {
    fn authenticate<'a>(
        &'a self,
        app: &'a App,
        headers: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<Option<Credential>>> {
        Box::pin(async move {
            let Some(token) = presented(headers)? else { return Ok(None) };
            if token.starts_with("tnk_") {
                return by_key(app, token).await.map(Some);
            }
            let identity = Identity::of(app)?;
            let issuer = &identity.settings.issuer;
            let verify = || identity.keys().ring.verify(token, app.now(), issuer, AUDIENCE);
            let claims = match verify() {
                Err(_) if identity.reload_for_unknown_kid(app, token).await? => verify()?,
                outcome => outcome?,
            };
            Ok(Some(Credential {
                user: claims.sub,
                org: claims.org_id,
                kind: CredentialKind::Session(claims.sid),
            }))
        })
    }

    fn opening(&self, credential: &Credential) -> SelectStatement {
        let (session, key) = match credential.kind {
            CredentialKind::Session(id) => (Some(id), None),
            CredentialKind::Key(id) => (None, Some(id)),
            CredentialKind::Delegated => (None, None),
        };
        let is = |table: &str, column: &str, id: Option<Id>| {
            Expr::col((Alias::new(table), Alias::new(column))).eq(id)
        };
        let one = Query::select().expr_as(Expr::val(1), "one").to_owned();
        Query::select()
            .expr_as(Expr::col(("s", "org_id")), "session_org")
            .expr_as(Expr::col(("s", "user_id")), "session_user")
            .expr_as(Expr::col(("s", "revoked_at")), "session_revoked")
            .expr_as(Expr::col(("s", "idle_expires_at")), "session_idle")
            .expr_as(Expr::col(("s", "expires_at")), "session_expires")
            .expr_as(Expr::col(("k", "id")), "key_id")
            .expr_as(Expr::col(("k", "scopes")), "key_scopes")
            .expr_as(Expr::col(("k", "expires_at")), "key_expires")
            .expr_as(Expr::col(("k", "revoked_at")), "key_revoked")
            .expr_as(Expr::col(("u", "username")), "username")
            .expr_as(Expr::col(("u", "name")), "name")
            .expr_as(Expr::col(("u", "is_platform_admin")), "platform_admin")
            .expr_as(Expr::col(("u", "disabled_at")), "user_disabled")
            .expr_as(Expr::col(("v", "version")), "access_version")
            .from_subquery(one, "opening")
            .join_as(sea_orm::JoinType::LeftJoin, "session", "s", is("s", "id", session))
            .join_as(sea_orm::JoinType::LeftJoin, "api_key", "k", is("k", "id", key))
            .join_as(sea_orm::JoinType::LeftJoin, "app_user", "u", is("u", "id", Some(credential.user)))
            .join_as(sea_orm::JoinType::LeftJoin, version_table(), "v", is("v", "org_id", credential.org))
            .to_owned()
    }

    fn admit(&self, app: &App, credential: &Credential, row: &QueryResult) -> Result<Admission> {
        type At = Option<chrono::DateTime<chrono::Utc>>;
        let now = app.now();
        let scopes = match credential.kind {
            CredentialKind::Session(_) => {
                let user: Option<Id> = store::read(row, "session_user")?;
                let org: Option<Id> = store::read(row, "session_org")?;
                let revoked: At = store::read(row, "session_revoked")?;
                let (idle, expires): (At, At) =
                    (store::read(row, "session_idle")?, store::read(row, "session_expires")?);
                let live = |end: At| end.is_some_and(|end| now < end);
                if user != Some(credential.user) || org != credential.org || revoked.is_some() {
                    return Err(ended());
                }
                if !live(idle) || !live(expires) {
                    return Err(ended());
                }
                None
            }
            CredentialKind::Delegated => None,
            CredentialKind::Key(key) => {
                let id: Option<Id> = store::read(row, "key_id")?;
                let (expires, revoked): (At, At) =
                    (store::read(row, "key_expires")?, store::read(row, "key_revoked")?);
                if id.is_none() || revoked.is_some() || expires.is_some_and(|end| end <= now) {
                    return Err(Error::unauthenticated("invalid_api_key", "the API key is not valid"));
                }
                Identity::of(app)?.key_uses.note(key, now);
                let scopes: Option<serde_json::Value> = store::read(row, "key_scopes")?;
                scopes.map(serde_json::from_value).transpose().map_err(Error::internal)?
            }
        };
        let username: Option<String> = store::read(row, "username")?;
        let disabled: At = store::read(row, "user_disabled")?;
        if disabled.is_some() {
            return Err(ended());
        }
        let platform_admin: Option<bool> = store::read(row, "platform_admin")?;
        Ok(Admission {
            username: username.ok_or_else(ended)?,
            name: store::read::<Option<String>>(row, "name")?.unwrap_or_default(),
            platform_admin: platform_admin.unwrap_or_default(),
            access_version: store::read::<Option<i64>>(row, "access_version")?.unwrap_or_default(),
            scopes,
        })
    }

    fn home<'a>(&'a self, app: &'a App) -> BoxFuture<'a, Result<Option<Id>>> {
        Box::pin(async move {
            let tx = app.system(Mode::Read).await?;
            let select = tx
                .find::<organization::Entity>()
                .order_by_asc(organization::Column::CreatedAt)
                .order_by_asc(organization::Column::Id)
                .limit(1);
            let first = tx.one(select).await?;
            tx.commit().await?;
            Ok(first.map(|row| row.id))
        })
    }

    fn standing<'a>(&'a self, tx: &'a Tx, user: Id) -> BoxFuture<'a, Result<Option<Standing>>> {
        Box::pin(standing(tx, user))
    }
}

/// What a user is in the transaction's organisation.
pub async fn standing(tx: &Tx, user: Id) -> Result<Option<Standing>> {
    let Some(member) = tx.lookup::<user::entity::Entity>(user).await? else { return Ok(None) };
    if !member.active {
        return Ok(None);
    }
    // An organisation that is about to go is open to its owners only.
    let home = tx.lookup::<organization::Entity>(member.org_id).await?;
    if !member.is_owner && home.is_some_and(|home| home.deleting_at.is_some()) {
        return Ok(None);
    }
    let held = tx.find::<membership_role::Entity>().filter(membership_role::Column::UserId.eq(user));
    let ids: Vec<Id> = tx.all(held).await?.into_iter().map(|row| row.role_id).collect();
    let enabled = tx
        .find::<role::entity::Entity>()
        .filter(role::entity::Column::Id.is_in(ids.iter().copied()))
        .filter(role::entity::Column::Status.eq(crate::resource::Status::Enabled));
    let roles = tx.all(enabled).await?;
    let named = departments_of(tx, &roles).await?;
    let tree = if roles.iter().any(|role| role.data_scope == DataScope::DepartmentAndBelow) {
        department::Tree::load(tx).await?
    } else {
        department::Tree::default()
    };
    let reach = |role: &role::entity::Model| {
        let own_department = || member.department_id.into_iter().collect::<BTreeSet<Id>>();
        let (departments, own) = match role.data_scope {
            DataScope::All => return Reach::All,
            DataScope::Departments => (named.get(&role.id).cloned().unwrap_or_default(), false),
            DataScope::Department => (own_department(), false),
            DataScope::DepartmentAndBelow => {
                (member.department_id.map(|id| tree.below(id)).unwrap_or_default(), false)
            }
            DataScope::Own => (BTreeSet::new(), true),
        };
        Reach::Some { departments: Arc::new(departments), own }
    };
    let roles =
        roles.iter().map(|role| RoleStanding { id: role.id, name: role.name.clone(), reach: reach(role) });
    Ok(Some(Standing { owner: member.is_owner, roles: roles.collect(), assigned: ids }))
}

async fn departments_of(tx: &Tx, roles: &[role::entity::Model]) -> Result<BTreeMap<Id, BTreeSet<Id>>> {
    let custom = roles.iter().filter(|role| role.data_scope == DataScope::Departments).map(|role| role.id);
    let ids: Vec<Id> = custom.collect();
    let mut out: BTreeMap<Id, BTreeSet<Id>> = BTreeMap::new();
    if ids.is_empty() {
        return Ok(out);
    }
    let select = tx.find::<role_department::Entity>().filter(role_department::Column::RoleId.is_in(ids));
    for row in tx.all(select).await? {
        out.entry(row.role_id).or_default().insert(row.department_id);
    }
    Ok(out)
}
