//! The wire of the service that the id service replaces: every recorded pair, each in a world of its own,
//! equal byte for byte, and every line of the table of differences in `docs/id-service.md`.
//!
//! The pairs need a MySQL and a PostgreSQL whose tables ids are issued for (`TEST_MYSQL_URL`,
//! `TEST_POSTGRES_URL`); where one is not named, the lines that need it are left out, and said so.

use std::collections::BTreeMap;

use http::Method;
use idgen::{KeyName, Mode, NewKey, Settings};
use platform::ids::Ids;
use sea_orm::{ConnectOptions, ConnectionTrait, Database};
use serde_json::{Value, json};

use crate::support::{Org, TestApp, caller::Reply, database::env};

fn fixture(name: &str) -> String {
    let path = format!("{}/../../tests/fixtures/ids/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

/// A server whose tables ids are issued for.
struct Server {
    url: url::Url,
}

impl Server {
    fn of(kind: &str) -> Option<Self> {
        let variable = if kind == "mysql" { "TEST_MYSQL_URL" } else { "TEST_POSTGRES_URL" };
        Some(Self { url: env(variable)?.parse().unwrap() })
    }
    fn address(&self) -> String {
        let port = self.url.port().unwrap_or(if self.url.scheme() == "mysql" { 3306 } else { 5432 });
        format!("{}:{port}", self.url.host_str().unwrap_or("127.0.0.1"))
    }
    fn user(&self) -> String {
        self.url.username().to_owned()
    }
    fn password(&self) -> String {
        self.url.password().unwrap_or_default().to_owned()
    }
    async fn run(&self, database: Option<&str>, statements: &[String]) {
        let mut url = self.url.clone();
        if let Some(database) = database {
            url.set_path(database);
        }
        let mut options = ConnectOptions::new(url.to_string());
        options.max_connections(1).sqlx_logging(false);
        let connection = Database::connect(options).await.unwrap();
        for statement in statements {
            connection
                .execute_unprepared(statement)
                .await
                .unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
        connection.close().await.unwrap();
    }
    async fn create(&self, name: &str) {
        let force = if self.url.scheme() == "mysql" { "" } else { " WITH (FORCE)" };
        let drop = format!("DROP DATABASE IF EXISTS {name}{force}");
        self.run(None, &[drop, format!("CREATE DATABASE {name}")]).await;
    }
    async fn drop(&self, name: &str) {
        let force = if self.url.scheme() == "mysql" { "" } else { " WITH (FORCE)" };
        self.run(None, &[format!("DROP DATABASE IF EXISTS {name}{force}")]).await;
    }
}

/// One line's world: the application, and the guids of its configurations.
struct World<'a> {
    app: &'a TestApp,
    org: Org,
    guids: BTreeMap<String, String>,
}

impl World<'_> {
    async fn prepare(&mut self, need: &Value) {
        let statements = |need: &Value| -> Vec<String> {
            need["statements"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|one| one.as_str().unwrap().to_owned())
                .collect()
        };
        if let Some(kind) = need["sql"].as_str() {
            let server = Server::of(kind).unwrap();
            let name = need["database"].as_str().or(need["in"].as_str()).unwrap();
            if need["in"].is_null() {
                server.create(name).await;
            }
            server.run(Some(name), &statements(need)).await;
        } else if let Some(config) = need.get("config") {
            let kind = config["db_type"].as_str().unwrap();
            let server = Server::of(if kind == "postgresql" { "postgres" } else { "mysql" });
            let given = |name: &str, preset: String| config[name].as_str().map_or(preset, str::to_owned);
            let of = |preset: fn(&Server) -> String| server.as_ref().map(preset).unwrap_or_default();
            let body = json!({
                "system_code": config["system_code"], "db_type": kind,
                "db_address": given("db_address", of(Server::address)),
                "db_user": given("db_user", of(Server::user)),
                "db_password": given("db_password", of(Server::password)),
                "db_name": config["db_name"],
            });
            let made = self.org.owner.post("/api/database/add", body).await.expect(200);
            assert_eq!(made.body["code"], 0, "{}", made.text());
            let real = made.body["data"]["guid"].as_str().unwrap().to_owned();
            if let Some(recorded) = config["guid"].as_str() {
                self.guids.insert(recorded.to_owned(), real);
            }
        } else if let Some(counter) = need.get("counter") {
            let engine = Ids::of(&self.app.app).unwrap().engine();
            let name = KeyName::new(counter["key"].as_str().unwrap()).unwrap();
            let in_use = counter["value"].as_i64().or(counter["value"].as_str().and_then(|n| n.parse().ok()));
            let settings = Settings { mode: Mode::Strict, ..Settings::default() };
            let org = self.org.id;
            engine.create(&NewKey { org, name, in_use: in_use.unwrap(), settings }).await.unwrap();
        } else if let Some(call) = need.get("call") {
            self.app.anon().post("/api/segment/allocate", call.clone()).await;
        } else if need["scan"] == true {
            self.app.clock.advance(chrono::TimeDelta::seconds(1));
            platform::ids::scan_all(&self.app.app).await.unwrap();
        } else {
            panic!("an unknown need: {need}");
        }
    }

    fn real(&self, text: &str) -> String {
        self.guids.iter().fold(text.to_owned(), |text, (recorded, real)| text.replace(recorded, real))
    }
    fn recorded(&self, text: &str) -> String {
        self.guids.iter().fold(text.to_owned(), |text, (recorded, real)| text.replace(real, recorded))
    }

    async fn call(&self, line: &Value) -> Reply {
        let mut caller = self.app.anon();
        let mut kind = None;
        for (name, value) in line["headers"].as_object().unwrap() {
            let value = value.as_str().unwrap();
            match name.to_ascii_lowercase().as_str() {
                "content-type" => kind = Some(value.to_owned()),
                "authorization" if value.ends_with("gBSoU") => caller.token = self.org.owner.token.clone(),
                name => caller = caller.with(name, value),
            }
        }
        let method = Method::from_bytes(line["method"].as_str().unwrap().as_bytes()).unwrap();
        let body = line["request_body"].as_str().map(|body| self.real(body)).unwrap_or_default();
        let path = self.real(line["path"].as_str().unwrap());
        caller.raw(method, &path, kind.as_deref(), body.into_bytes()).await
    }
}

/// Both texts without what is chosen anew each time: the guid of a configuration that the line itself adds.
fn without_new_guid(text: &str) -> String {
    let Some(at) = text.find("\"guid\":\"") else { return text.to_owned() };
    let (head, tail) = text.split_at(at + 8);
    let rest = tail.find('"').map_or("", |end| &tail[end..]);
    format!("{head}…{rest}")
}

/// Whether every server that a line needs is named.
fn can_run(needs: &[Value]) -> bool {
    needs.iter().all(|need| {
        let config = need.get("config").filter(|config| config["db_address"].is_null());
        let kind = need["sql"].as_str().map(str::to_owned).or_else(|| {
            let kind = config?["db_type"].as_str()?;
            Some(if kind == "postgresql" { "postgres" } else { kind }.to_owned())
        });
        kind.is_none_or(|kind| Server::of(&kind).is_some())
    })
}

#[tokio::test]
async fn every_recorded_pair_comes_out_byte_for_byte_but_for_the_listed_differences() {
    let setup: Vec<Value> = serde_json::from_str(&fixture("setup.json")).unwrap();
    let (mut equal, mut left_out) = (0, Vec::new());
    for line in fixture("examples.jsonl").lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let name = line["name"].as_str().unwrap();
        if !line["difference"].is_null() {
            continue;
        }
        let needs = setup.iter().find(|one| one["name"] == name).unwrap()["needs"].as_array().unwrap();
        if !can_run(needs) {
            left_out.push(name.to_owned());
            continue;
        }
        let app = TestApp::new().await;
        let org = app.org("kxy").await;
        let mut world = World { app: &app, org, guids: BTreeMap::new() };
        for need in needs {
            world.prepare(need).await;
        }
        let reply = world.call(&line).await;
        assert_eq!(
            u64::from(reply.status.as_u16()),
            line["status"].as_u64().unwrap(),
            "{name}: {}",
            reply.text()
        );
        for (header, value) in line["response_headers"].as_object().unwrap() {
            assert_eq!(reply.header(header), value.as_str().unwrap(), "{name}: {header}");
        }
        let expected = line["response_body"].as_str().unwrap();
        let (got, expected) = (world.recorded(&reply.text()), expected.to_owned());
        assert_eq!(without_new_guid(&got), without_new_guid(&expected), "{name}");
        equal += 1;
    }
    for (kind, names) in
        [("mysql", ["shop_a", "shop_b", "shop_c"]), ("postgres", ["shop_pg", "other_pg", "shop_pg"])]
    {
        if let Some(server) = Server::of(kind) {
            for name in names {
                server.drop(name).await;
            }
        }
    }
    println!("{equal} pairs are equal; left out without a server: {left_out:?}");
    assert!(equal >= 24, "only {equal} pairs were tried");
}

