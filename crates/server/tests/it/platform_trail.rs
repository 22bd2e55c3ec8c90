//! What concerns the installation, or several organisations at once, and where it can be read: in the
//! trail of each organisation of a person, and in the installation's own.

use identity::account::{By, operator};
use kernel::{ActorKind, Origin, audit::Who};
use sea_orm::ActiveValue::Set;
use serde_json::{Value, json};
use store::{Dialect, Mode};

use crate::support::{Caller, Org, TestApp, database, people::PASSWORD};

async fn trail(caller: &Caller, query: &str) -> Vec<Value> {
    caller.get(&format!("/api/platform/audit/?{query}")).await.expect(200).items().clone()
}

async fn of_organization(org: &Org, action: &str) -> Vec<Value> {
    org.owner.get(&format!("/api/audit-entries?action={action}")).await.expect(200).items().clone()
}

fn actions(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn what_an_administrator_does_to_a_person_stands_in_each_of_his_organisations_and_the_installations_trail()
 {
    let app = TestApp::new().await;
    let root = app.administrator().await;
    let (left, right, other) = (app.org("left").await, app.org("right").await, app.org("other").await);
    let alice = app.member_with_password(&left, "alice").await;
    app.join(&right, &alice).await;
    let caller = root.with("x-request-id", "closing-alice-01");
    let path = format!("/api/platform/users/{}", alice.id);
    caller.patch(&path, json!({ "disabled": true, "name": "Alice A." })).await.expect(200);
    let mut found = trail(&root, "action=platform:user:update").await;
    for org in [&left, &right] {
        let entries = of_organization(org, "platform:user:update").await;
        assert_eq!(entries.len(), 1);
        found.extend(entries);
    }
    assert_eq!(found.len(), 3);
    for entry in &found {
        assert_eq!(entry["request_id"], "closing-alice-01");
        assert_eq!((&entry["actor_id"], &entry["target_id"]), (&json!(root.id), &json!(alice.id)));
        assert_eq!(entry["changes"]["disabled"], json!({ "before": false, "after": true }));
        assert_eq!(entry["changes"]["name"]["after"], "Alice A.");
    }
    assert!(of_organization(&other, "platform:user:update").await.is_empty());
    caller.patch(&path, json!({ "disabled": true })).await.expect(200);
    assert_eq!(trail(&root, "action=platform:user:update").await.len(), 1, "nothing changed");
    root.act(&format!("{path}/anonymize")).await.expect(200);
    let gone = trail(&root, "action=platform:user:anonymize").await;
    assert_eq!((gone.len(), &gone[0]["changes"]), (1, &json!({})));
    assert_eq!(of_organization(&right, "platform:user:anonymize").await.len(), 1);
}

#[tokio::test]
async fn what_a_person_does_to_himself_stands_in_each_of_his_organisations() {
    let app = TestApp::new().await;
    let root = app.administrator().await;
    let (left, right) = (app.org("left").await, app.org("right").await);
    let alice = app.member_with_password(&left, "alice").await;
    app.join(&right, &alice).await;
    let caller = app.sign_in(alice, Some(left.id)).await;
    caller.patch("/api/auth/user/info", json!({ "name": "Alice A." })).await.expect(200);
    let body = json!({ "email": "new@example.com", "password": PASSWORD });
    caller.post("/api/auth/email/change", body).await.expect(202);
    let token = app.mailed("new@example.com").await.unwrap();
    app.anon().post("/api/auth/email/confirm", json!({ "token": token })).await.expect(204);
    let body = json!({ "current_password": PASSWORD, "new_password": "violet tram over seven hills" });
    caller.post("/api/auth/password/change", body).await.expect(204);
    app.anon().post("/api/auth/password/forgot", json!({ "email": "new@example.com" })).await.expect(202);
    let body = json!({ "token": app.mailed("new@example.com").await, "new_password": "a third phrase here" });
    app.anon().post("/api/auth/password/reset", body).await.expect(204);
    let expected = [
        "identity:profile:update",
        "identity:email:request",
        "identity:email:change",
        "identity:password:change",
        "identity:password:reset",
    ];
    for org in [&left, &right] {
        for action in expected {
            assert_eq!(of_organization(org, action).await.len(), 1, "{action}");
        }
    }
    assert!(trail(&root, "target_type=identity.user").await.is_empty(), "it is their affair alone");
}

/// Renames a table under the application's feet.
async fn rename(app: &TestApp, from: &str, to: &str) {
    let tx = app.app.system(Mode::Write).await.unwrap();
    if database::dialect() == Dialect::Postgres {
        tx.execute_sql("RESET ROLE", vec![]).await.unwrap();
    }
    tx.execute_sql(&format!("ALTER TABLE {from} RENAME TO {to}"), vec![]).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_recorded_does_not_happen() {
    let app = TestApp::new().await;
    let root = app.administrator().await;
    let org = app.org("acme").await;
    let alice = app.member_with_password(&org, "alice").await;
    let caller = app.sign_in(alice.clone(), Some(org.id)).await;
    let path = format!("/api/platform/users/{}", alice.id);
    for table in ["audit_entry", "platform_audit_entry"] {
        rename(&app, table, "elsewhere").await;
        root.patch(&path, json!({ "disabled": true })).await.expect(500);
        root.act(&format!("{path}/anonymize")).await.expect(500);
        let origin = Origin::nowhere();
        let by = By { who: Who { kind: ActorKind::Cli, id: None, name: "tenon".into() }, origin: &origin };
        operator::set_disabled(&app.app, &by, alice.id, true).await.unwrap_err();
        if table == "audit_entry" {
            caller.patch("/api/auth/user/info", json!({ "name": "Mallory" })).await.expect(500);
        }
        rename(&app, "elsewhere", table).await;
        let now = app.read_user(alice.id).await;
        assert_eq!((now.disabled_at, now.version, now.is_platform_admin), (None, alice.version, false));
        assert_eq!(now.name, alice.name);
    }
    root.patch(&path, json!({ "disabled": true })).await.expect(200);
}

#[tokio::test]
async fn sign_ins_of_people_without_an_organisation_stand_in_the_installations_trail() {
    let app = TestApp::new().await;
    let root = app.administrator().await;
    let org = app.org("acme").await;
    let loner = app.person("loner").await;
    app.give_password(loner.id).await;
    app.login("loner", "wrong").await.expect(401);
    let signed = app.login("loner", PASSWORD).await.expect(200);
    app.login("nobody at all", "wrong").await.expect(401);
    let caller = app.anon().with_token(signed.body["access_token"].as_str().unwrap());
    caller.patch("/api/auth/user/info", json!({ "name": "Lone R." })).await.expect(200);
    caller.post("/api/auth/logout", json!({})).await.expect(204);
    app.change_user(
        loner.id,
        identity::entity::app_user::ActiveModel { disabled_at: Set(Some(app.now())), ..Default::default() },
    )
    .await;
    app.login("loner", PASSWORD).await.expect(401);
    let found = trail(&root, "sort=at&page_size=50&search=loner").await;
    let said: Vec<_> = found
        .iter()
        .map(|entry| {
            let text = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
            (text("action"), text("outcome"), text("actor_id"))
        })
        .collect();
    let (id, of) = (loner.id.to_string(), |action: &str| format!("identity:{action}"));
    assert_eq!(
        said,
        [
            (of("session:sign_in"), "failed".into(), String::new()),
            (of("session:sign_in"), "ok".into(), id.clone()),
            (of("profile:update"), "ok".into(), id.clone()),
            (of("session:logout"), "ok".into(), id),
            (of("session:sign_in"), "failed".into(), String::new()),
        ]
    );
    assert_eq!(found[0]["changes"]["reason"]["after"], "password");
    assert_eq!(found[4]["changes"]["reason"]["after"], "disabled");
    // A member's sign-ins are his organisations' affair.
    app.member_with_password(&org, "alice").await;
    app.login("alice", PASSWORD).await.expect(200);
    assert_eq!(trail(&root, "action=identity:session:sign_in").await.len(), 3);
}

#[tokio::test]
async fn what_becomes_of_an_organisation_and_what_the_command_line_does_stand_in_the_installations_trail() {
    let app = TestApp::new().await;
    let root = app.administrator().await;
    root.post("/api/organizations", json!({ "name": "Founded" })).await.expect(201);
    let org = app.org("acme").await;
    let path = format!("/api/organizations/{}", org.id);
    org.owner.delete(&path).await.expect(204);
    org.owner.act(&format!("{path}/restore")).await.expect(200);
    org.owner.delete(&path).await.expect(204);
    app.clock.advance(chrono::Duration::days(31));
    let root = app.sign_in(app.read_user(root.id).await, None).await;
    identity::organization::purge_due(&app.app).await.unwrap();
    let of_org = format!("sort=at&target_id={}", org.id);
    assert_eq!(
        actions(&trail(&root, &of_org).await),
        ["create", "delete", "restore", "delete", "purge"]
            .map(|word| format!("identity:organization:{word}"))
    );
    assert_eq!(trail(&root, "search=founded&action=identity:organization:create").await.len(), 1);
    let (home, origin) = (app.org("home").await, Origin::nowhere());
    let alice = app.member_with_password(&home, "alice").await;
    let by = By { who: Who { kind: ActorKind::Cli, id: None, name: "tenon".into() }, origin: &origin };
    operator::unlock(&app.app, &by, alice.id).await.unwrap();
    operator::set_password(&app.app, &by, alice.id, &"violet tram over seven hills".to_owned().into())
        .await
        .unwrap();
    operator::set_disabled(&app.app, &by, alice.id, true).await.unwrap();
    let expected = ["unlock", "reset", "disable"].map(|word| format!("identity:user:{word}"));
    assert_eq!(actions(&trail(&root, "actor_kind=cli&sort=at").await), expected);
    for action in &expected {
        assert_eq!(of_organization(&home, action).await.len(), 1, "{action}");
    }
}

#[tokio::test]
async fn the_installations_trail_is_listed_filtered_and_read_by_platform_administrators_only() {
    let app = TestApp::new().await;
    let root = app.administrator().await;
    let (left, right) = (app.org("left").await, app.org("right").await);
    for path in ["/api/platform/audit/", "/api/platform/audit/00000000-0000-7000-8000-00000000dead/"] {
        left.owner.get(path).await.expect(403);
        app.anon().get(path).await.expect(401);
    }
    root.get("/api/platform/audit/00000000-0000-7000-8000-00000000dead/").await.expect(404);
    let all = trail(&root, "count=exact&sort=at").await;
    assert_eq!(all.len(), 2);
    let one = root.get(&format!("/api/platform/audit/{}/", all[1]["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(one.body, all[1]);
    assert_eq!(one.body["target_id"], json!(right.id));
    let since = one.body["at"].as_str().unwrap();
    for (query, many) in [
        (format!("target_id={}", left.id), 1),
        (format!("actor_id={}", right.owner.id), 1),
        (format!("at__gte={since}&search=right"), 1),
        ("target_type=identity.organization&outcome=ok".to_owned(), 2),
        ("outcome=denied".to_owned(), 0),
        ("search=LEFT".to_owned(), 1),
    ] {
        assert_eq!(trail(&root, &query).await.len(), many, "{query}");
    }
    let page = root.get("/api/platform/audit/?page_size=1&sort=-at").await.expect(200);
    assert_eq!((page.items().len(), &page.body["total"]), (1, &json!(2)));
    let next = page.body["next_cursor"].as_str().unwrap();
    let rest = trail(&root, &format!("page_size=1&sort=-at&cursor={next}")).await;
    assert_eq!(rest[0]["id"], all[0]["id"]);
    for query in ["nope=1", "sort=ip", "at__gte=yesterday"] {
        root.get(&format!("/api/platform/audit/?{query}")).await.expect(422);
    }
    // An organisation's own trail holds its own entry, and not the other's.
    assert_eq!(of_organization(&left, "identity:organization:create").await.len(), 1);
}
