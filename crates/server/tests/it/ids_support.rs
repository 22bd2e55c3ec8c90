//! Databases that ids are issued for, and what clients of the id service call, for its tests.

use std::sync::{
    Mutex,
    atomic::{AtomicU32, Ordering},
};

use base::Id;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use serde_json::{Value, json};

use crate::support::{
    Caller, Org, TestApp,
    caller::Reply,
    database::{admin, env},
};

pub const ALLOCATE: &str = "/api/segment/allocate";

/// A product that is at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    Mysql,
    Postgres,
}

/// A database of somebody whose tables ids are issued for; it goes away with the value.
pub struct Shop {
    pub product: Product,
    pub name: String,
    url: url::Url,
    accounts: Mutex<Vec<String>>,
}

impl Shop {
    /// What accounts of [`Shop::account`] sign in with.
    pub const PASSWORD: &str = "reader-Kx7-pw";

    /// On one product, where a server of it is named.
    pub async fn on(product: Product) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let variable = if product == Product::Mysql { "TEST_MYSQL_URL" } else { "TEST_POSTGRES_URL" };
        let Some(url) = env(variable) else {
            println!("left out: {variable} is not set");
            return None;
        };
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tenon_test_{}_ids_{count}", std::process::id());
        let shop = Self { product, name, url: url.parse().unwrap(), accounts: Mutex::default() };
        shop.on_server(&format!("CREATE DATABASE {}", shop.name)).await;
        Some(shop)
    }

    /// One on every product that is at hand.
    pub async fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for product in [Product::Mysql, Product::Postgres] {
            all.extend(Self::on(product).await);
        }
        all
    }

    /// Runs a statement outside of the database.
    pub async fn on_server(&self, statement: &str) {
        let connection = admin(self.url.as_str()).await;
        connection.execute_unprepared(statement).await.unwrap_or_else(|e| panic!("{statement}: {e}"));
        connection.close().await.unwrap();
    }

    /// A connection of its own.
    pub async fn connect(&self) -> DatabaseConnection {
        let mut url = self.url.clone();
        url.set_path(&self.name);
        let mut options = ConnectOptions::new(url.to_string());
        options.max_connections(1).sqlx_logging(false);
        Database::connect(options).await.unwrap()
    }

    pub async fn run(&self, statements: &[&str]) {
        let connection = self.connect().await;
        for statement in statements {
            connection.execute_unprepared(statement).await.unwrap_or_else(|e| panic!("{statement}: {e}"));
        }
        connection.close().await.unwrap();
    }

    /// An account of its own that may do no more than the statements grant; `{user}` stands for it. It goes
    /// away with the database.
    pub async fn account(&self, grants: &[String]) -> String {
        let number = self.accounts.lock().unwrap().len();
        let name = format!("{}_{number}", self.name.trim_start_matches("tenon_test_"));
        let (create, user) = match self.product {
            Product::Mysql => {
                (format!("CREATE USER {name}@'%' IDENTIFIED BY '{}'", Self::PASSWORD), format!("{name}@'%'"))
            }
            Product::Postgres => {
                (format!("CREATE ROLE \"{name}\" LOGIN PASSWORD '{}'", Self::PASSWORD), format!("\"{name}\""))
            }
        };
        self.accounts.lock().unwrap().push(user.clone());
        let mut statements = vec![create];
        statements.extend(grants.iter().map(|grant| grant.replace("{user}", &user)));
        self.run(&statements.iter().map(String::as_str).collect::<Vec<_>>()).await;
        name
    }

    /// A table with a key of that type, and with these ids in it.
    pub async fn table(&self, name: &str, kind: &str, ids: &[i128]) {
        self.run(&[&format!("CREATE TABLE {name} (id {kind} PRIMARY KEY)")]).await;
        for id in ids {
            self.run(&[&format!("INSERT INTO {name} VALUES ({id})")]).await;
        }
    }

    /// Keeps everybody from reading a table until the connection is told [`Shop::unlock`].
    pub async fn lock(&self, table: &str) -> DatabaseConnection {
        let connection = self.connect().await;
        let statements: &[String] = match self.product {
            Product::Mysql => &[format!("LOCK TABLES {table} WRITE")],
            Product::Postgres => {
                &["BEGIN".to_owned(), format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")]
            }
        };
        for statement in statements {
            connection.execute_unprepared(statement).await.unwrap();
        }
        connection
    }

    pub async fn unlock(&self, connection: DatabaseConnection) {
        let statement = if self.product == Product::Mysql { "UNLOCK TABLES" } else { "ROLLBACK" };
        connection.execute_unprepared(statement).await.unwrap();
        connection.close().await.unwrap();
    }

    pub fn address(&self) -> String {
        let usual = if self.product == Product::Mysql { 3306 } else { 5432 };
        format!("{}:{}", self.url.host_str().unwrap_or("127.0.0.1"), self.url.port().unwrap_or(usual))
    }
    pub fn kind(&self) -> &'static str {
        if self.product == Product::Mysql { "mysql" } else { "postgresql" }
    }
    pub fn user(&self) -> &str {
        self.url.username()
    }
    pub fn password(&self) -> &str {
        self.url.password().unwrap_or_default()
    }

    /// A configuration of it as the older wire takes it.
    pub fn config(&self, system: &str) -> Value {
        json!({
            "system_code": system, "db_type": self.kind(), "db_address": self.address(),
            "db_user": self.user(), "db_password": self.password(), "db_name": self.name,
        })
    }

    /// The same as the house's own routes take it.
    pub fn body(&self, system: &str) -> Value {
        json!({
            "system_code": system, "kind": self.kind(), "address": self.address(),
            "user": self.user(), "password": self.password(), "database": self.name,
        })
    }

    /// Configures it; the id of the configuration.
    pub async fn configure(&self, org: &Org, system: &str) -> Id {
        org.owner.post("/api/id-databases", self.body(system)).await.expect(201).id()
    }

    /// A call for ids of a column `id`.
    pub fn ask(&self, system: &str, table: &str, count: i64) -> Value {
        ask(system, &self.name, table, "id", count)
    }

    /// The key of a column `id`.
    pub fn key(&self, system: &str, table: &str) -> String {
        format!("{system}:{}:{table}:id", self.name)
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let (url, name, product) = (self.url.to_string(), self.name.clone(), self.product);
        let accounts = std::mem::take(&mut *self.accounts.lock().unwrap());
        // The test's own runtime is going away; another thread cleans up.
        let cleaner = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let admin = admin(&url).await;
                if product == Product::Mysql {
                    // What a test that failed left locked would hold the database.
                    let open = format!("SELECT id FROM information_schema.processlist WHERE db = '{name}'");
                    let open = sea_orm::Statement::from_string(sea_orm::DbBackend::MySql, open);
                    for row in admin.query_all_raw(open).await.unwrap_or_default() {
                        let id: i64 = row.try_get_by_index(0).unwrap_or_default();
                        let _ = admin.execute_unprepared(&format!("KILL {id}")).await;
                    }
                }
                let force = if product == Product::Mysql { "" } else { " WITH (FORCE)" };
                let _ = admin.execute_unprepared(&format!("DROP DATABASE IF EXISTS {name}{force}")).await;
                let kind = if product == Product::Mysql { "USER" } else { "ROLE" };
                for account in accounts {
                    let _ = admin.execute_unprepared(&format!("DROP {kind} IF EXISTS {account}")).await;
                }
                let _ = admin.close().await;
            });
        });
        let _ = cleaner.join();
    }
}

