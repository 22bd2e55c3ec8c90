//! What every test stands on: a migrated database of its own, the whole service called in
//! process, a clock that can be moved, captured mail, and callers as values.

pub mod caller;
pub mod database;
pub mod envelope;
pub mod people;

use std::{sync::Arc, time::Duration};

use base::{Clock, Id, ManualClock, Secret};
use chrono::{DateTime, Utc};
use identity::{
    Identity,
    credential::{jwt, password::Hasher, seal::Sealer},
    entity::{app_user, organization, session},
    resource::{role, user},
};
use kernel::{App, api::Operation};
use outbound::mail::Mailer;
use sea_orm::ActiveValue::Set;
use server::{
    config::{Cors, DocsAccess},
    metrics::Metrics,
    wiring,
};
use store::{Mode, Opening, Role, Store, Tx};

pub use caller::Caller;

use database::TestDatabase;

/// What signs access tokens in tests.
pub const JWT_SECRET: &str = "test-jwt-secret-0123456789abcdefghij";

/// What sister systems send.
pub const INTERNAL_SECRET: &str = "internal-secret-of-the-tests-0123456789";
/// What they sent before.
pub const INTERNAL_SECRET_PREVIOUS: &str = "internal-secret-before-it-0123456789";

/// The running product.
pub struct TestApp {
    pub app: App,
    pub edge: server::edge::Edge,
    pub operations: Vec<Arc<Operation>>,
    pub runners: jobs::Runners<App>,
    pub clock: ManualClock,
    pub mailer: Mailer,
    pub database: TestDatabase,
}

/// What a test may want differently.
#[derive(Clone)]
pub struct Wish {
    pub algorithm: jwt::Algorithm,
    pub dev: bool,
    pub setup_token: Option<&'static str>,
    pub jwt_secret_previous: Option<&'static str>,
    pub pool: u32,
    pub unfiltered: bool,
    pub rate_limit: u64,
    pub audit_retention_days: Option<u32>,
    pub trusted_proxies: Vec<ipnet::IpNet>,
    pub cors: Cors,
    pub docs: DocsAccess,
    pub url: Option<String>,
    pub base_url: &'static str,
    pub timeout: Duration,
    pub allocate_auth: platform::ids::AllocateAuth,
    pub authentik: Option<authentik::Settings>,
    pub internal_calls: u64,
    pub internal_previous_until: Option<DateTime<Utc>>,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            algorithm: jwt::Algorithm::HS256,
            dev: true,
            setup_token: None,
            jwt_secret_previous: None,
            pool: 4,
            unfiltered: false,
            rate_limit: 0,
            audit_retention_days: None,
            trusted_proxies: Vec::new(),
            cors: Cors::Only(Vec::new()),
            docs: DocsAccess::Public,
            url: None,
            base_url: "http://127.0.0.1:8000",
            timeout: Duration::from_secs(60),
            allocate_auth: platform::ids::AllocateAuth::None,
            authentik: None,
            internal_calls: 6_000,
            internal_previous_until: None,
        }
    }
}

/// An organisation with its owner.
pub struct Org {
    pub id: Id,
    pub owner: Caller,
}

impl TestApp {
    pub async fn new() -> Self {
        Self::with(Wish::default()).await
    }

