//! Set-up, sign-in, refreshing, signing out, passwords, and the keys that all of it stands on.

use futures_util::future::join_all;
use identity::{Identity, credential::jwt::Algorithm, entity::app_user};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter};
use serde_json::{Value, json};
use store::Mode;

use crate::support::{TestApp, Wish, caller::Reply, people::PASSWORD};

fn setup() -> Value {
    json!({ "username": "founder", "password": "a long pass phrase 1", "email": "founder@example.com", "organization": "Acme" })
}

#[tokio::test]
async fn set_up_happens_exactly_once() {
    let app = TestApp::new().await;
    let before = app.anon().get("/api/auth/check-init").await.expect(200);
    assert_eq!(before.body["initialized"], false);
    assert_eq!(before.body["setup_token_required"], false, "on this very machine no token is asked for");
    let replies = join_all((0..8).map(|n| {
        let mut body = setup();
        body["username"] = json!(format!("founder{n}"));
        body["email"] = json!(format!("founder{n}@example.com"));
        let anon = app.anon();
        async move { anon.post("/api/auth/init-user", body).await }
    }))
    .await;
    let statuses: Vec<u16> = replies.iter().map(|reply| reply.status.as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [201, 409].contains(status)), "{statuses:?}");
    let won = replies.iter().find(|reply| reply.status == 201).unwrap();
    assert_eq!(won.body["token_type"], "Bearer");
    assert_eq!(won.body["organization"]["name"], "Acme");
    let me = app.anon().with_token(won.body["access_token"].as_str().unwrap());
    let info = me.get("/api/auth/user/info").await.expect(200);
    assert_eq!(info.body["user"]["is_platform_admin"], true);
    assert_eq!(info.body["organization"]["is_owner"], true);
    assert_eq!(app.anon().get("/api/auth/check-init").await.body["initialized"], true);
    let again = app.anon().post("/api/auth/init-user", setup()).await.expect(409);
    assert_eq!(again.code(), "already_initialized");
}

#[tokio::test]
async fn from_elsewhere_set_up_asks_for_its_token() {
    let app =
        TestApp::with(Wish { setup_token: Some("the-setup-token-0123456789"), ..Wish::default() }).await;
    let mut far = app.anon();
    far.peer = ([192, 0, 2, 7], 40_000).into();
    assert_eq!(far.get("/api/auth/check-init").await.body["setup_token_required"], true);
    far.post("/api/auth/init-user", setup()).await.expect(401);
    far.with("x-setup-token", "wrong").post("/api/auth/init-user", setup()).await.expect(401);
    app.anon().with("x-forwarded-for", "127.0.0.1").post("/api/auth/init-user", setup()).await.expect(401);
    app.anon().with("host", "evil.example").post("/api/auth/init-user", setup()).await.expect(401);
    far.with("x-setup-token", "the-setup-token-0123456789")
        .post("/api/auth/init-user", setup())
        .await
        .expect(201);
}

#[tokio::test]
async fn sign_in_works_by_name_by_mail_encrypted_and_by_form() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    app.member_with_password(&org, "alice").await;
    for name in ["alice", "ALICE", "alice@example.com", "Alice@Example.com"] {
        let reply = app.login(name, PASSWORD).await.expect(200);
        for field in [
            "access_token",
            "refresh_token",
            "token_type",
            "expires_in",
            "user",
            "organization",
            "organizations",
        ] {
            assert!(!reply.body[field].is_null(), "{field}");
        }
        let caller = app.anon().with_token(reply.body["access_token"].as_str().unwrap());
        caller.get("/api/auth/user/info").await.expect(200);
        assert!(reply.header("set-cookie").contains("HttpOnly"), "{}", reply.header("set-cookie"));
        assert!(reply.header("set-cookie").contains("SameSite=Strict"));
    }
    let key = app.anon().get("/api/auth/keys/public").await.expect(200).body;
    let encrypt = |nonce: &str, iat: i64| {
        let content = identity::credential::envelope::SignIn {
            password: PASSWORD.to_owned().into(),
            nonce: nonce.into(),
            iat,
        };
        let (pem, kid) = (key["pem"].as_str().unwrap(), key["kid"].as_str().unwrap());
        json!({ "username": "alice", "encrypted_password": crate::support::envelope::encrypt(pem, kid, &content) })
    };
    let now = app.now().timestamp();
    let once = encrypt("nonce-0000000000000001", now);
    app.anon().post("/api/auth/login", once.clone()).await.expect(200);
    app.anon().post("/api/auth/login", once).await.expect(401);
    app.anon().post("/api/auth/login", encrypt("nonce-0000000000000002", now - 600)).await.expect(401);
    let form = "grant_type=password&username=alice&password=correct+horse+battery+staple";
    let kind = Some("application/x-www-form-urlencoded");
    let reply = app
        .anon()
        .raw(http::Method::POST, "/api/auth/token", kind, form.as_bytes().to_vec())
        .await
        .expect(200);
    assert!(reply.body["token_type"].as_str().unwrap().eq_ignore_ascii_case("bearer"));
    let wrong = form.replace("staple", "wrong");
    app.anon().raw(http::Method::POST, "/api/auth/token", kind, wrong.into_bytes()).await.expect(401);
}

