//! Set-up: the first person and the first organisation, once (decision 5.2, ASVS 6.3.2).
//!
//! There is no default account. Until somebody has set the installation up, whoever holds the set-up
//! token may, or, in development, whoever sits at this machine.

use base::{Error, Result, Secret, secret, secret::ExposeSecret};
use kernel::{
    ActorKind, Api, App, Created, Cx, Json,
    audit::{self, Event, Who},
    http::origin,
};
use schemars::JsonSchema;
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Mode, Opening, Role, Tx};
use validator::Validate;

use crate::{
    account::{self, By, LOCALES, NewUser, TIME_ZONE},
    credential::policy,
    entity::{app_user, organization as organization_entity, setting},
    organization,
    service::Identity,
    session::{self, SignedIn},
};

/// The row whose insertion decides who sets the installation up.
const INITIALIZED: &str = "initialized";

/// Registers the routes.
pub fn mount(api: &mut Api) {
    let mut auth = api.public("auth");
    auth.get("check_init", "/api/auth/check-init", "Read what the sign-in page needs", check_init);
    auth.post(
        "init_user",
        "/api/auth/init-user",
        "Set up: the first administrator and organisation",
        init_user,
    )
    .secret()
    .parameters(vec![json!({
        "name": "X-Setup-Token", "in": "header", "required": false, "schema": { "type": "string" },
        "description": "The set-up token, where it is asked for"
    })])
    .problems(&[401, 409, 429])
    .example(json!({
        "username": "admin", "password": "correct horse battery staple", "organization": "Example Ltd",
        "locale": "en-US"
    }));
}

/// What the sign-in page must know.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CheckInit")]
struct CheckInit {
    /// Whether somebody has set the installation up.
    initialized: bool,
    /// Product name.
    app_name: String,
    /// Languages.
    locales: Vec<String>,
    /// Characters of a password; before set-up, of the administrator's.
    password_min: usize,
    /// Whether mail leaves the machine.
    mail_enabled: bool,
    /// Whether set-up asks this caller for the token.
    setup_token_required: bool,
}

/// Whether somebody has set the installation up.
pub async fn is_initialized(tx: &Tx) -> Result<bool> {
    let row = tx.find::<setting::Entity>().filter(setting::Column::Name.eq(INITIALIZED));
    tx.one(row).await.map(|row| row.is_some())
}

async fn initialized(app: &App) -> Result<bool> {
    let tx = app.system(Mode::Read).await?;
    let found = is_initialized(&tx).await?;
    tx.commit().await?;
    Ok(found)
}

/// Without a forwarding header the client's address is the peer's; with one, nobody is local.
fn is_trusted_place(cx: &Cx) -> bool {
    cx.app.settings().dev && origin::is_local(cx.origin.ip, &cx.headers)
}

async fn check_init(cx: &Cx) -> Result<Json<CheckInit>> {
    let identity = Identity::of(&cx.app)?;
    let initialized = initialized(&cx.app).await?;
    let min = identity.settings.password_min;
    Ok(Json(CheckInit {
        initialized,
        app_name: cx.app.settings().app_name.clone(),
        locales: LOCALES.map(str::to_owned).to_vec(),
        password_min: if initialized { min } else { min.max(policy::MIN_ADMIN) },
        mail_enabled: identity.mailer.is_smtp(),
        setup_token_required: !initialized && !is_trusted_place(cx),
    }))
}

/// The first administrator and the first organisation.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Setup")]
struct Setup {
    /// Sign-in name: 2 to 64 letters, digits and `._-@`.
    #[validate(length(min = 2, max = 64))]
    username: String,
    /// At least 12 characters.
    #[validate(length(max = 256))]
    password: String,
    /// E-mail address.
    #[validate(length(max = 254))]
    email: Option<String>,
    /// Name to show.
    #[validate(length(max = 120))]
    name: Option<String>,
    /// Name of the organisation; without it, that of the product.
    #[validate(length(max = 120))]
    organization: Option<String>,
    /// Language.
    locale: Option<String>,
}

fn already() -> Error {
    Error::conflict("already_initialized", "the installation has been set up already")
}

/// 401 unless the caller holds the set-up token or sits at this machine in development.
async fn authorize(cx: &Cx) -> Result<()> {
    if is_trusted_place(cx) {
        return Ok(());
    }
    cx.app.limit(&format!("setup:{}", cx.origin.network()), 20, std::time::Duration::from_secs(900)).await?;
    let sent = cx.headers.get("x-setup-token").map(http::HeaderValue::as_bytes).unwrap_or_default();
    let wanted = Identity::of(&cx.app)?.settings.setup_token.as_ref();
    let matches = |token: &Secret| {
        !token.expose_secret().is_empty() && secret::same(sent, token.expose_secret().as_bytes())
    };
    if wanted.is_some_and(matches) {
        return Ok(());
    }
    Err(Error::unauthenticated("setup_token_required", "send the set-up token in the header X-Setup-Token"))
}

