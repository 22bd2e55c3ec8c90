//! `tenon createsuperuser`: a platform administrator, from the machine itself.

use base::{Secret, secret::ExposeSecret};
use identity::{
    Identity,
    account::{self, NewUser},
    credential::policy,
};
use store::Mode;

use crate::{
    cli::{self, CreateSuperuserArgs, Failure, print},
    config::{Config, Inputs},
};

use super::parts::{self, Desk};

/// Makes one; a name that is taken is refused and nothing changes.
pub fn run(inputs: &Inputs, args: &CreateSuperuserArgs) -> Result<(), Failure> {
    let config = Config::load(inputs)?;
    let password = cli::new_password(args.password_stdin, config.superuser_password.as_ref())?;
    parts::block_on(async {
        let desk = parts::desk(&config).await?;
        let username = create(&desk, &config, args, &password.secret).await?;
        let shown = match password.generated {
            true => format!("password: {} (shown once)\n", password.secret.expose_secret()),
            false => String::new(),
        };
        print(&format!("created platform administrator {username}\n{shown}"));
        desk.close().await;
        Ok(())
    })
}

async fn create(
    desk: &Desk,
    config: &Config,
    args: &CreateSuperuserArgs,
    password: &Secret,
) -> Result<String, Failure> {
    let app = &desk.app;
    let mut context = vec![args.username.as_str(), config.app_name.as_str()];
    context.extend(args.email.as_deref());
    let min = config.password_min.max(policy::MIN_ADMIN);
    policy::check(password.expose_secret(), &context, min)
        .map_err(|error| Failure::refused(error.to_string()))?;
    let tx = app.system(Mode::Read).await?;
    let taken = account::by_sign_in_name(&tx, &args.username).await?;
    tx.commit().await?;
    if let Some(user) = taken {
        return Err(Failure::refused(format!(
            "there is a user {} already; nothing was changed (`tenon user reset-password` sets a password)",
            user.username
        )));
    }
    let hash = Identity::of(app)?.hasher.hash(password).await?;
    let new = NewUser {
        username: args.username.clone(),
        name: String::new(),
        email: args.email.clone(),
        // The operator vouches for it.
        verified_email: args.email.is_some(),
        password_hash: Some(hash),
        locale: account::LOCALES[0].to_owned(),
        time_zone: account::TIME_ZONE.to_owned(),
        platform_admin: true,
    };
    let tx = app.system(Mode::Write).await?;
    let user = account::create(app, &tx, new).await.map_err(|error| Failure::refused(error.to_string()))?;
    tx.commit().await?;
    Ok(user.username)
}
