//! Set-up, sign-in, sessions, invitations and everything around a person.

use futures_util::future::join_all;
use identity::{Identity, credential::jwt::Algorithm, entity::app_user};
use kernel::audit;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter};
use serde_json::{Value, json};
use store::Mode;

use crate::support::{Org, TestApp, Wish, caller::Reply};

const PASSWORD: &str = "correct horse battery staple";

/// A member who can sign in with [`PASSWORD`].
async fn member(app: &TestApp, org: &Org, name: &str) -> app_user::Model {
    let hash = Identity::of(&app.app).unwrap().hasher.hash(&PASSWORD.to_owned().into()).await.unwrap();
    member_with_hash(app, org, name, &hash).await
}

async fn member_with_hash(app: &TestApp, org: &Org, name: &str, hash: &str) -> app_user::Model {
    let person = app.person(name).await;
    change_user(
        app,
        person.id,
        app_user::ActiveModel { password_hash: Set(Some(hash.into())), ..Default::default() },
    )
    .await;
    let tx = app.tx(org.id).await;
    identity::resource::user::join(&app.app, &tx, &person, None, Default::default()).await.unwrap();
    tx.commit().await.unwrap();
    person
}

async fn change_user(app: &TestApp, id: base::Id, values: app_user::ActiveModel) {
    let tx = app.app.system(Mode::Write).await.unwrap();
    tx.update_where(values, Condition::all().add(app_user::Column::Id.eq(id))).await.unwrap();
    tx.commit().await.unwrap();
}

async fn login(app: &TestApp, name: &str, password: &str) -> Reply {
    app.anon().post("/api/auth/login", json!({ "username": name, "password": password })).await
}

