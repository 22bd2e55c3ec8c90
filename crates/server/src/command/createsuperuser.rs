//! `tenon createsuperuser`: a platform administrator, from the machine itself; on a fresh
//! installation also its set-up.

use base::{Secret, secret::ExposeSecret};
use identity::{
    Identity,
    account::{self, By, NewUser},
    credential::policy,
    setup::{self, Administrator},
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
        let Administrator { user, organization } = create(&desk, &config, args, &password.secret).await?;
        let shown = match password.generated {
            true => format!("password: {} (shown once)\n", password.secret.expose_secret()),
            false => String::new(),
        };
        let founded = organization.map(|name| format!("founded organisation {name}\n")).unwrap_or_default();
        print(&format!("created platform administrator {}\n{founded}{shown}", user.username));
        desk.close().await;
        Ok(())
    })
}

/// Makes the account, unless its name is taken or the password is too weak.
pub(super) async fn create(
    desk: &Desk,
    config: &Config,
    args: &CreateSuperuserArgs,
    password: &Secret,
) -> Result<Administrator, Failure> {
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
    let origin = parts::origin();
    let by = By { who: parts::operator(), origin: &origin };
    setup::create_administrator(app, &by, new).await.map_err(|error| match error.kind() {
        base::Kind::Conflict | base::Kind::Invalid => Failure::refused(error.to_string()),
        _ => error.into(),
    })
}