    pub async fn with(wish: Wish) -> Self {
        if database::env("TEST_LOG").is_some() {
            let _ = tracing_subscriber::fmt().with_test_writer().try_init();
        }
        let database = TestDatabase::create().await;
        let clock = ManualClock::default();
        let url = wish.url.clone().unwrap_or_else(|| database.url.clone());
        let options = store::Options {
            pool: wish.pool,
            unfiltered: wish.unfiltered,
            acquire: Duration::from_secs(20),
            clock: Arc::new(clock.clone()),
            ..store::Options::new(url)
        };
        let store = Store::connect(&options).await.unwrap();
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let kv = store::kv::embedded(&database.folder.path().join("kv.db"), shared.clone()).await.unwrap();
        let mailer = Mailer::memory();
        let key = Secret::from("test-encryption-key-0123456789abcdef".to_owned());
        let settings = identity::Settings {
            issuer: "http://127.0.0.1:8000".into(),
            access: Duration::from_secs(15 * 60),
            refresh_idle: Duration::from_secs(14 * 86_400),
            refresh_absolute: Duration::from_secs(90 * 86_400),
            algorithm: wish.algorithm,
            jwt_secret: Secret::from(JWT_SECRET.to_owned()),
            jwt_secret_previous: wish.jwt_secret_previous.map(|secret| Secret::from(secret.to_owned())),
            jwt_private_key: None,
            password_min: 8,
            rsa_pkcs1: false,
            organization_signup: false,
            setup_token: wish.setup_token.map(|token| Secret::from(token.to_owned())),
        };
        let sealer = Sealer::new(&key, None).unwrap();
        let mut identity =
            Identity::open(&store, clock.now(), settings, sealer, mailer.clone()).await.unwrap();
        // Tests run beside each other; nobody is to be told to come back later.
        identity.hasher = Hasher::new(2, Duration::from_secs(120));
        let parts = wiring::Parts {
            store,
            kv,
            clock: shared,
            settings: kernel::Settings {
                dev: wish.dev,
                rate_limit: wish.rate_limit,
                audit_retention_days: wish.audit_retention_days,
                trusted_proxies: wish.trusted_proxies,
                base_url: wish.base_url.into(),
                ..kernel::Settings::default()
            },
            identity,
            vault: Arc::new(Sealer::new(&key, None).unwrap()),
            metrics: Arc::new(Metrics::default()),
            data_dir: database.folder.path().to_owned(),
            allocate_auth: wish.allocate_auth,
            members: members::Settings {
                internal_secret: Some(Secret::from(INTERNAL_SECRET.to_owned())),
                internal_secret_previous: Some(Secret::from(INTERNAL_SECRET_PREVIOUS.to_owned())),
                authentik: wish.authentik,
                internal_secret_previous_until: wish.internal_previous_until,
                internal_calls: wish.internal_calls,
                ..members::Settings::default()
            },
            counter: None,
            edge: wiring::EdgeSettings {
                cors: wish.cors,
                timeout: wish.timeout,
                docs: wish.docs,
                metrics_allow: vec!["127.0.0.0/8".parse().unwrap()],
            },
        };
        let built = wiring::build(parts, wiring::api()).await.unwrap();
        Self {
            app: built.app,
            edge: built.edge,
            operations: built.operations,
            runners: built.runners,
            clock,
            mailer,
            database,
        }
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Does every job that is due, as a worker would.
    pub async fn work(&self) {
        let engine = self.app.service::<jobs::Engine>().unwrap().clone();
        let options = jobs::worker::Options { concurrency: 4, ..jobs::worker::Options::default() };
        let (runners, app) = (self.runners.clone(), self.app.clone());
        // Boxed: every job of the product is inside this future.
        Box::pin(jobs::worker::drain(engine, runners, app, options)).await.unwrap();
    }

    /// Somebody who has not signed in.
    pub fn anon(&self) -> Caller {
        Caller::new(self.edge.clone(), None)
    }

    /// A system unit of work bound to an organisation.
    pub async fn tx(&self, org: Id) -> Tx {
        self.app.store().begin(Mode::Write, Opening::new(Role::System, Some(org))).await.unwrap()
    }

    /// A new person, without a password.
    pub async fn person(&self, name: &str) -> app_user::Model {
        let now = self.now();
        let row = app_user::Model {
            id: base::id::new(now),
            username: name.to_owned(),
            username_key: base::text::fold(name),
            name: format!("{name} the tester"),
            email: Some(format!("{name}@example.com")),
            login_email: Some(format!("{name}@example.com")),
            password_hash: None,
            password_changed_at: None,
            is_platform_admin: false,
            disabled_at: None,
            anonymized_at: None,
            last_sign_in_at: None,
            locale: "en-US".into(),
            time_zone: "UTC".into(),
            version: 1,
            created_at: now,
            updated_at: now,
        };
        let tx = self.app.system(Mode::Write).await.unwrap();
        tx.insert(sea_orm::IntoActiveModel::into_active_model(row.clone()).reset()).await.unwrap();
        tx.commit().await.unwrap();
        row
    }

    /// A new organisation; its owner is called `owner-of-<name>`.
    pub async fn org(&self, name: &str) -> Org {
        let owner = self.person(&format!("owner-of-{name}")).await;
        let id = self.app.new_id();
        let tx = self.tx(id).await;
        identity::organization::found(&self.app, &tx, name, &owner).await.unwrap();
        tx.commit().await.unwrap();
        let owner = self.sign_in(owner, Some(id)).await;
        Org { id, owner }
    }

    /// A session for a person, as a sign-in would make it.
    pub async fn sign_in(&self, person: app_user::Model, org: Option<Id>) -> Caller {
        let now = self.now();
        let sid = self.app.new_id();
        let tx = self.app.system(Mode::Write).await.unwrap();
        tx.insert(session::ActiveModel {
            id: Set(sid),
            user_id: Set(person.id),
            org_id: Set(org),
            created_at: Set(now),
            last_seen_at: Set(now),
            idle_expires_at: Set(now + chrono::Duration::days(14)),
            expires_at: Set(now + chrono::Duration::days(90)),
            revoked_at: Set(None),
            revoked_reason: Set(None),
            ip: Set("127.0.0.1".into()),
            user_agent: Set("tests".into()),
            agent_key: Set("tests".into()),
            amr: Set("pwd".into()),
            step_up_at: Set(None),
        })
        .await
        .unwrap();
        tx.commit().await.unwrap();
        let identity = Identity::of(&self.app).unwrap();
        let claims = jwt::Claims {
            iss: identity.settings.issuer.clone(),
            aud: identity::service::AUDIENCE.into(),
            sub: person.id,
            name: person.name.clone(),
            org_id: org,
            sid,
            jti: self.app.new_id(),
            iat: now.timestamp(),
            exp: now.timestamp() + 900,
        };
        let token = identity.keys().ring.sign(&claims).unwrap();
        let mut caller = Caller::new(self.edge.clone(), Some(token));
        caller.id = person.id;
        caller.name = person.name;
        caller.username = person.username;
        caller.session = sid;
        caller.org = org;
        caller
    }

    /// A member with a role that carries exactly these permissions, on every row.
    pub async fn member(&self, org: &Org, name: &str, permissions: &[&str]) -> Caller {
        self.member_with(org, name, permissions, kernel::access::DataScope::All, None).await
    }

    /// A member with a role of that data scope, in that department.
    pub async fn member_with(
        &self,
        org: &Org,
        name: &str,
        permissions: &[&str],
        scope: kernel::access::DataScope,
        department: Option<Id>,
    ) -> Caller {
        let person = self.person(name).await;
        let now = self.now();
        let role_id = self.app.new_id();
        let tx = self.tx(org.id).await;
        tx.insert(role::entity::ActiveModel {
            id: Set(role_id),
            org_id: Set(org.id),
            code: Set(format!("role-of-{name}")),
            name: Set(format!("Role of {name}")),
            description: Set(None),
            status: Set(identity::resource::Status::Enabled),
            data_scope: Set(scope),
            built_in: Set(false),
            version: Set(1),
            created_at: Set(now),
            updated_at: Set(now),
            created_by: Set(None),
            updated_by: Set(None),
            deleted_at: Set(None),
            alive: Set(Some(true)),
            search_key: Set(String::new()),
        })
        .await
        .unwrap();
        let catalogue = self.app.catalogue();
        let find =
            |code: &&str| catalogue.find(code).unwrap_or_else(|| panic!("there is no permission {code}"));
        let codes: Vec<_> = permissions.iter().map(find).collect();
        let holder = kernel::access::Holder::Role(role_id);
        kernel::access::copy_grants(&tx, || self.app.new_id(), catalogue, holder, codes).await.unwrap();
        let how = user::Join { role_ids: vec![role_id], department_id: department, ..user::Join::default() };
        user::join(&self.app, &tx, &person, None, how).await.unwrap();
        tx.commit().await.unwrap();
        let mut caller = self.sign_in(person, Some(org.id)).await;
        caller.role = Some(role_id);
        caller
    }

    /// The organisation's row.
    pub async fn organization(&self, id: Id) -> organization::Model {
        let tx = self.app.system(Mode::Read).await.unwrap();
        tx.get::<organization::Entity>(id).await.unwrap()
    }
}

/// `reset` on a model that came from nowhere: every column is set.
trait Reset {
    fn reset(self) -> Self;
}

impl Reset for app_user::ActiveModel {
    fn reset(self) -> Self {
        sea_orm::ActiveModelTrait::reset_all(self)
    }
}