/// A call for ids.
pub fn ask(system: &str, database: &str, table: &str, field: &str, count: i64) -> Value {
    json!({
        "system_code": system, "db_name": database, "table_name": table, "field_name": field,
        "segment_count": count,
    })
}

/// An id on the older wire: a number, or text where JavaScript would round it.
pub fn wide(value: &Value) -> i64 {
    value.as_i64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_else(|| panic!("no id: {value}"))
}

/// A range that was given, or the code and the sentence of the envelope.
pub fn given(reply: &Reply) -> Result<(i64, i64), (u64, String)> {
    if reply.body["code"] == 0 {
        return Ok((wide(&reply.body["data"]["start"]), wide(&reply.body["data"]["end"])));
    }
    let code = reply.body["code"].as_u64().unwrap_or_else(|| panic!("no envelope: {}", reply.text()));
    assert_eq!((&reply.body["data"], &reply.body["traceId"]), (&Value::Null, &Value::Null));
    Err((code, reply.body["msg"].as_str().unwrap().to_owned()))
}

pub async fn try_take(caller: &Caller, ask: &Value) -> Result<(i64, i64), (u64, String)> {
    given(&caller.post(ALLOCATE, ask.clone()).await)
}

pub async fn take(caller: &Caller, ask: &Value) -> (i64, i64) {
    try_take(caller, ask).await.unwrap_or_else(|refused| panic!("{ask}: {refused:?}"))
}