async fn audit_actions(app: &TestApp, org: &Org) -> Vec<String> {
    let tx = app.tx(org.id).await;
    let rows = tx.all(tx.find::<audit::entity::Entity>()).await.unwrap();
    rows.into_iter().map(|row| row.action).collect()
}

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
    member(&app, &org, "alice").await;
    for name in ["alice", "ALICE", "alice@example.com", "Alice@Example.com"] {
        let reply = login(&app, name, PASSWORD).await.expect(200);
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
        json!({ "username": "alice", "encrypted_password": identity::credential::envelope::encrypt(pem, kid, &content).unwrap() })
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
        member(&app, &org, name).await;
    }
    let carol = login(&app, "carol", PASSWORD).await.expect(200);
    let id: base::Id = carol.body["user"]["id"].as_str().unwrap().parse().unwrap();
    change_user(&app, id, app_user::ActiveModel { disabled_at: Set(Some(app.now())), ..Default::default() })
        .await;
    for _ in 0..6 {
        login(&app, "bob", "wrong").await.expect(401);
    }
    let replies = [
        login(&app, "nobody", PASSWORD).await,
        login(&app, "alice", "wrong").await,
        login(&app, "carol", PASSWORD).await,
        login(&app, "bob", PASSWORD).await,
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
    member(&app, &org, "alice").await;
    member(&app, &org, "bob").await;
    for _ in 0..5 {
        login(&app, "alice", "wrong").await.expect(401);
    }
    login(&app, "alice", PASSWORD).await.expect(401);
    login(&app, "bob", PASSWORD).await.expect(200);
    let mut elsewhere = app.anon();
    elsewhere.peer = ([192, 0, 2, 9], 1).into();
    let body = json!({ "username": "alice", "password": PASSWORD });
    elsewhere.post("/api/auth/login", body).await.expect(200);
    app.clock.advance(chrono::Duration::minutes(16));
    login(&app, "alice", PASSWORD).await.expect(200);
    // A success wipes the slate.
    for _ in 0..4 {
        login(&app, "alice", "wrong").await.expect(401);
    }
    login(&app, "alice", PASSWORD).await.expect(200);
    for _ in 0..4 {
        login(&app, "alice", "wrong").await.expect(401);
    }
    login(&app, "alice", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_hundred_parallel_wrong_passwords_are_all_counted() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    member(&app, &org, "alice").await;
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
    let old = member_with_hash(&app, &org, "old", &hash).await;
    login(&app, "old", PASSWORD).await.expect(200);
    let tx = app.app.system(Mode::Read).await.unwrap();
    let row = tx.get::<app_user::Entity>(old.id).await.unwrap();
    assert!(row.password_hash.unwrap().starts_with("$argon2id$"));
    drop(tx);
    login(&app, "old", PASSWORD).await.expect(200);
}

async fn refresh(app: &TestApp, token: &str) -> Reply {
    app.anon().post("/api/auth/token/refresh", json!({ "refresh_token": token })).await
}

#[tokio::test]
async fn twenty_parallel_refreshes_leave_one_family_and_everybody_signed_in() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let alice = member(&app, &org, "alice").await;
    let first = login(&app, "alice", PASSWORD).await.expect(200);
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
    member(&app, &org, "alice").await;
    let first = login(&app, "alice", PASSWORD).await.expect(200);
    let old = first.body["refresh_token"].as_str().unwrap().to_owned();
    let second = refresh(&app, &old).await.expect(200);
    app.clock.advance(chrono::Duration::seconds(11));
    assert_eq!(refresh(&app, &old).await.expect(401).code(), "session_ended");
    refresh(&app, second.body["refresh_token"].as_str().unwrap()).await.expect(401);
    let caller = app.anon().with_token(second.body["access_token"].as_str().unwrap());
    caller.get("/api/auth/user/info").await.expect(401);
    let actions = audit_actions(&app, &org).await;
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
    member(&app, &org, "alice").await;
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
    let idle = login(&app, "alice", PASSWORD).await.expect(200);
    app.clock.advance(chrono::Duration::days(15));
    refresh(&app, idle.body["refresh_token"].as_str().unwrap()).await.expect(401);
    let mut busy = login(&app, "alice", PASSWORD).await.expect(200);
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
    member(&app, &org, "alice").await;
    let signed = login(&app, "alice", PASSWORD).await.expect(200);
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
    member(&app, &org, "alice").await;
    let sign = async || {
        let reply = login(&app, "alice", PASSWORD).await.expect(200);
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
    member(&app, &org, "alice").await;
    let sign = async |password: &str| {
        let reply = login(&app, "alice", password).await.expect(200);
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
    login(&app, "alice", PASSWORD).await.expect(401);
    login(&app, "alice", long.strip_suffix('😀').unwrap()).await.expect(401);
    sign(&long).await;
}

/// The token in the newest mail to an address.
async fn mailed(app: &TestApp, to: &str) -> String {
    app.work().await;
    let mail = app
        .mailer
        .sent()
        .into_iter()
        .rev()
        .find(|mail| mail.to == to)
        .unwrap_or_else(|| panic!("no mail to {to}"));
    mail.text.split("token=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned()
}

#[tokio::test]
async fn a_forgotten_password_is_reset_once_by_a_mailed_link() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    member(&app, &org, "alice").await;
    let forgot =
        async |mail: &str| app.anon().post("/api/auth/password/forgot", json!({ "email": mail })).await;
    let known = forgot("alice@example.com").await.expect(202);
    let unknown = forgot("nobody@example.com").await.expect(202);
    assert_eq!(known.body, unknown.body);
    let first = mailed(&app, "alice@example.com").await;
    forgot("alice@example.com").await.expect(202);
    let second = mailed(&app, "alice@example.com").await;
    assert_ne!(first, second);
    let reset = async |token: &str, password: &str| {
        let body = json!({ "token": token, "new_password": password });
        app.anon().post("/api/auth/password/reset", body).await
    };
    assert!(
        reset(&first, "a brand new phrase").await.status.is_client_error(),
        "a newer link kills the older"
    );
    let session = login(&app, "alice", PASSWORD).await.expect(200);
    reset(&second, "a brand new phrase").await.expect(204);
    assert!(reset(&second, "once more a phrase").await.status.is_client_error());
    let caller = app.anon().with_token(session.body["access_token"].as_str().unwrap());
    caller.get("/api/auth/user/info").await.expect(401);
    login(&app, "alice", "a brand new phrase").await.expect(200);
    forgot("alice@example.com").await.expect(202);
    let late = mailed(&app, "alice@example.com").await;
    app.clock.advance(chrono::Duration::minutes(61));
    assert!(reset(&late, "too late a phrase").await.status.is_client_error());
    let mail = app.mailer.sent().into_iter().rev().find(|mail| mail.to == "alice@example.com").unwrap();
    assert!(mail.text.contains("http://127.0.0.1:8000/reset-password?token="), "{}", mail.text);
}

#[tokio::test]
async fn an_invitation_makes_a_member_with_just_its_roles_and_each_step_is_audited() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let role = json!({ "name": "Reader", "code": "reader", "data_scope": "all", "permissions": ["identity:post:list"] });
    let role = org.owner.post("/api/roles", role).await.expect(201).id();
    let body = json!({ "email": "new@example.com", "role_ids": [role] });
    let invited = org.owner.post("/api/invitations", body.clone()).await.expect(201);
    let link = invited.body["link"].as_str().unwrap().to_owned();
    let token = link.split("token=").nth(1).unwrap().to_owned();
    org.owner.post("/api/invitations", body).await.expect(409);
    let shown = app.anon().get(&format!("/api/auth/invitations/{token}")).await.expect(200);
    assert_eq!(shown.body["email"], "new@example.com");
    let accept = |n: usize| {
        let (anon, path) = (app.anon(), format!("/api/auth/invitations/{token}/accept"));
        async move {
            let body =
                json!({ "username": format!("newcomer{n}"), "password": PASSWORD, "name": "New Comer" });
            anon.post(&path, body).await
        }
    };
    let replies = join_all((0..20).map(accept)).await;
    let won: Vec<&Reply> = replies.iter().filter(|reply| reply.status.is_success()).collect();
    assert_eq!(won.len(), 1, "{:?}", replies.iter().map(|r| r.status.as_u16()).collect::<Vec<_>>());
    assert!(replies.iter().all(|reply| !reply.status.is_server_error()));
    let newcomer = app.anon().with_token(won[0].body["access_token"].as_str().unwrap());
    newcomer.get("/api/posts").await.expect(200);
    newcomer.get("/api/users").await.expect(403);
    let members = org.owner.get("/api/users").await.expect(200);
    assert_eq!(members.items().len(), 2, "nobody else came in");
    app.anon().get("/api/auth/invitations/unknown-token").await.expect(404);
    let actions = audit_actions(&app, &org).await;
    for action in ["identity:role:create", "identity:invitation:create", "identity:invitation:accept"] {
        assert!(actions.iter().any(|known| known == action), "{action} in {actions:?}");
    }
    let other = app.org("other").await;
    let trail = other.owner.get("/api/audit-entries?search=new").await.expect(200);
    assert_eq!(trail.items().len(), 0);
}

#[tokio::test]
async fn an_invitation_can_be_sent_again_taken_back_and_runs_out() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let invite =
        async |mail: &str| org.owner.post("/api/invitations", json!({ "email": mail })).await.expect(201);
    let token =
        |reply: &Reply| reply.body["link"].as_str().unwrap().split("token=").nth(1).unwrap().to_owned();
    let look =
        async |token: &str| app.anon().get(&format!("/api/auth/invitations/{token}")).await.status.as_u16();
    let one = invite("one@example.com").await;
    let again = org.owner.act(&format!("/api/invitations/{}/resend", one.id())).await.expect(200);
    assert_eq!((look(&token(&one)).await, look(&token(&again)).await), (404, 200));
    org.owner.act(&format!("/api/invitations/{}/revoke", one.id())).await.expect(204);
    assert_eq!(look(&token(&again)).await, 409);
    let two = invite("two@example.com").await;
    app.clock.advance(chrono::Duration::days(8));
    let owner = app.sign_in(owner_of(&app, &org).await, Some(org.id)).await;
    assert_eq!(look(&token(&two)).await, 404);
    let stranger = app.org("stranger").await;
    stranger.owner.act(&format!("/api/invitations/{}/revoke", two.id())).await.expect(404);
    let foreign =
        stranger.owner.post("/api/roles", json!({ "name": "x", "code": "x" })).await.expect(201).id();
    let body = json!({ "email": "three@example.com", "role_ids": [foreign] });
    let reply = owner.post("/api/invitations", body).await.expect(422);
    assert_eq!(reply.body["errors"][0]["code"], "unknown_reference");
}

