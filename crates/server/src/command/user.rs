//! `tenon user …`: rescue for people who are locked out, and for those who must stay out.

use base::secret::ExposeSecret;
use identity::{
    account::{self, By, operator},
    entity::app_user,
    organization,
};
use serde_json::json;
use store::Mode;

use crate::{
    cli::{self, Failure, UserCommand, print},
    config::{Config, Inputs},
};

use super::{
    columns::{align, yes},
    parts::{self, Desk},
};

/// Runs one of the commands.
pub fn run(inputs: &Inputs, command: &UserCommand) -> Result<(), Failure> {
    let config = Config::load(inputs)?;
    parts::block_on(async {
        let desk = parts::desk(&config).await?;
        let outcome = act(&desk, &config, command).await;
        desk.close().await;
        outcome
    })
}

async fn act(desk: &Desk, config: &Config, command: &UserCommand) -> Result<(), Failure> {
    let origin = parts::origin();
    let by = By { who: parts::operator(), origin: &origin };
    let app = &desk.app;
    match command {
        UserCommand::List { json } => {
            list(&operator::list(app).await?, *json);
            Ok(())
        }
        UserCommand::Unlock(args) => {
            let user = find(desk, &args.username).await?;
            let forgiven = operator::unlock(app, &by, user.id).await?;
            print(&format!("{} may try again ({forgiven} failed attempts forgotten)\n", user.username));
            Ok(())
        }
        UserCommand::ResetPassword { username, password_stdin } => {
            let user = find(desk, username).await?;
            let password = cli::new_password(*password_stdin, config.superuser_password.as_ref())?;
            operator::set_password(app, &by, user.id, &password.secret).await.map_err(refused)?;
            let shown = match password.generated {
                true => format!("password: {} (shown once)\n", password.secret.expose_secret()),
                false => String::new(),
            };
            print(&format!(
                "{} has a new password; every session and every API key has ended\n{shown}",
                user.username
            ));
            Ok(())
        }
        UserCommand::Disable(args) => switch(desk, &by, &args.username, true).await,
        UserCommand::Enable(args) => switch(desk, &by, &args.username, false).await,
        UserCommand::MakeOwner { username, organization } => {
            make_owner(desk, &by, username, organization).await
        }
    }
}

async fn make_owner(desk: &Desk, by: &By<'_>, username: &str, typed: &str) -> Result<(), Failure> {
    let user = find(desk, username).await?;
    let found = organization::find(&desk.app, typed).await?;
    let shown = base::text::one_line(typed);
    let home = match found.as_slice() {
        [home] => home,
        [] => return Err(Failure::failed(format!("there is no organisation {shown}"))),
        several => {
            let ids: Vec<String> = several.iter().map(|home| home.id.to_string()).collect();
            let detail = format!("{} organisations are called {shown}; name one by its id", ids.len());
            return Err(Failure::refused(format!("{detail}: {}", ids.join(", "))));
        }
    };
    let changed = organization::appoint(&desk.app, by, home.id, user.id).await.map_err(refused)?;
    let what = if changed { "owns" } else { "owned already:" };
    print(&format!("{} {what} {}\n", user.username, base::text::one_line(&home.name)));
    Ok(())
}

async fn switch(desk: &Desk, by: &By<'_>, username: &str, disabled: bool) -> Result<(), Failure> {
    let user = find(desk, username).await?;
    let changed = user.disabled_at.is_some() != disabled;
    operator::set_disabled(&desk.app, by, user.id, disabled).await.map_err(refused)?;
    let what = match (changed, disabled) {
        (true, true) => "is disabled; every session has ended",
        (true, false) => "may sign in again",
        (false, true) => "was disabled already",
        (false, false) => "was not disabled",
    };
    print(&format!("{} {what}\n", user.username));
    Ok(())
}

/// A rule said no: that is wrong use, not a failure of ours.
fn refused(error: base::Error) -> Failure {
    match error.kind() {
        base::Kind::Conflict | base::Kind::Invalid => Failure::refused(error.to_string()),
        _ => error.into(),
    }
}

async fn find(desk: &Desk, typed: &str) -> Result<app_user::Model, Failure> {
    let tx = desk.app.system(Mode::Read).await?;
    let found = account::by_sign_in_name(&tx, typed).await?;
    tx.commit().await?;
    found.ok_or_else(|| {
        let shown = base::text::one_line(typed);
        Failure::failed(format!("there is no user {shown}; `tenon user list` shows everybody"))
    })
}

fn state(user: &app_user::Model) -> &'static str {
    match (user.anonymized_at, user.disabled_at) {
        (Some(_), _) => "anonymised",
        (None, Some(_)) => "disabled",
        (None, None) => "active",
    }
}

fn list(people: &[app_user::Model], as_json: bool) {
    let seen = |user: &app_user::Model| user.last_sign_in_at.map(base::time::format);
    if as_json {
        let rows: Vec<serde_json::Value> = people
            .iter()
            .map(|user| {
                json!({
                    "id": user.id, "username": user.username, "name": user.name, "email": user.email,
                    "state": state(user), "is_platform_admin": user.is_platform_admin,
                    "last_sign_in_at": seen(user),
                })
            })
            .collect();
        print(&format!("{:#}\n", json!({ "users": rows })));
        return;
    }
    let rows: Vec<Vec<String>> = people
        .iter()
        .map(|user| {
            vec![
                user.username.clone(),
                user.email.clone().unwrap_or_default(),
                state(user).to_owned(),
                yes(user.is_platform_admin),
                seen(user).unwrap_or_else(|| "never".to_owned()),
            ]
        })
        .collect();
    print(&align(&["username", "email", "state", "platform admin", "last sign-in"], &rows));
}
