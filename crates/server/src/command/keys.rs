//! `tenon keys rotate`: new keys sign and encrypt from now on, and stored secrets are sealed anew.

use std::sync::Arc;

use base::{Clock, SystemClock, Vault};
use identity::{credential::jwt::Algorithm, service};
use jobs::Engine;
use kernel::audit::{self, Event};
use serde_json::json;
use store::Mode;

use crate::{
    cli::{Failure, KeysCommand, print},
    config::{Config, Inputs},
};

use super::parts;

/// Runs one of the commands.
pub fn run(inputs: &Inputs, command: &KeysCommand) -> Result<(), Failure> {
    let config = Config::load(inputs)?;
    match command {
        KeysCommand::Rotate => parts::block_on(rotate(&config)),
    }
}

async fn rotate(config: &Config) -> Result<(), Failure> {
    let desk = parts::desk(config).await?;
    let (settings, sealer) = (parts::identity_settings(config), parts::sealer(config)?);
    let tx = desk.app.system(Mode::Write).await?;
    let mut rotation = service::rotate_keys(&tx, SystemClock.now(), &settings, &sealer).await?;
    rotation.resealed += desk.app.service::<Engine>()?.reseal(&tx).await?;
    rotation.resealed += platform::ids::database::reseal(&desk.app, &tx).await?;
    rotation.resealed += webhooks::reseal(&desk.app, &tx).await?;
    let seals = audit::seal::reseal(&tx, &**desk.app.service::<Arc<dyn Vault>>()?).await?;
    let event = Event::new("platform:keys:rotate", "platform.keys")
        .change("made", json!(null), json!(rotation.made))
        .change("resealed", json!(null), json!(rotation.resealed))
        .change("seals", json!(null), json!(seals));
    audit::write_platform(&tx, SystemClock.now(), parts::operator(), &parts::origin(), event).await?;
    tx.commit().await?;
    desk.close().await;
    let hours = service::KEY_OVERLAP.num_hours();
    let mut text: String = rotation.made.iter().map(|kid| format!("made key {kid}\n")).collect();
    text += &format!("stored secrets re-encrypted with the current ENCRYPTION_KEY: {}\n", rotation.resealed);
    text += &format!("seals of the audit trails made anew: {seals}\n");
    text += &format!(
        "the keys before are accepted for {hours} hours; running servers take the new ones up within 30 s\n"
    );
    if settings.algorithm == Algorithm::HS256 {
        text += "access tokens are signed with HS256: to change that key, change JWT_SECRET_KEY and put the old one into JWT_SECRET_KEY_PREVIOUS\n";
    } else if settings.jwt_private_key.is_some() {
        text += "access tokens are signed with JWT_PRIVATE_KEY: to change that key, change the setting\n";
    }
    print(&text);
    Ok(())
}
