//! Users of Authentik, kept as sister systems wish them: `POST /internal/authentik/users/ensure`, and, the
//! other way round, members who are disabled here since their account is there (`compare`).
//!
//! Names and addresses are Authentik's word, as with its tokens: they change an account here only where it
//! was made that way. No transaction is open while Authentik is asked.

mod account;
mod compare;
pub mod dto;

use std::sync::Arc;

use ::authentik::{Client, Known, Progress, Standing, User};
use base::{Clock, Error, FieldError, Id, Result};
use http::StatusCode;
use kernel::{
    Api, App, Cx,
    audit::{self, Event},
    port::{Newcomer, ProfileChange},
};
use outbound::GuardedClient;
use serde_json::{Value, json};
use store::Tx;

pub use self::compare::{CompareAuthentik, Compared, EVERY, compare};
use self::dto::{Ensured, Wish};
use crate::{
    caller::{self, Caller},
    fields::{UserView, body, input},
    internal::{known_or_new, shown},
    problem::{Answered, refuse},
    service::{people, reading, writing},
    subject,
};

/// What entries of the audit trail call it.
const ENSURE: &str = "members:authentik:ensure";

/// Routes.
pub fn mount(api: &mut Api) {
    let mut own = api.public("members");
    own.act("ensure", "/internal/authentik/users/ensure", "Keep a user at Authentik and here", ensure)
        .raw_body(body::<Wish>())
        .problems(&[401, 404, 409, 415, 422, 429, 502, 504])
        .refuses_as(refuse);
}

/// The way to Authentik: a value of the application.
pub struct Authentik {
    client: Option<Client>,
}

impl Authentik {
    /// To the installation of the settings, if there is one.
    ///
    /// Errors: 422 `invalid_setting`.
    pub fn new(
        settings: Option<::authentik::Settings>,
        http: GuardedClient,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let client = settings.map(|settings| Client::new(http, clock, settings)).transpose()?;
        Ok(Self { client })
    }

    /// That of an application.
    pub fn of(app: &App) -> Result<&Self> {
        app.service::<Self>()
    }

    /// Whether Authentik answers, without asking it: `ok`, `down` or `unconfigured`.
    pub fn standing(&self) -> &'static str {
        self.client.as_ref().map(Client::standing).map_or("unconfigured", Standing::as_str)
    }

    fn client(&self) -> Result<&Client> {
        self.client.as_ref().ok_or_else(|| {
            let detail = "AUTHENTIK_BASE_URL and AUTHENTIK_ADMIN_TOKEN are not set";
            Error::unavailable("authentik_not_configured", detail)
        })
    }
}

/// What is known here of where the user is there.
async fn known(cx: &Cx, caller: &Caller, wish: &::authentik::Wish) -> Result<Known> {
    let tx = reading(&cx.app, caller.org).await?;
    let row = match (&wish.sub, wish.pk) {
        (Some(sub), _) => match subject::find(&tx, caller.issuer, sub).await? {
            Some(row) => account::of_user(&tx, row.user_id).await?,
            None => None,
        },
        (None, Some(pk)) => account::of_number(&tx, pk).await?,
        (None, None) => None,
    };
    tx.commit().await?;
    Ok(match row {
        Some(row) => Known { pk: Some(row.account_pk), uuid: Some(row.account_id.to_string()) },
        None => Known { pk: wish.pk, uuid: None },
    })
}

/// The member of an account, made if there is none; whether he was.
async fn member(cx: &Cx, tx: &Tx, caller: &Caller, account: &User, sub: &str) -> Result<(Id, bool)> {
    let row = account::of_account(tx, account::id_of(account)?).await?;
    if let Some(row) = row {
        let named = subject::find(tx, caller.issuer, sub).await?;
        if named.as_ref().is_some_and(|named| named.user_id != row.user_id) {
            return Err(Error::conflict("sub_taken", "another member is called so"));
        }
        let person = people(&cx.app)?.find(tx, &[row.user_id]).await?.pop();
        if person.is_none_or(|person| person.removed) {
            let gone = "the member was removed; a member of the organisation brings him back";
            return Err(Error::conflict("user_removed", gone));
        }
        // In some subject modes a name changes.
        if named.is_none() {
            subject::add(&cx.app, tx, caller.issuer, sub, row.user_id).await?;
        }
        account::seen(&cx.app, tx, &row, account).await?;
        return Ok((row.user_id, false));
    }
    let new = || Newcomer {
        username: account.username.clone(),
        name: fitting(&account.name).unwrap_or_default(),
        email: told(&account.email),
    };
    let (user, created) = known_or_new(&cx.app, tx, (caller.issuer, false), sub, new).await?;
    account::add(&cx.app, tx, account, user).await?;
    Ok((user, created))
}