/// A call on the older wire that must be done; its data.
pub async fn done(caller: &Caller, path: &str, body: Value) -> Value {
    let reply = caller.post(path, body).await.expect(200);
    assert_eq!(reply.body["code"], 0, "{path}: {}", reply.text());
    reply.body["data"].clone()
}

/// Initialises over the older wire.
pub async fn initialize(caller: &Caller, id: Id) -> Value {
    done(caller, &format!("/api/database/initialize/{id}"), json!({})).await
}

/// What an initialisation says of a table.
pub fn row_of<'a>(data: &'a Value, table: &str) -> &'a Value {
    let rows = data["tables"].as_array().or_else(|| data["rows"].as_array()).unwrap();
    rows.iter().find(|row| row["table"] == table).unwrap_or_else(|| panic!("no {table} in {data}"))
}

/// Fails when two ranges have an id in common.
pub fn assert_disjoint(ranges: &[(i64, i64)]) {
    let mut sorted = ranges.to_vec();
    sorted.sort_unstable();
    for pair in sorted.windows(2) {
        assert!(pair[0].1 < pair[1].0, "issued twice: {:?} and {:?}", pair[0], pair[1]);
    }
}

/// The key of that name.
pub async fn key_named(caller: &Caller, name: &str) -> Value {
    let search: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
    let page = caller.get(&format!("/api/id-keys?page_size=200&search={search}")).await.expect(200);
    let found = page.items().iter().find(|key| key["name"] == name);
    found.unwrap_or_else(|| panic!("no key {name} in {}", page.body)).clone()
}

/// Every line of a key's journal.
pub async fn journal(caller: &Caller, id: &str) -> Vec<Value> {
    let (mut lines, mut from) = (Vec::new(), "0".to_owned());
    loop {
        let path = format!("/api/id-keys/{id}/journal?limit=500&from={from}");
        let page = caller.get(&path).await.expect(200);
        lines.extend(page.items().iter().cloned());
        match page.body["next"].as_str() {
            Some(next) => from = next.to_owned(),
            None => return lines,
        }
    }
}

/// Ids by the house's own route.
pub async fn next(caller: &Caller, name: &str, count: i64) -> Reply {
    caller.post("/api/ids/next", json!({ "key": name, "count": count })).await
}

/// The first and the last of some ids.
pub async fn ids(caller: &Caller, name: &str, count: i64) -> (i64, i64) {
    let reply = next(caller, name, count).await.expect(200);
    let id = |field: &str| reply.body[field].as_str().unwrap().parse().unwrap();
    (id("start"), id("end"))
}

/// An API key of somebody, as a caller.
pub async fn with_key(app: &TestApp, owner: &Caller, name: &str) -> Caller {
    let made = owner.post("/api/auth/api-keys", json!({ "name": name })).await.expect(201);
    app.anon().with("x-api-key", made.body["key"].as_str().unwrap())
}

/// Moves time on and looks into every database, as the scheduled job does.
pub async fn scan(app: &TestApp) {
    app.clock.advance(chrono::TimeDelta::seconds(60));
    platform::ids::scan_all(&app.app).await.unwrap();
}

/// Another node on the same database.
pub async fn second_node(app: &TestApp) -> TestApp {
    let url = Some(app.database.url.clone());
    TestApp::with(crate::support::Wish { url, ..Default::default() }).await
}

/// The same caller at another node.
pub fn at(node: &TestApp, caller: &Caller) -> Caller {
    Caller::new(node.edge.clone(), caller.token.clone())
}