#[tokio::test]
async fn unknown_wrong_disabled_and_locked_are_answered_alike() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    for name in ["alice", "bob", "carol"] {
        app.member_with_password(&org, name).await;
    }
    let carol = app.login("carol", PASSWORD).await.expect(200);
    let id: base::Id = carol.body["user"]["id"].as_str().unwrap().parse().unwrap();
    app.change_user(id, app_user::ActiveModel { disabled_at: Set(Some(app.now())), ..Default::default() })
        .await;
    for _ in 0..6 {
        app.login("bob", "wrong").await.expect(401);
    }
    let replies = [
        app.login("nobody", PASSWORD).await,
        app.login("alice", "wrong").await,
        app.login("carol", PASSWORD).await,
        app.login("bob", PASSWORD).await,
    ];
    let shape = |reply: &Reply| {
        let mut body = reply.body.clone();
        body["request_id"] = json!("");
        let mut names: Vec<String> = reply.headers.keys().map(ToString::to_string).collect();
        names.sort();
        (reply.status, body, names)
    };
    for reply in &replies {
        assert_eq!(shape(reply), shape(&replies[0]));
        assert_eq!(reply.status, 401);
    }
}

#[tokio::test]
async fn a_locked_account_opens_again_and_locks_nobody_else_out() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    app.member_with_password(&org, "alice").await;
    app.member_with_password(&org, "bob").await;
    for _ in 0..5 {
        app.login("alice", "wrong").await.expect(401);
    }
    app.login("alice", PASSWORD).await.expect(401);
    app.login("bob", PASSWORD).await.expect(200);
    let mut elsewhere = app.anon();
    elsewhere.peer = ([192, 0, 2, 9], 1).into();
    let body = json!({ "username": "alice", "password": PASSWORD });
    elsewhere.post("/api/auth/login", body).await.expect(200);
    app.clock.advance(chrono::Duration::minutes(16));
    app.login("alice", PASSWORD).await.expect(200);
    // A success wipes the slate.
    for _ in 0..4 {
        app.login("alice", "wrong").await.expect(401);
    }
    app.login("alice", PASSWORD).await.expect(200);
    for _ in 0..4 {
        app.login("alice", "wrong").await.expect(401);
    }
    app.login("alice", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_hundred_parallel_wrong_passwords_are_all_counted() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    app.member_with_password(&org, "alice").await;
    // Whichever address they come from: each pair of account and address is counted, and so is each address.
    let tries =
        (0..100).map(|n| {
            let mut caller = app.anon();
            caller.peer = ([192, 0, 2, u8::try_from(n % 4).unwrap()], 1).into();
            async move {
                caller.post("/api/auth/login", json!({ "username": "alice", "password": "wrong" })).await
            }
        });
    let replies = join_all(tries).await;
    for reply in &replies {
        assert!([401, 429].contains(&reply.status.as_u16()), "{}", reply.text());
    }
    let tx = app.app.system(Mode::Read).await.unwrap();
    use identity::entity::sign_in_attempt;
    let counted = tx.count(tx.find::<sign_in_attempt::Entity>()).await.unwrap();
    assert_eq!(counted, 100, "every attempt is a row");
    for n in 0..4 {
        let mut caller = app.anon();
        caller.peer = ([192, 0, 2, n], 1).into();
        caller
            .post("/api/auth/login", json!({ "username": "alice", "password": PASSWORD }))
            .await
            .expect(401);
    }
}

