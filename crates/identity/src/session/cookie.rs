//! The console's refresh cookie, and the proof that a request that uses it comes from the console.
//!
//! `HttpOnly` and `SameSite=Strict`, under https also `Secure` with the `__Host-` prefix (ASVS 3.3).
//! A cookie goes wherever a browser sends it, so its use needs an `Origin` of ours (ASVS 3.5).

use base::{Error, Result, Secret};
use http::header;
use kernel::{App, Cx};
use store::Mode;

use super::refresh;
use crate::{entity::app_user, service::Identity};

fn is_https(app: &App) -> bool {
    app.settings().base_url.starts_with("https://")
}

fn name(app: &App) -> &'static str {
    if is_https(app) { "__Host-tenon_refresh" } else { "tenon_refresh" }
}

fn set(cx: &Cx, value: &str, seconds: u64) -> Result<()> {
    let secure = if is_https(&cx.app) { "; Secure" } else { "" };
    let name = name(&cx.app);
    let cookie = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    cx.respond_with(header::SET_COOKIE, &cookie)
}

/// Gives the browser the refresh token.
pub fn remember(cx: &Cx, token: &str) -> Result<()> {
    set(cx, token, Identity::of(&cx.app)?.settings.refresh_idle.as_secs())
}

/// Takes it away.
pub fn forget(cx: &Cx) -> Result<()> {
    set(cx, "", 0)
}

/// The refresh token of the cookie, if there is one; 403 when the request is not our own console's.
pub(super) fn read(cx: &Cx) -> Result<Option<Secret>> {
    match value(cx) {
        Some(token) => own_origin(cx).map(|()| Some(token)),
        None => Ok(None),
    }
}

fn value(cx: &Cx) -> Option<Secret> {
    let name = name(&cx.app);
    let cookies = cx.headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| value.to_owned().into())
}

/// Whether the browser that asks for a page is signed in to the console. Only for pages that show
/// nothing of anybody, such as the documentation: it uses no token up and proves no origin.
pub async fn has_live_cookie(cx: &Cx) -> Result<bool> {
    let Some(token) = value(cx) else { return Ok(false) };
    let now = cx.now();
    let tx = cx.app.system(Mode::Read).await?;
    let live = match refresh::family_in(&tx, &token).await? {
        Some(session) => {
            let user = tx.lookup::<app_user::Entity>(session.user_id).await?;
            let open = user.is_some_and(|user| user.disabled_at.is_none());
            open && session.revoked_at.is_none() && now < session.idle_expires_at && now < session.expires_at
        }
        None => false,
    };
    tx.commit().await?;
    Ok(live)
}

/// 403 unless the browser says that one of our own pages sent the request. Browsers say so with
/// every POST; whoever is no browser sends the token in the body.
fn own_origin(cx: &Cx) -> Result<()> {
    let text = |name: &str| cx.headers.get(name).and_then(|value| value.to_str().ok());
    let (site, origin) = (text("sec-fetch-site"), text("origin"));
    let site_is_own = site.is_none_or(|site| site == "same-origin");
    let origin_is_own = origin.is_none_or(|origin| is_own(cx, origin));
    if (site.is_some() || origin.is_some()) && site_is_own && origin_is_own {
        return Ok(());
    }
    Err(Error::forbidden("origin_not_allowed", "this may only be asked by a page of this server"))
}

fn is_own(cx: &Cx, origin: &str) -> bool {
    let configured =
        url::Url::parse(&cx.app.settings().base_url).ok().map(|url| url.origin().ascii_serialization());
    if configured.as_deref() == Some(origin) {
        return true;
    }
    let host = cx.headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let sender = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    sender.is_some() && sender == host
}