async fn init_user(cx: &Cx, input: Setup) -> Result<Created<SignedIn>> {
    if initialized(&cx.app).await? {
        return Err(already());
    }
    authorize(cx).await?;
    let (app, identity) = (&cx.app, Identity::of(&cx.app)?);
    let app_name = app.settings().app_name.as_str();
    let username = account::username(&input.username)?;
    let email =
        input.email.as_deref().filter(|text| !text.trim().is_empty()).map(account::email).transpose()?;
    let min = identity.settings.password_min.max(policy::MIN_ADMIN);
    let context = [username.as_str(), email.as_deref().unwrap_or_default(), app_name];
    policy::check(&input.password, &context, min)?;
    let hash = identity.hasher.hash(&input.password.into()).await?;
    let organization = input.organization.filter(|name| !name.trim().is_empty());
    let new = NewUser {
        username,
        name: input.name.unwrap_or_default(),
        // Taken at his word, with SMTP or without: nobody is here yet whom the address could belong to
        // instead, and whoever sets the installation up holds all of it anyway.
        verified_email: email.is_some(),
        email,
        password_hash: Some(hash),
        locale: input.locale.unwrap_or_else(|| LOCALES[0].to_owned()),
        time_zone: TIME_ZONE.to_owned(),
        platform_admin: true,
    };
    let tx = app.store().begin(Mode::Write, Opening::new(Role::System, Some(app.new_id()))).await?;
    claim(app, &tx).await?;
    let user = account::create(app, &tx, new).await?;
    let who = Who { kind: ActorKind::User, id: Some(user.id), name: user.name.clone() };
    let by = By { who, origin: &cx.origin };
    told(app, &tx, &user, &by).await?;
    found(app, &tx, organization.as_deref().unwrap_or(app_name).trim(), &user, &by).await?;
    let answer = session::open(cx, &tx, &user, tx.org()).await?;
    tx.commit().await?;
    Ok(Created { body: answer, location: None })
}

/// The first who gets here sets up: others wait for his commit and then find the row.
async fn claim(app: &App, tx: &Tx) -> Result<()> {
    let row =
        setting::ActiveModel { name: Set(INITIALIZED.to_owned()), value: Set(base::time::format(app.now())) };
    match tx.insert(row).await {
        Err(failure) if failure.code() == "conflict" => Err(already()),
        done => done,
    }
}

async fn found(app: &App, tx: &Tx, name: &str, user: &app_user::Model, by: &By<'_>) -> Result<()> {
    organization::found_from(app, tx, name, user, by.origin).await?;
    audit::write(tx, app.now(), by.who.clone(), by.origin, created(user)).await
}

/// Tells the installation of a new platform administrator.
async fn told(app: &App, tx: &Tx, user: &app_user::Model, by: &By<'_>) -> Result<()> {
    audit::write_platform(tx, app.now(), by.who.clone(), by.origin, created(user)).await
}

fn created(user: &app_user::Model) -> Event {
    Event::new("identity:user:create", "identity.user").target(user.id, user.username.clone()).change(
        "is_platform_admin",
        json!(null),
        json!(true),
    )
}

/// What [`create_administrator`] made.
pub struct Administrator {
    /// The person.
    pub user: app_user::Model,
    /// The name of the organisation that was founded for him.
    pub organization: Option<String>,
}

/// Makes a platform administrator from the machine itself. On a fresh installation that is its
/// set-up: the pages for it close, and if there is no organisation yet, he owns one that is called
/// like the product.
pub async fn create_administrator(app: &App, by: &By<'_>, new: NewUser) -> Result<Administrator> {
    let tx = app.store().begin(Mode::Write, Opening::new(Role::System, Some(app.new_id()))).await?;
    let fresh = !is_initialized(&tx).await?;
    if fresh {
        claim(app, &tx).await?;
    }
    let user = account::create(app, &tx, new).await?;
    let alone = fresh && tx.count(tx.find::<organization_entity::Entity>()).await? == 0;
    told(app, &tx, &user, by).await?;
    let organization = alone.then(|| app.settings().app_name.trim().to_owned());
    if let Some(name) = &organization {
        found(app, &tx, name, &user, by).await?;
    }
    tx.commit().await?;
    Ok(Administrator { user, organization })
}
