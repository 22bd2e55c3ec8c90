//! Puts the product together: modules into an [`Api`], parts into an [`App`], operations into a router.

use std::{path::PathBuf, sync::Arc, time::Duration};

use axum::{Router, extract::RawPathParams, routing::MethodRouter};
use base::{Clock, Result};
use http::Method;
use identity::Identity;
use ipnet::IpNet;
use jobs::{Declared, Engine, Registry, Runners, Vault};
use kernel::{
    Api, App, Services, access,
    api::Operation,
    http::guard,
    port::{Meter, People, Postman, Publisher},
};
use outbound::{GuardedClient, Policy};
use platform::ids::{AllocateAuth, Ids};
use serde_json::Value;
use store::{
    Migrations, Mode, Store,
    kv::{Kv, counter::SharedCounter},
};

use crate::{
    config::{Cors, DocsAccess},
    edge::{Answered, Edge},
    metrics::Metrics,
    operation,
};

/// Every migration of the product, in order.
pub fn migrations() -> Migrations {
    Migrations::default()
        .with(kernel::MIGRATIONS)
        .with(identity::MIGRATIONS)
        .with(&[jobs::MIGRATION, idgen::MIGRATION])
        .with(platform::MIGRATIONS)
        .with(kernel::LATER_MIGRATIONS)
        .with(&[
            members::MIGRATION,
            members::RELAY_MIGRATION,
            members::CALLS_MIGRATION,
            members::ACCOUNTS_MIGRATION,
            members::ADOPTED_MIGRATION,
            webhooks::MIGRATION,
        ])
        .with(kernel::LATEST_MIGRATIONS)
}

/// Every operation and resource of the product.
pub fn api() -> Api {
    let mut api = Api::default();
    operation::mount(&mut api);
    identity::mount(&mut api);
    platform::mount(&mut api);
    members::mount(&mut api);
    webhooks::mount(&mut api);
    platform::mount_last(&mut api);
    api
}

/// Every kind of job.
pub fn kinds(dev: bool) -> Registry<App> {
    let product = platform::kind::register(identity::kind::register(Registry::default()), dev);
    webhooks::register(members::register(product))
}

/// Every schedule that the product brings along.
pub fn declared() -> Result<Vec<Declared>> {
    let product = [identity::kind::declared()?, platform::kind::declared()?, members::declared()?];
    Ok([product.concat(), webhooks::declared()?].concat())
}

/// The OpenAPI document.
pub fn document(api: &mut Api, app_name: &str) -> Value {
    api.openapi(app_name, env!("CARGO_PKG_VERSION"))
}

/// How the outermost layer treats requests.
#[derive(Clone, Debug)]
pub struct EdgeSettings {
    /// Which other sites may call.
    pub cors: Cors,
    /// The longest request.
    pub timeout: Duration,
    /// Who may read the documentation.
    pub docs: DocsAccess,
    /// Who may read `/metrics`.
    pub metrics_allow: Vec<IpNet>,
}

/// What an application is made of.
pub struct Parts {
    /// The database, migrated.
    pub store: Store,
    /// Short-lived values.
    pub kv: Arc<dyn Kv>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The kernel's settings.
    pub settings: kernel::Settings,
    /// Identity's service.
    pub identity: Identity,
    /// Seals what jobs keep secret, and the audit trails.
    pub vault: Arc<dyn Vault>,
    /// Metrics.
    pub metrics: Arc<Metrics>,
    /// The outermost layer.
    pub edge: EdgeSettings,
    /// Where files lie (`DATA_DIR`).
    pub data_dir: PathBuf,
    /// Who may have ids.
    pub allocate_auth: AllocateAuth,
    /// The authority on members.
    pub members: members::Settings,
    /// Where keys count that count in Redis.
    pub counter: Option<SharedCounter>,
}