/// A name as a profile can hold it.
fn fitting(name: &str) -> Option<String> {
    let name: String = base::text::one_line(name.trim()).chars().take(120).collect();
    (!name.is_empty()).then_some(name)
}

/// An address as a profile can hold it: Authentik lets people write others.
fn told(email: &str) -> Option<String> {
    let is_address = email.len() <= 254 && email.contains('@') && !email.contains(char::is_whitespace);
    is_address.then(|| email.to_owned())
}

async fn take_over(
    cx: &Cx,
    tx: &Tx,
    caller: &Caller,
    (account, sub): (&User, &str),
    (wished, progress): (Option<bool>, &Progress),
) -> Result<UserView> {
    let (user, created) = member(cx, tx, caller, account, sub).await?;
    let mut change = ProfileChange {
        // Whoever may not sign in there may not work here; the other way round somebody must say so.
        active: if account.is_active { wished.filter(|active| *active) } else { Some(false) },
        ..ProfileChange::default()
    };
    if !created {
        change.name = fitting(&account.name).map(Some);
        change.email = told(&account.email).map(Some);
    }
    let here = people(&cx.app)?.change(&cx.app, tx, user, change).await?;
    let view = shown(&cx.app, tx, caller.issuer, user).await?;
    if created || !here.is_empty() || progress.created || !progress.changed.is_empty() {
        let event = entry(progress).target(user, view.display_name.clone()).change(
            "changed_here",
            Value::Null,
            json!(here),
        );
        audit::write(tx, cx.now(), caller.who(), &cx.origin, event).await?;
    }
    Ok(UserView { authentik_sub: sub.to_owned(), ..view })
}

fn entry(progress: &Progress) -> Event {
    Event::new(ENSURE, "identity.user")
        .change("authentik", Value::Null, json!(progress.pk))
        .change("created", Value::Null, json!(progress.created))
        .change("changed", Value::Null, json!(progress.changed))
}

/// Leaves an entry about what was done at Authentik before something went wrong.
async fn left_half(cx: &Cx, caller: &Caller, progress: &Progress, error: &Error) {
    if !progress.created && progress.changed.is_empty() {
        return;
    }
    let mut event = entry(progress).change("code", Value::Null, error.code().into());
    event.outcome = Some("failed");
    let work = async {
        let tx = crate::service::begin(cx, caller.org).await?;
        audit::write(&tx, cx.now(), caller.who(), &cx.origin, event).await?;
        tx.commit().await
    };
    if let Err(error) = work.await {
        tracing::warn!(?error, "what was done at Authentik could not be written down");
    }
}

async fn work(
    cx: &Cx,
    caller: &Caller,
    client: &Client,
    wish: &Wish,
    progress: &mut Progress,
) -> Result<(UserView, ::authentik::Ensured)> {
    let wished = wish.checked()?;
    if wish.wants_letter() && !client.can_mail_recovery() {
        let message = "cannot be had: AUTHENTIK_RECOVERY_STAGE is not set";
        let field = FieldError::new("send_recovery_email", "not_configured", message);
        return Err(Error::fields(vec![field]));
    }
    let known = known(cx, caller, &wished).await?;
    let ensured = client.ensure(&wished, &known, progress).await?;
    let told = &*progress;
    let (account, sub) = (&ensured.user, ensured.sub.as_str());
    crate::fields::check_sub("authentik_sub", sub)?;
    let view = writing!(cx, caller.org, tx => {
        take_over(cx, &tx, caller, (account, sub), (wish.is_active(), told)).await
    });
    Ok((view, ensured))
}

async fn ensure(cx: &Cx) -> Result<Answered<Ensured>> {
    let caller = caller::internal(cx).await?;
    let wish: Wish = input(cx)?;
    let client = Authentik::of(&cx.app)?.client()?;
    let mut progress = Progress::default();
    let (user, ensured) = match work(cx, &caller, client, &wish, &mut progress).await {
        Ok(done) => done,
        Err(error) => {
            left_half(cx, &caller, &progress, &error).await;
            return Err(error);
        }
    };
    // Last: whatever comes of it, user and member are there.
    if wish.wants_letter() {
        client.mail_recovery(ensured.user.pk).await?;
    }
    let status = if progress.created { StatusCode::CREATED } else { StatusCode::OK };
    let done = Ensured {
        created: progress.created,
        changed: progress.changed,
        authentik: ensured.user.into(),
        authentik_sub: ensured.sub,
        user,
        recovery_email_sent: wish.wants_letter(),
    };
    Ok(Answered { status, body: Some(done) })
}