async fn owner_of(app: &TestApp, org: &Org) -> app_user::Model {
    let tx = app.app.system(Mode::Read).await.unwrap();
    tx.get::<app_user::Entity>(org.owner.id).await.unwrap()
}

#[tokio::test]
async fn somebody_with_an_account_joins_a_second_organisation_and_switches() {
    let app = TestApp::new().await;
    let (acme, globex) = (app.org("acme").await, app.org("globex").await);
    let alice = member(&app, &acme, "alice").await;
    let invited =
        globex.owner.post("/api/invitations", json!({ "email": "alice@example.com" })).await.expect(201);
    let token = invited.body["link"].as_str().unwrap().split("token=").nth(1).unwrap().to_owned();
    let caller = app.sign_in(alice, Some(acme.id)).await;
    caller.post(&format!("/api/auth/invitations/{token}/accept"), json!({})).await.expect(200);
    let list = caller.get("/api/organizations").await.expect(200);
    assert_eq!(list.items().len(), 2);
    let switched = caller
        .post("/api/auth/switch-organization", json!({ "organization_id": globex.id }))
        .await
        .expect(200);
    caller.get("/api/auth/user/info").await.expect(401);
    let there = app.anon().with_token(switched.body["access_token"].as_str().unwrap());
    assert_eq!(
        there.get("/api/auth/user/info").await.expect(200).body["organization"]["id"],
        json!(globex.id)
    );
    let other = app.org("initech").await;
    let reply = there.post("/api/auth/switch-organization", json!({ "organization_id": other.id })).await;
    assert!(reply.status.is_client_error() && reply.status != 403, "{}", reply.text());
}