/// A running application without its listener and its worker.
pub struct Built {
    /// The application.
    pub app: App,
    /// The whole HTTP service.
    pub edge: Edge,
    /// The code of every kind of job.
    pub runners: Runners<App>,
    /// The operations, for tests that walk all of them.
    pub operations: Vec<Arc<Operation>>,
}

/// Builds the application and writes the permission catalogue.
pub async fn build(parts: Parts, mut api: Api) -> Result<Built> {
    let document = document(&mut api, &parts.settings.app_name);
    let rows = identity::access::Routes::of(api.operations());
    let outbound = Policy::parse(parts.settings.outbound_allow.as_deref(), parts.settings.dev)?;
    let meter: Arc<dyn Meter> = parts.metrics.clone();
    let (kinds, runners) = kinds(parts.settings.dev).split();
    let engine = Engine::new(parts.store.clone(), parts.clock.clone(), kinds, parts.vault.clone());
    let id_options = idgen::Options { counter: parts.counter, ..idgen::Options::default() };
    let ids = Ids::new(
        idgen::Engine::new(parts.store.clone(), parts.clock.clone(), id_options),
        connector::Connector::new(outbound.clone(), connector::Limits::default()),
        parts.vault.clone(),
        parts.allocate_auth,
    );
    let client = GuardedClient::new(outbound);
    let verifier = oidc::Verifier::new(client.clone(), parts.clock.clone());
    let authentik =
        members::Authentik::new(parts.members.authentik.clone(), client.clone(), parts.clock.clone())?;
    let services = Services::default()
        .with(parts.identity)
        .with(engine)
        .with(ids)
        .with(members::Members::new(parts.members, verifier))
        .with(authentik)
        .with::<Arc<dyn People>>(Arc::new(identity::Members))
        .with::<Arc<dyn Postman>>(Arc::new(identity::mail::Post))
        .with(parts.vault.clone())
        .with(webhooks::Webhooks::new(parts.vault, &[members::EVENT_TYPES]))
        .with::<Arc<dyn Publisher>>(Arc::new(webhooks::Outbox))
        .with(rows)
        .with(parts.metrics.clone())
        .with(meter)
        .with(client)
        .with(platform::kind::DataDir(parts.data_dir))
        .with(operation::Documentation::new(&document, parts.edge.clone()));
    let app = App::new(
        parts.store,
        parts.kv,
        parts.clock,
        parts.settings,
        Arc::new(identity::Authority),
        services,
        &api,
    );
    let tx = app.system(Mode::Write).await?;
    access::store_catalogue(&tx, app.now(), app.catalogue()).await?;
    tx.commit().await?;
    let operations = api.take_operations();
    let router = routes(&app, &operations);
    let edge = Edge::new(app.clone(), router, &operations, parts.metrics, parts.edge);
    Ok(Built { app, edge, runners, operations })
}

/// The operations as an axum router. The guard is the only handler there is.
fn routes(app: &App, operations: &[Arc<Operation>]) -> Router {
    let mut by_path: Vec<(String, MethodRouter)> = Vec::new();
    for operation in operations {
        let (app, kept) = (app.clone(), operation.clone());
        let handler = move |params: RawPathParams, request: axum::extract::Request| {
            let (app, operation) = (app.clone(), kept.clone());
            async move {
                let params = params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                let mut response = guard::serve(app, operation.clone(), params, request).await;
                response.extensions_mut().insert(Answered(operation));
                response
            }
        };
        let method = match operation.method {
            Method::GET => axum::routing::get(handler),
            Method::PUT => axum::routing::put(handler),
            Method::PATCH => axum::routing::patch(handler),
            Method::DELETE => axum::routing::delete(handler),
            _ => axum::routing::post(handler),
        };
        match by_path.iter_mut().find(|(path, _)| *path == operation.path) {
            Some((_, methods)) => *methods = std::mem::take(methods).merge(method),
            None => by_path.push((operation.path.clone(), method)),
        }
    }
    by_path.into_iter().fold(Router::new(), |router, (path, methods)| router.route(&path, methods))
}