#[tokio::test]
async fn spraying_one_password_over_many_accounts_is_throttled_whatever_is_forwarded() {
    let app = TestApp::new().await;
    for n in 0..50 {
        let caller = app.anon().with("x-forwarded-for", &format!("203.0.113.{n}"));
        caller
            .post("/api/auth/login", json!({ "username": format!("user{n}"), "password": "Spring2026!" }))
            .await
            .expect(401);
    }
    let caller = app.anon().with("x-forwarded-for", "198.51.100.1");
    let reply =
        caller.post("/api/auth/login", json!({ "username": "user99", "password": "x" })).await.expect(429);
    assert!(reply.header("retry-after").parse::<u32>().unwrap() > 0);
}

#[tokio::test]
async fn a_bcrypt_hash_verifies_and_is_hashed_anew() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let hash = bcrypt::hash(PASSWORD, 4).unwrap();
    let old = app.member_with_password(&org, "old").await;
    let values = app_user::ActiveModel { password_hash: Set(Some(hash)), ..Default::default() };
    app.change_user(old.id, values).await;
    app.login("old", PASSWORD).await.expect(200);
    let tx = app.app.system(Mode::Read).await.unwrap();
    let row = tx.get::<app_user::Entity>(old.id).await.unwrap();
    assert!(row.password_hash.unwrap().starts_with("$argon2id$"));
    drop(tx);
    app.login("old", PASSWORD).await.expect(200);
}

async fn refresh(app: &TestApp, token: &str) -> Reply {
    app.anon().post("/api/auth/token/refresh", json!({ "refresh_token": token })).await
}

#[tokio::test]
async fn twenty_parallel_refreshes_leave_one_family_and_everybody_signed_in() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let alice = app.member_with_password(&org, "alice").await;
    let first = app.login("alice", PASSWORD).await.expect(200);
    let token = first.body["refresh_token"].as_str().unwrap().to_owned();
    let replies = join_all((0..20).map(|_| refresh(&app, &token))).await;
    let successors: std::collections::BTreeSet<String> = replies
        .iter()
        .map(|reply| reply.clone().expect(200).body["refresh_token"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(successors.len(), 1, "one family");
    for reply in &replies {
        let caller = app.anon().with_token(reply.body["access_token"].as_str().unwrap());
        caller.get("/api/auth/user/info").await.expect(200);
    }
    let tx = app.app.system(Mode::Read).await.unwrap();
    use identity::entity::session;
    let own = tx.find::<session::Entity>().filter(session::Column::UserId.eq(alice.id));
    let live = own.filter(session::Column::RevokedAt.is_null());
    assert_eq!(tx.count(live).await.unwrap(), 1);
    drop(tx);
    refresh(&app, successors.first().unwrap()).await.expect(200);
}

#[tokio::test]
async fn a_replayed_old_token_ends_the_family_and_is_in_the_audit_trail() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    app.member_with_password(&org, "alice").await;
    let first = app.login("alice", PASSWORD).await.expect(200);
    let old = first.body["refresh_token"].as_str().unwrap().to_owned();
    let second = refresh(&app, &old).await.expect(200);
    app.clock.advance(chrono::Duration::seconds(11));
    assert_eq!(refresh(&app, &old).await.expect(401).code(), "session_ended");
    refresh(&app, second.body["refresh_token"].as_str().unwrap()).await.expect(401);
    let caller = app.anon().with_token(second.body["access_token"].as_str().unwrap());
    caller.get("/api/auth/user/info").await.expect(401);
    let actions = app.audited(&org).await;
    assert!(
        actions.iter().any(|action| action.contains("session") && action.contains("reuse")),
        "{actions:?}"
    );
    refresh(&app, "not-a-token").await.expect(401);
}

