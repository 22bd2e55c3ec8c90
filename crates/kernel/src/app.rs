//! The running application: everything that a request may need, behind one cheap clone.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::Arc,
    time::Duration,
};

use base::{Clock, Id, Result, Secret};
use ipnet::IpNet;
use store::{Mode, Store, Tx, kv::Kv};

use crate::{
    access::{Catalogue, EffectiveCache},
    port::Directory,
    resource::Registry,
};

/// Settings that the kernel and the modules read.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Product name, in mails and on the sign-in page.
    pub app_name: String,
    /// Where people reach the console, without a trailing slash; the base of every link.
    pub base_url: String,
    /// Development: friendlier defaults, never in production.
    pub dev: bool,
    /// Peers whose forwarding headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Bytes of a request body.
    pub body_limit: usize,
    /// Requests per minute and address; 0 means no limit.
    pub rate_limit: u64,
    /// `purpose=cidr` entries that calls to user-set addresses may reach beside the public
    /// internet; `None` when nobody set it.
    pub outbound_allow: Option<String>,
    /// What digests are made with that must tell nobody what they were made of; the same on every node.
    pub digest_key: Secret,
    /// Days for which logs of what happened are kept ([`crate::audit::expire`]); `None`: for ever.
    pub audit_retention_days: Option<u32>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            app_name: "Tenon".into(),
            base_url: "http://127.0.0.1:8000".into(),
            dev: true,
            trusted_proxies: Vec::new(),
            body_limit: 1024 * 1024,
            rate_limit: 0,
            outbound_allow: None,
            digest_key: base::random::token().into(),
            audit_retention_days: None,
        }
    }
}

/// The application. Clone it freely.
#[derive(Clone)]
pub struct App {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    kv: Arc<dyn Kv>,
    clock: Arc<dyn Clock>,
    settings: Settings,
    catalogue: Catalogue,
    registry: Registry,
    directory: Arc<dyn Directory>,
    effective: EffectiveCache,
    services: Services,
}

/// What modules keep for themselves between requests, by type.
#[derive(Default)]
pub struct Services {
    by_type: HashMap<TypeId, Box<dyn Any + Send + Sync>>,
}

impl Services {
    /// Adds a service.
    #[must_use]
    pub fn with<T: Send + Sync + 'static>(mut self, service: T) -> Self {
        self.by_type.insert(TypeId::of::<T>(), Box::new(service));
        self
    }
}

impl App {
    /// Puts the parts together.
    pub fn new(
        store: Store,
        kv: Arc<dyn Kv>,
        clock: Arc<dyn Clock>,
        settings: Settings,
        directory: Arc<dyn Directory>,
        services: Services,
        api: &crate::Api,
    ) -> Self {
        let catalogue = api.catalogue();
        let registry = api.registry();
        let effective = EffectiveCache::new(10_000);
        let shared =
            Shared { store, kv, clock, settings, catalogue, registry, directory, effective, services };
        Self { shared: Arc::new(shared) }
    }

    /// The database.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }
    /// Short-lived values and counters.
    pub fn kv(&self) -> &dyn Kv {
        self.shared.kv.as_ref()
    }
    /// The current instant.
    pub fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.shared.clock.now()
    }
    /// A new record id.
    pub fn new_id(&self) -> Id {
        base::id::new(self.now())
    }
    /// Settings.
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }
    /// Every permission that exists.
    pub fn catalogue(&self) -> &Catalogue {
        &self.shared.catalogue
    }
    /// Every registered resource.
    pub fn registry(&self) -> &Registry {
        &self.shared.registry
    }
    /// Who people are.
    pub fn directory(&self) -> &Arc<dyn Directory> {
        &self.shared.directory
    }
    /// A module's own service.
    pub fn service<T: Send + Sync + 'static>(&self) -> Result<&T> {
        let found = self.shared.services.by_type.get(&TypeId::of::<T>()).and_then(|any| any.downcast_ref());
        found.ok_or_else(|| base::Error::internal(format!("no service {}", std::any::type_name::<T>())))
    }
    /// Cached effective sets.
    pub(crate) fn effective(&self) -> &EffectiveCache {
        &self.shared.effective
    }
    /// A unit of work that sees every organisation; for sign-in and the operator's commands.
    pub async fn system(&self, mode: Mode) -> Result<Tx> {
        self.store().begin_system(mode).await
    }

    /// Counts a use of a limited thing: 429 beyond `limit` per `window`. When the counter cannot
    /// be reached the use is let through and the failure logged: a limiter protects, it does not decide.
    pub async fn limit(&self, key: &str, limit: u64, window: Duration) -> Result<()> {
        match self.kv().count(key, window).await {
            Ok((count, left)) if count > limit => {
                let seconds = u32::try_from(left.as_secs()).unwrap_or(60).saturating_add(1);
                Err(base::Error::too_many("too_many_requests", "too many requests; wait a little")
                    .retry_after(seconds))
            }
            Ok(_) => Ok(()),
            Err(failure) => {
                tracing::warn!(error = ?failure, "the rate limiter's store cannot be reached");
                Ok(())
            }
        }
    }
}