#[tokio::test]
async fn an_api_key_does_what_its_scopes_and_its_owner_may_and_dies_at_once() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let caller = app.member(&org, "robot", &["identity:post:list", "identity:post:create"]).await;
    let make = |scopes: Value| json!({ "name": "ci", "scopes": scopes });
    caller.post("/api/auth/api-keys", make(json!(["identity:role:list"]))).await.expect(403);
    caller.post("/api/auth/api-keys", make(json!(["no:such:thing"]))).await.expect(422);
    let made = caller.post("/api/auth/api-keys", make(json!(["identity:post:list"]))).await.expect(201);
    let key = made.body["key"].as_str().unwrap().to_owned();
    assert!(key.starts_with("tnk_"));
    let by_bearer = app.anon().with_token(&key);
    let by_header = app.anon().with("x-api-key", &key);
    by_bearer.get("/api/posts").await.expect(200);
    by_header.get("/api/posts").await.expect(200);
    by_bearer.post("/api/posts", json!({ "code": "a", "name": "a" })).await.expect(403);
    by_bearer.post("/api/auth/api-keys", make(json!(null))).await.expect(403);
    app.anon().get(&format!("/api/posts?api_key={key}")).await.expect(401);
    let list = caller.get("/api/auth/api-keys").await.expect(200);
    assert!(!list.text().contains(&key), "shown once");
    let mut bad = key.clone();
    bad.pop();
    app.anon().with_token(&bad).get("/api/posts").await.expect(401);
    let path = format!("/api/auth/api-keys/{}", made.id());
    let rotated = caller.act(&format!("{path}/rotate")).await.expect(200);
    by_bearer.get("/api/posts").await.expect(401);
    let fresh = app.anon().with_token(rotated.body["key"].as_str().unwrap());
    fresh.get("/api/posts").await.expect(200);
    org.owner.patch(&format!("/api/users/{}", caller.id), json!({ "role_ids": [] })).await.expect(200);
    fresh.get("/api/posts").await.expect(403);
    caller.delete(&path).await.expect(204);
    fresh.get("/api/posts").await.expect(401);
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

#[tokio::test]
async fn what_she_may_do_and_why() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let she = app.member(&org, "she", &["identity:post:list"]).await;
    let path = format!("/api/users/{}/grants", she.id);
    org.owner.put(&path, json!({ "permissions": ["identity:role:list"] })).await.expect(200);
    she.get("/api/roles").await.expect(200);
    let access = org.owner.get(&format!("/api/users/{}/access", she.id)).await.expect(200);
    let why = |code: &str| {
        let list = access.body["permissions"].as_array().unwrap();
        list.iter().find(|one| one["code"] == code).unwrap()["because"][0]["kind"].clone()
    };
    assert_eq!(why("identity:post:list"), "role");
    assert_eq!(why("identity:role:list"), "grant");
}

#[tokio::test]
async fn organisations_are_founded_handed_over_left_and_deleted_with_grace() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let other = app.member(&org, "other", &[]).await;
    org.owner.post("/api/organizations", json!({ "name": "Mine" })).await.expect(403);
    let path = format!("/api/organizations/{}", org.id);
    org.owner.act(&format!("{path}/leave")).await.expect(409);
    other.delete(&path).await.expect(403);
    org.owner.post(&format!("{path}/transfer"), json!({ "user_id": other.id })).await.expect(200);
    org.owner.delete(&path).await.expect(403);
    let export = other.get(&format!("{path}/export")).await.expect(200).text();
    assert!(
        export.contains("membership") && !export.contains("argon2"),
        "{}",
        &export[..200.min(export.len())]
    );
    let reply = other.delete(&path).await;
    assert!(reply.status.is_success(), "{}", reply.text());
    other.act(&format!("{path}/restore")).await.expect(200);
    assert!(app.organization(org.id).await.deleting_at.is_none());
    other.delete(&path).await;
    app.clock.advance(chrono::Duration::days(31));
    identity::organization::purge_due(&app.app).await.unwrap();
    let tx = app.app.system(Mode::Read).await.unwrap();
    assert!(tx.lookup::<identity::entity::organization::Entity>(org.id).await.unwrap().is_none());
}

#[tokio::test]
async fn the_menu_shows_what_may_be_opened() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    let clerk = app.member(&org, "clerk", &["identity:post:list"]).await;
    let menus = clerk.get("/api/auth/menus").await.expect(200).text();
    assert!(menus.contains("identity.posts") && !menus.contains("identity.roles"), "{menus}");
    let body =
        json!({ "kind": "link", "title_zh": "手册", "title_en": "Handbook", "url": "https://example.com/" });
    org.owner.post("/api/menus", body.clone()).await.expect(201);
    assert!(clerk.get("/api/auth/menus").await.text().contains("Handbook"));
    let mut evil = body;
    evil["url"] = json!("javascript:alert(1)");
    org.owner.post("/api/menus", evil).await.expect(422);
}
