//! What goes on while something is exchanged: keys, tables, the proof of isolation.

use std::time::Duration;

use base::SystemClock;
use sea_orm::ConnectionTrait;
use store::{Dialect, Migration, Mode, Store, migration::Migrations, rls};

use crate::support::{JWT_SECRET, TestApp, Wish, database, database::TestDatabase};

#[tokio::test]
async fn access_tokens_of_the_secret_before_are_accepted_and_no_new_ones_are_made_with_it() {
    let before = TestApp::new().await;
    let claims = |app: &TestApp| identity::credential::jwt::Claims {
        iss: "http://127.0.0.1:8000".into(),
        aud: identity::service::AUDIENCE.into(),
        sub: base::Id::nil(),
        name: "x".into(),
        org_id: None,
        sid: base::Id::nil(),
        jti: base::Id::nil(),
        iat: app.now().timestamp(),
        exp: app.now().timestamp() + 900,
    };
    let ring = |app: &TestApp| identity::Identity::of(&app.app).unwrap().keys().ring;
    let other = "another-jwt-secret-0123456789abcdefghij";
    // Here the secret of the tests is the new one; what `other` signed is what is still out.
    let after = TestApp::with(Wish { jwt_secret_previous: Some(other), ..Wish::default() }).await;
    let old = identity::credential::jwt::SigningKey::from_bytes(
        identity::credential::jwt::Algorithm::HS256,
        &other.as_bytes().to_vec().into(),
    )
    .unwrap();
    let old = identity::credential::jwt::Keyring::new(old, Vec::new()).unwrap();
    let token = old.sign(&claims(&after)).unwrap();
    let (now, issuer) = (after.now(), "http://127.0.0.1:8000");
    let verify = |app: &TestApp| ring(app).verify(&token, now, issuer, identity::service::AUDIENCE).is_ok();
    assert!(verify(&after) && !verify(&before));
    assert_eq!(ring(&after).kid(), ring(&before).kid());
    assert_ne!(other, JWT_SECRET);
    // The same secret twice is one key.
    let twice = TestApp::with(Wish { jwt_secret_previous: Some(JWT_SECRET), ..Wish::default() }).await;
    assert!(!verify(&twice));
}

#[tokio::test]
async fn a_migration_may_take_longer_than_a_request() {
    if database::dialect() != Dialect::Mysql {
        return;
    }
    let database = TestDatabase::create().await;
    let limit = Duration::from_secs(1);
    let options = store::Options { pool: 1, statement: limit, ..store::Options::new(database.url.clone()) };
    let store = Store::connect(&options).await.unwrap();
    let slow = Migration {
        name: "9999_slow",
        up: |ddl| ddl.sql("CREATE TABLE slow AS SELECT SLEEP(2) AS n"),
        down: |ddl| ddl.drop_tables(&["slow"]),
    };
    let list = Migrations::default().with(&[slow]);
    assert_eq!(list.up(&store, &SystemClock).await.unwrap(), ["9999_slow"]);
    // The one connection is limited again.
    let tx = store.begin_system(Mode::Write).await.unwrap();
    let rows = tx.query_sql("SELECT @@SESSION.max_statement_time AS n", vec![]).await.unwrap();
    let seconds: f64 = store::read(&rows[0], "n").unwrap();
    assert!((seconds - 1.0).abs() < 0.01, "{seconds}");
    drop(tx);
    store.close().await;
}

#[tokio::test]
async fn the_proof_of_isolation_fails_where_nothing_can_be_read_at_all() {
    if database::dialect() != Dialect::Postgres {
        return;
    }
    let database = TestDatabase::create().await;
    let store = Store::connect(&store::Options::new(database.url.clone())).await.unwrap();
    let proofs = rls::test(&store).await.unwrap();
    assert!(proofs.iter().all(|proof| proof.own == 1 && proof.rows == 1), "{proofs:?}");
    let admin = database::admin(&database.url).await;
    admin.execute_unprepared("DROP POLICY org_isolation ON post").await.unwrap();
    let proofs = rls::test(&store).await.unwrap();
    let post = proofs.iter().find(|proof| proof.table == "post").unwrap();
    assert!(post.read == 0 && !post.holds(), "{post:?}");
    admin.close().await.unwrap();
}