#[tokio::test]
async fn a_key_in_the_request_says_in_whose_name_and_must_then_be_good() {
    let app = TestApp::new().await;
    let (home, other) = (app.org("home").await, app.org("other").await);
    for org in [&home, &other] {
        org.owner.post("/api/id-keys", json!({ "name": "a:b:c:d" })).await.expect(201);
    }
    let names = json!({
        "system_code": "a", "db_name": "b", "table_name": "c", "field_name": "d", "segment_count": 10,
    });
    let key = other.owner.post("/api/auth/api-keys", json!({ "name": "inserter" })).await.expect(201);
    let key = key.body["key"].as_str().unwrap().to_owned();
    let start = |reply: &Reply| reply.body["data"]["start"].as_i64();
    let anonymous = app.anon().post("/api/segment/allocate", names.clone()).await.expect(200);
    assert_eq!(start(&anonymous), Some(1), "the first organisation's key");
    let named =
        app.anon().with("x-api-key", &key).post("/api/segment/allocate", names.clone()).await.expect(200);
    assert_eq!(start(&named), Some(1), "the other organisation's key");
    let again =
        app.anon().with("x-api-key", &key).post("/api/segment/allocate", names.clone()).await.expect(200);
    assert_eq!(start(&again), Some(11));
    let bad = app.anon().with("x-api-key", "tnk_bad").post("/api/segment/allocate", names.clone()).await;
    assert_eq!(
        (bad.status.as_u16(), bad.text()),
        (401, r#"{"detail":"Invalid or expired token"}"#.to_owned())
    );
    let journal = other.owner.get("/api/id-keys").await.expect(200);
    let id = journal.items()[0]["id"].as_str().unwrap().to_owned();
    let lines = other.owner.get(&format!("/api/id-keys/{id}/journal")).await.expect(200);
    let caller = lines.items()[0]["caller"].as_str().unwrap();
    assert!(caller.contains(&other.owner.username) && caller.contains("(key "), "{caller}");
}

#[tokio::test]
async fn where_a_key_is_asked_for_nobody_gets_ids_without_one() {
    let wish = crate::support::Wish { allocate_auth: platform::ids::AllocateAuth::Key, ..Default::default() };
    let app = TestApp::with(wish).await;
    let org = app.org("home").await;
    org.owner.post("/api/id-keys", json!({ "name": "a:b:c:d" })).await.expect(201);
    let names = json!({ "system_code": "a", "db_name": "b", "table_name": "c", "field_name": "d" });
    let refused = app.anon().post("/api/segment/allocate", names.clone()).await;
    assert_eq!(refused.text(), r#"{"detail":"Authorization header missing"}"#);
    assert_eq!((refused.status.as_u16(), refused.header("www-authenticate")), (401, "Bearer"));
    let powerless = app.member(&org, "powerless", &[]).await;
    let refused = powerless.post("/api/segment/allocate", names.clone()).await;
    assert_eq!(refused.status.as_u16(), 403, "{}", refused.text());
    let able = app.member(&org, "able", &["ids:key:allocate"]).await;
    assert_eq!(able.post("/api/segment/allocate", names).await.expect(200).body["code"], 0);
}
