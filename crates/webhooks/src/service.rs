//! What this module keeps between requests.

use std::{sync::Arc, time::Duration};

use base::{Error, Id, Result, Secret, secret::ExposeSecret};
use chrono::{DateTime, Utc};
use jobs::Vault;
use kernel::{App, port::EventType};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter, QueryOrder};
use store::Tx;

use crate::{
    entity::secret::{ActiveModel, Column, Entity, Model},
    event_type::PING,
    signature,
};

/// For how long it is remembered whether anybody listens in an organisation.
const REMEMBERED: Duration = Duration::from_secs(2);
/// What secrets are sealed for.
const PURPOSE: &str = "webhooks.secret";

/// The service: a value of the application.
pub struct Webhooks {
    vault: Arc<dyn Vault>,
    types: Vec<EventType>,
    /// Organisations and whether somebody listens there.
    pub(crate) heard: moka::sync::Cache<Id, bool>,
}

impl Webhooks {
    /// Puts it together; `types` are those that the modules of the product publish.
    pub fn new(vault: Arc<dyn Vault>, types: &[&[EventType]]) -> Self {
        let mut types: Vec<EventType> = types.concat();
        types.push(PING);
        types.sort_by_key(|one| one.name);
        let heard = moka::sync::Cache::builder().max_capacity(50_000).time_to_live(REMEMBERED).build();
        Self { vault, types, heard }
    }

    /// That of an application.
    pub fn of(app: &App) -> Result<&Self> {
        app.service::<Self>()
    }

    /// Every type of event, by name.
    pub fn types(&self) -> &[EventType] {
        &self.types
    }

    /// Whether there is a type of that name.
    pub fn knows(&self, name: &str) -> bool {
        self.types.iter().any(|one| one.name == name)
    }

    fn seal(&self, secret: &Secret) -> Result<String> {
        self.vault.seal(secret.expose_secret().as_bytes(), PURPOSE)
    }

    fn open(&self, sealed: &str) -> Result<Secret> {
        let plain = String::from_utf8(self.vault.open(sealed, PURPOSE)?).map_err(Error::internal)?;
        Ok(plain.into())
    }

    /// Gives a receiver a new secret, which is returned this once.
    pub(crate) async fn add_secret(&self, app: &App, tx: &Tx, endpoint: Id) -> Result<Secret> {
        let secret = signature::new_secret();
        let row = ActiveModel {
            id: Set(app.new_id()),
            org_id: Set(tx.require_org()?),
            endpoint_id: Set(endpoint),
            sealed: Set(self.seal(&secret)?),
            hint: Set(signature::hint(&secret)),
            created_at: Set(app.now()),
            expires_at: Set(None),
        };
        tx.insert(row).await?;
        Ok(secret)
    }

    /// The secrets that sign for a receiver at `now`, the newest first.
    pub(crate) async fn secrets(&self, tx: &Tx, now: DateTime<Utc>, endpoint: Id) -> Result<Vec<Secret>> {
        let rows = signing(tx, now, &[endpoint]).await?;
        rows.iter().map(|row| self.open(&row.sealed)).collect()
    }
}

/// The rows of the secrets that sign for several receivers at `now`, the newest first.
pub(crate) async fn signing(tx: &Tx, now: DateTime<Utc>, endpoints: &[Id]) -> Result<Vec<Model>> {
    let open = Condition::any().add(Column::ExpiresAt.is_null()).add(Column::ExpiresAt.gt(now));
    let select = tx
        .find::<Entity>()
        .filter(Column::EndpointId.is_in(endpoints.iter().copied()))
        .filter(open)
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Id);
    tx.all(select).await
}

/// Ends the secrets that sign for a receiver: at once, or at `end`.
pub(crate) async fn end_secrets(tx: &Tx, endpoint: Id, end: DateTime<Utc>) -> Result<()> {
    let later = Condition::any().add(Column::ExpiresAt.is_null()).add(Column::ExpiresAt.gt(end));
    let values = ActiveModel { expires_at: Set(Some(end)), ..Default::default() };
    let these = Condition::all().add(Column::EndpointId.eq(endpoint)).add(later);
    tx.update_where(values, these).await.map(drop)
}

/// Seals secrets again that lie under a key that is on its way out; how many.
pub async fn reseal(app: &App, tx: &Tx) -> Result<u64> {
    let webhooks = Webhooks::of(app)?;
    let mut done = 0;
    for row in tx.all(tx.find::<Entity>()).await? {
        if webhooks.vault.is_stale(&row.sealed) {
            let sealed = webhooks.seal(&webhooks.open(&row.sealed)?)?;
            let values = ActiveModel { sealed: Set(sealed), ..Default::default() };
            done += tx.update_where(values, Condition::all().add(Column::Id.eq(row.id))).await?;
        }
    }
    Ok(done)
}