#[tokio::test]
async fn a_refresh_token_is_bound_to_its_browser_and_to_its_time() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    app.member_with_password(&org, "alice").await;
    let agent = |version: &str| format!("Mozilla/5.0 (X11; Linux) Firefox/{version}");
    let browser = app.anon().with("user-agent", &agent("140.0"));
    let body = json!({ "username": "alice", "password": PASSWORD });
    let signed = browser.post("/api/auth/login", body.clone()).await.expect(200);
    let next = app.anon().with("user-agent", &agent("141.2"));
    let token = json!({ "refresh_token": signed.body["refresh_token"] });
    let again = next.post("/api/auth/token/refresh", token).await.expect(200);
    let thief = app.anon().with("user-agent", "curl/8.0");
    let token = json!({ "refresh_token": again.body["refresh_token"] });
    thief.post("/api/auth/token/refresh", token.clone()).await.expect(401);
    let idle = app.login("alice", PASSWORD).await.expect(200);
    app.clock.advance(chrono::Duration::days(15));
    refresh(&app, idle.body["refresh_token"].as_str().unwrap()).await.expect(401);
    let mut busy = app.login("alice", PASSWORD).await.expect(200);
    for _ in 0..6 {
        app.clock.advance(chrono::Duration::days(13));
        busy = refresh(&app, busy.body["refresh_token"].as_str().unwrap()).await.expect(200);
    }
    app.clock.advance(chrono::Duration::days(13));
    refresh(&app, busy.body["refresh_token"].as_str().unwrap()).await.expect(401);
}

#[tokio::test]
async fn the_console_refreshes_by_cookie_and_only_from_its_own_pages() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    app.member_with_password(&org, "alice").await;
    let signed = app.login("alice", PASSWORD).await.expect(200);
    let cookie = signed.header("set-cookie").split(';').next().unwrap().to_owned();
    let browser = app.anon().with("cookie", &cookie);
    let evil =
        browser.with("origin", "https://evil.example").post("/api/auth/token/refresh", json!({})).await;
    assert!([401, 403].contains(&evil.status.as_u16()), "{}", evil.text());
    let own = browser.with("origin", "http://127.0.0.1:8000").with("sec-fetch-site", "same-origin");
    let fresh = own.post("/api/auth/token/refresh", json!({})).await.expect(200);
    assert!(fresh.header("set-cookie").contains("tenon_refresh"));
}

#[tokio::test]
async fn signing_out_is_effective_at_once_here_or_everywhere() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    app.member_with_password(&org, "alice").await;
    let sign = async || {
        let reply = app.login("alice", PASSWORD).await.expect(200);
        app.anon().with_token(reply.body["access_token"].as_str().unwrap())
    };
    let (one, two, three) = (sign().await, sign().await, sign().await);
    let sessions = one.get("/api/auth/sessions").await.expect(200);
    assert_eq!(sessions.items().len(), 3);
    assert_eq!(sessions.items().iter().filter(|item| item["current"] == true).count(), 1);
    one.post("/api/auth/logout", json!({})).await.expect(204);
    one.get("/api/auth/user/info").await.expect(401);
    two.get("/api/auth/user/info").await.expect(200);
    two.post("/api/auth/logout", json!({ "all": true })).await.expect(204);
    three.get("/api/auth/user/info").await.expect(401);
    let four = sign().await;
    let online = org.owner.get("/api/sessions").await.expect(200);
    let session =
        online.items().iter().find(|item| item["username"] == "alice").unwrap()["id"].as_str().unwrap();
    let other = app.org("other").await;
    other.owner.delete(&format!("/api/sessions/{session}")).await.expect(404);
    four.get("/api/auth/user/info").await.expect(200);
    org.owner.delete(&format!("/api/sessions/{session}")).await.expect(204);
    four.get("/api/auth/user/info").await.expect(401);
}

#[tokio::test]
async fn a_password_is_changed_with_the_old_one_and_ends_other_sessions() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    app.member_with_password(&org, "alice").await;
    let sign = async |password: &str| {
        let reply = app.login("alice", password).await.expect(200);
        app.anon().with_token(reply.body["access_token"].as_str().unwrap())
    };
    let (here, there) = (sign(PASSWORD).await, sign(PASSWORD).await);
    let change = |current: &str, new: &str| json!({ "current_password": current, "new_password": new });
    here.post("/api/auth/password/change", change("wrong", "another long phrase")).await.expect(422);
    for weak in ["short", "password123", "alice", "aaaaaaaaaaaa"] {
        here.post("/api/auth/password/change", change(PASSWORD, weak)).await.expect(422);
    }
    let long = "a b😀".repeat(60);
    here.post("/api/auth/password/change", change(PASSWORD, &long)).await.expect(204);
    here.get("/api/auth/user/info").await.expect(200);
    there.get("/api/auth/user/info").await.expect(401);
    app.login("alice", PASSWORD).await.expect(401);
    app.login("alice", long.strip_suffix('😀').unwrap()).await.expect(401);
    sign(&long).await;
}

#[tokio::test]
async fn a_forgotten_password_is_reset_once_by_a_mailed_link() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    app.member_with_password(&org, "alice").await;
    let forgot =
        async |mail: &str| app.anon().post("/api/auth/password/forgot", json!({ "email": mail })).await;
    let known = forgot("alice@example.com").await.expect(202);
    let unknown = forgot("nobody@example.com").await.expect(202);
    assert_eq!(known.body, unknown.body);
    let first = app.mailed("alice@example.com").await.unwrap();
    forgot("alice@example.com").await.expect(202);
    let second = app.mailed("alice@example.com").await.unwrap();
    assert_ne!(first, second);
    let reset = async |token: &str, password: &str| {
        let body = json!({ "token": token, "new_password": password });
        app.anon().post("/api/auth/password/reset", body).await
    };
    assert!(
        reset(&first, "a brand new phrase").await.status.is_client_error(),
        "a newer link kills the older"
    );
    let session = app.login("alice", PASSWORD).await.expect(200);
    reset(&second, "a brand new phrase").await.expect(204);
    assert!(reset(&second, "once more a phrase").await.status.is_client_error());
    let caller = app.anon().with_token(session.body["access_token"].as_str().unwrap());
    caller.get("/api/auth/user/info").await.expect(401);
    app.login("alice", "a brand new phrase").await.expect(200);
    forgot("alice@example.com").await.expect(202);
    let late = app.mailed("alice@example.com").await.unwrap();
    app.clock.advance(chrono::Duration::minutes(61));
    assert!(reset(&late, "too late a phrase").await.status.is_client_error());
    // Letters that are due together may go in any order.
    let link = "http://127.0.0.1:8000/reset-password?token=";
    let to_alice = |mail: &outbound::mail::Mail| mail.to == "alice@example.com" && mail.text.contains(link);
    assert_eq!(app.mailer.sent().iter().filter(|mail| to_alice(mail)).count(), 3);
}

#[tokio::test]
async fn every_algorithm_signs_and_the_asymmetric_ones_publish_their_keys() {
    for algorithm in [Algorithm::HS256, Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
        let app = TestApp::with(Wish { algorithm, ..Wish::default() }).await;
        let org = app.org("acme").await;
        org.owner.get("/api/posts").await.expect(200);
        let keys =
            app.anon().get("/.well-known/jwks.json").await.expect(200).body["keys"].as_array().unwrap().len();
        assert_eq!(keys, usize::from(algorithm != Algorithm::HS256), "{algorithm:?}");
        let identity = Identity::of(&app.app).unwrap();
        let tx = app.app.system(Mode::Write).await.unwrap();
        identity::service::rotate_keys(&tx, app.now(), &identity.settings, &identity.sealer).await.unwrap();
        tx.commit().await.unwrap();
        identity.reload(&app.app).await.unwrap();
        org.owner.get("/api/posts").await.expect(200);
        if algorithm != Algorithm::HS256 {
            let keys = app.anon().get("/.well-known/jwks.json").await.expect(200).body["keys"]
                .as_array()
                .unwrap()
                .len();
            assert_eq!(keys, 2, "old and new overlap");
        }
    }
}
