//! Members who leave, who take over from somebody, whose grants come in a file, or end soon.

use chrono::Duration;
use http::Method;
use identity::entity::app_user;
use sea_orm::ActiveValue::Set;
use serde_json::{Value, json};

use crate::{
    members_grants::{KEEPER, batch, op, shop, shown, version, with},
    members_support::{keeper, may, path, sister, told},
    support::{Caller, TestApp, caller::Reply},
};

const GRANTS: &str = "/api/member-grants";

async fn held(app: &TestApp, user: &Caller) -> Vec<String> {
    let snapshot = sister(app).get(&path(&user.id.to_string())).await.expect(200);
    shown(snapshot.body["permissions"].as_array().unwrap())
}

#[tokio::test]
async fn offboarding_takes_everything_at_once_and_a_dry_run_takes_nothing() {
    let app = TestApp::new().await;
    let (org, clerk, ann, _) = shop(&app).await;
    let carl = app.member(&org, "carl", &["identity:post:list"]).await;
    let key = json!({ "name": "ci", "scopes": ["identity:post:list"] });
    let key = carl.post("/api/auth/api-keys", key).await.expect(201);
    let key = app.anon().with_token(key.body["key"].as_str().unwrap());
    batch(&clerk, &[op("grant", &carl, "1", "mkt", "read"), op("grant", &carl, "2", "mkt", "read")])
        .await
        .expect(200);
    let ask = format!("/api/members/{}/offboard", carl.id);
    clerk.post(&ask, json!({ "reason": "left" })).await.expect(403);
    let (before, version_before) = (held(&app, &carl).await, version(&app, &carl).await);
    let (entries, dry) = (app.audited(&org).await.len(), json!({ "reason": "left", "dry_run": true }));
    let told = org.owner.post(&ask, dry).await.expect(200);
    let expected = json!({
        "grants": 2, "roles": [{ "id": carl.role, "name": "Role of carl" }], "sessions": 1, "api_keys": 1,
        "disabled": true, "was_owner": false,
    });
    assert_eq!(told.body, expected);
    assert_eq!((held(&app, &carl).await, version(&app, &carl).await), (before, version_before));
    assert_eq!(app.audited(&org).await.len(), entries);
    carl.get("/api/posts").await.expect(200);
    key.get("/api/posts").await.expect(200);
    let done = org.owner.post(&ask, json!({ "reason": "left" })).await.expect(200);
    assert_eq!(done.body, expected, "a dry run says what will be done");
    carl.get("/api/posts").await.expect(401);
    key.get("/api/posts").await.expect(401);
    assert!(held(&app, &carl).await.is_empty());
    let row = org.owner.get(&format!("/api/users/{}", carl.id)).await.expect(200);
    assert_eq!((&row.body["active"], &row.body["role_ids"]), (&json!(false), &json!([])));
    // Whoever is let in again has none of it back.
    org.owner.patch(&format!("/api/users/{}", carl.id), json!({ "active": true })).await.expect(200);
    assert!(held(&app, &carl).await.is_empty());
    assert!(app.audited(&org).await.contains(&"members:member:offboard".to_owned()));
    // Without the membership being disabled, too.
    batch(&clerk, &[op("grant", &ann, "1", "mkt", "read")]).await.expect(200);
    let stay = json!({ "reason": "moved", "disable": false });
    let done = org.owner.post(&format!("/api/members/{}/offboard", ann.id), stay).await.expect(200);
    assert_eq!((&done.body["grants"], &done.body["disabled"]), (&json!(1), &json!(false)));
    ann.get("/api/posts").await.expect(401);
    let row = org.owner.get(&format!("/api/users/{}", ann.id)).await.expect(200);
    assert_eq!(row.body["active"], true);
    for wrong in [json!({}), json!({ "reason": "" }), json!({ "reason": "x", "now": true })] {
        org.owner.post(&ask, wrong).await.expect(422);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_organisation_keeps_an_owner_whoever_offboards_whom() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let ask = |user: &Caller| format!("/api/members/{}/offboard", user.id);
    let wish = json!({ "reason": "left" });
    let own = org.owner.post(&ask(&org.owner), wish.clone()).await.expect(409);
    assert_eq!(own.code(), "own_membership");
    let head = app.member(&org, "head", &["members:member:offboard"]).await;
    assert_eq!(head.post(&ask(&org.owner), wish.clone()).await.expect(403).code(), "owner_only");
    let second = app.member(&org, "second", &[]).await;
    let path = format!("/api/users/{}", second.id);
    org.owner.patch(&path, json!({ "is_owner": true })).await.expect(200);
    // Both at once: one is faster, and the other one then may do nothing any more.
    let (one, other) = (ask(&second), ask(&org.owner));
    let replies = tokio::join!(org.owner.post(&one, wish.clone()), second.post(&other, wish.clone()));
    let statuses = [replies.0.status.as_u16(), replies.1.status.as_u16()];
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 401, 403, 404, 409].contains(status)), "{statuses:?}");
    let (winner, loser) = if statuses[0] == 200 { (&org.owner, &second) } else { (&second, &org.owner) };
    let rows = winner.get("/api/users?is_owner=true").await.expect(200);
    assert_eq!(rows.items().len(), 1);
    assert_eq!(rows.items()[0]["id"], json!(winner.id));
    loser.get("/api/posts").await.expect(401);
    // Who is left cannot go, nor can somebody whose account is closed be the one who is left.
    let third = app.member(&org, "third", &[]).await;
    winner.patch(&format!("/api/users/{}", third.id), json!({ "is_owner": true })).await.expect(200);
    let gone = app_user::ActiveModel { disabled_at: Set(Some(app.now())), ..Default::default() };
    app.change_user(winner.id, gone).await;
    third.post(&ask(winner), wish).await.expect(200);
}

#[tokio::test]
async fn a_copy_gives_what_the_caller_may_give_and_says_what_it_left() {
    let app = TestApp::new().await;
    let (org, clerk, ann, bob) = shop(&app).await;
    let program = keeper(&app, &org).await;
    let soon = base::time::format(app.now() + Duration::days(1));
    batch(
        &clerk,
        &[
            with(op("grant", &ann, "1", "mkt", "read"), json!({ "reason": "cover", "expires_at": soon })),
            op("grant", &ann, "2", "mkt", "read"),
            op("grant", &ann, "3", "adm", "read"),
            op("grant", &bob, "2", "mkt", "read"),
        ],
    )
    .await
    .expect(200);
    let own = json!({
        "op": "grant", "user_id": ann.id, "scope_type": "org", "scope_id": org.id,
        "module": "identity.post", "action": "purge",
    });
    batch(&org.owner, &[own]).await.expect(200);
    program.put("/admin/permission-catalog/module/adm", json!({ "deprecated": true })).await.expect(200);
    let ask = format!("/api/members/{}/copy-grants", bob.id);
    let wish = |more: Value| with(json!({ "from_user_id": ann.id }), more);
    let before = (held(&app, &bob).await, version(&app, &bob).await);
    let told = clerk.post(&ask, wish(json!({ "dry_run": true }))).await.expect(200);
    assert_eq!((held(&app, &bob).await, version(&app, &bob).await), before);
    let done = clerk.post(&ask, wish(json!({}))).await.expect(200);
    assert_eq!(done.body, told.body, "a dry run says what will be done");
    let added = done.body["added"].as_array().unwrap();
    assert_eq!(shown(added), ["1/mkt:read"]);
    assert_eq!((&added[0]["expires_at"], &done.body["already"]), (&json!(soon), &json!(1)));
    let refused: Vec<(&str, &str)> = done.body["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["tuple"]["module"].as_str().unwrap(), one["code"].as_str().unwrap()))
        .collect();
    assert_eq!(refused, [("identity.post", "permission_denied"), ("adm", "deprecated")]);
    let row = clerk.get(&format!("{GRANTS}?user_id={}&scope_id=1", bob.id)).await.expect(200);
    assert_eq!(
        (&row.items()[0]["reason"], &row.items()[0]["granted_by"]["id"]),
        (&json!("cover"), &json!(clerk.id))
    );
    assert!(app.audited(&org).await.contains(&"members:permission:copy".to_owned()));
    // Without their ends, of one type of scope, by somebody who may give more.
    let carl = app.member(&org, "carl", &[]).await;
    let ask = format!("/api/members/{}/copy-grants", carl.id);
    let done =
        clerk.post(&ask, wish(json!({ "keep_expiry": false, "reason": "team", "scope_types": ["shop"] })));
    let done = done.await.expect(200);
    assert_eq!(shown(done.body["added"].as_array().unwrap()), ["1/mkt:read", "2/mkt:read"]);
    assert_eq!(done.body["added"][0]["expires_at"], Value::Null);
    let done = org.owner.post(&ask, wish(json!({ "scope_types": ["org"] }))).await.expect(200);
    assert_eq!(done.body["added"][0]["action"], "purge");
    for (body, field) in [
        (json!({ "from_user_id": carl.id }), "from_user_id"),
        (json!({ "from_user_id": app.app.new_id() }), "from_user_id"),
        (json!({}), "from_user_id"),
    ] {
        let refused = clerk.post(&ask, body).await.expect(422);
        assert_eq!(refused.body["errors"][0]["field"], field);
    }
    let blind = app.member(&org, "blind", &["members:grant:change"]).await;
    blind.post(&ask, wish(json!({}))).await.expect(403);
}

async fn import(caller: &Caller, file: &str, dry: bool) -> Reply {
    let path = format!("{GRANTS}/import?dry_run={dry}");
    caller.raw(Method::POST, &path, Some("text/csv"), file.as_bytes().to_vec()).await
}

fn counts(reply: &Reply) -> [u64; 5] {
    ["rows", "granted", "updated", "unchanged", "revoked"].map(|name| reply.body[name].as_u64().unwrap())
}

#[tokio::test]
async fn a_file_is_taken_whole_or_not_at_all_and_each_wrong_line_is_named() {
    let app = TestApp::new().await;
    let (org, clerk, ann, bob) = shop(&app).await;
    batch(&clerk, &[op("grant", &bob, "9", "mkt", "read")]).await.expect(200);
    let good = format!(
        "op,username,email,user_id,scope_type,scope_id,module,action,expires_at,reason\r\n\
         ,ANN,,,shop,1,mkt,read,,\"two\r\nlines\"\r\n\
         grant,,bob@example.com,,shop,1,mkt,read,2999-01-01T00:00:00+08:00,'=so\r\n\
         revoke,,,{},shop,9,mkt,read,,\r\n\
         grant,ann,,,shop,1,mkt,read,,\r\n",
        bob.id
    );
    let before = (version(&app, &ann).await, app.audited(&org).await.len());
    let told = import(&clerk, &good, true).await.expect(200);
    assert_eq!((counts(&told), &told.body["applied"]), ([4, 2, 0, 1, 1], &json!(false)), "{}", told.text());
    assert_eq!(
        (version(&app, &ann).await, app.audited(&org).await.len()),
        before,
        "a dry run changes nothing"
    );
    let done = import(&clerk, &good, false).await.expect(200);
    assert_eq!((counts(&done), &done.body["applied"]), ([4, 2, 0, 1, 1], &json!(true)));
    assert_eq!(
        (held(&app, &ann).await, held(&app, &bob).await),
        (vec!["1/mkt:read".into()], vec!["1/mkt:read".into()])
    );
    let row = clerk.get(&format!("{GRANTS}?user_id={}", bob.id)).await.expect(200).items()[0].clone();
    assert_eq!((&row["reason"], &row["expires_at"]), (&json!("=so"), &json!("2998-12-31T16:00:00.000000Z")));
    let trail = app.audited(&org).await;
    assert_eq!(trail.iter().filter(|action| *action == "members:permission:import").count(), 3);
    let again =
        import(&clerk, &good.replace("revoke,,", "grant,,").replace(",shop,9,", ",shop,1,"), false).await;
    assert_eq!(counts(&again.expect(200)), [4, 0, 0, 4, 0]);
    let wrong = format!(
        "username,user_id,op,scope_type,scope_id,module,action,expires_at\n\
         ann,,,shop,2,mkt,read,\n\
         nobody,,,shop,2,mkt,read,\n\
         ann,,give,shop,2,mkt,read,soon\n\
         ,,,shop,,mkt,read,\n\
         \"an\nn\",,,shop,2,nope,read,\n\
         ann,x,,shop,2,mkt,read,\n\
         ann,,,shop,2,mkt,read,2020-01-01T00:00:00Z\n\
         ann,,,org,{0},identity.post,list,\n",
        org.id
    );
    let refused = import(&clerk, &wrong, false).await.expect(200);
    let errors: Vec<(u64, &str, &str)> = refused.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let text = |name: &str| one[name].as_str().unwrap_or_default();
            (one["line"].as_u64().unwrap(), text("column"), text("code"))
        })
        .collect();
    assert_eq!(
        errors,
        [
            (3, "username", "unknown_reference"),
            (4, "op", "unknown_value"),
            (4, "expires_at", "invalid_value"),
            (5, "username", "required"),
            (5, "scope_id", "required"),
            (6, "username", "unknown_reference"),
            (8, "user_id", "invalid_value"),
            (9, "expires_at", "in_the_past"),
            (10, "action", "permission_denied"),
        ],
        "{}",
        refused.text()
    );
    assert_eq!((&refused.body["applied"], &refused.body["failed"]), (&json!(false), &json!(7)));
    assert_eq!(held(&app, &ann).await, ["1/mkt:read"], "nothing of it was kept");
    for (file, field) in [
        ("username,scope_type,scope_id,module\n", "action"),
        ("scope_type,scope_id,module,action\n", "username"),
        ("username,scope_type,scope_id,module,action,colour\n", "colour"),
        ("username,username,scope_type,scope_id,module,action\n", "username"),
    ] {
        let refused = import(&clerk, file, false).await.expect(422);
        assert_eq!(refused.body["errors"][0]["field"], field, "{}", refused.text());
    }
    import(&clerk, "", false).await.expect(422);
    clerk.post(&format!("{GRANTS}/import"), json!({})).await.expect(415);
    let large = vec![b'a'; 16 * 1024 * 1024 + 1];
    clerk.raw(Method::POST, &format!("{GRANTS}/import"), Some("text/csv"), large).await.expect(413);
    let sees = app.member(&org, "sees", &KEEPER[..1]).await;
    import(&sees, &good, true).await.expect(403);
}

#[tokio::test]
async fn an_address_that_nobody_has_proven_leads_to_nobody_and_hides_nobody() {
    let app = TestApp::new().await;
    let (org, clerk, ann, _) = shop(&app).await;
    // One is told to have an address, and another one that of ann, who has proven it.
    let claimant = told(&app, "victim").await.expect(201).id();
    told(&app, "ann").await.expect(201);
    let file = |email: &str| format!("email,scope_type,scope_id,module,action\n{email},shop,1,mkt,read\n");
    let refused = async |caller: &Caller, email: &str| {
        let reply = import(caller, &file(email), false).await.expect(200);
        assert_eq!((&reply.body["applied"], &reply.body["failed"]), (&json!(false), &json!(1)));
        let error = &reply.body["errors"][0];
        assert_eq!((&error["line"], &error["column"]), (&json!(2), &json!("email")));
        error["code"].as_str().unwrap().to_owned()
    };
    for email in ["victim@example.com", "VICTIM@Example.com"] {
        assert_eq!(refused(&clerk, email).await, "email_unproven");
    }
    assert_eq!(refused(&clerk, "nobody@example.com").await, "unknown_reference");
    let snapshot = sister(&app).get(&path(&claimant.to_string())).await.expect(200);
    assert_eq!(snapshot.body["permissions"], json!([]));
    let done = import(&clerk, &file("Ann@Example.com"), false).await.expect(200);
    assert_eq!(counts(&done), [1, 1, 0, 0, 0], "{}", done.text());
    assert_eq!(held(&app, &ann).await, ["1/mkt:read"]);
    // Whoever does not reach the claimant is not told of him.
    let body = json!({ "name": "north", "code": "north" });
    let north = org.owner.post("/api/departments", body).await.expect(201).id();
    let scope = kernel::access::DataScope::Department;
    let chief = app.member_with(&org, "chief", &KEEPER, scope, Some(north)).await;
    assert_eq!(refused(&chief, "victim@example.com").await, "unknown_reference");
    // Once he has proven it, he is meant.
    let proven =
        app_user::ActiveModel { login_email: Set(Some("victim@example.com".into())), ..Default::default() };
    app.change_user(claimant, proven).await;
    assert_eq!(
        counts(&import(&clerk, &file("Victim@example.com"), false).await.expect(200)),
        [1, 1, 0, 0, 0]
    );
}

#[tokio::test]
async fn an_export_is_harmless_to_spreadsheets_and_can_be_imported_again() {
    let app = TestApp::new().await;
    let (org, clerk, ann, bob) = shop(&app).await;
    let mut many: Vec<Value> = (0..230).map(|n| op("grant", &ann, &format!("s{n}"), "mkt", "read")).collect();
    many.push(with(op("grant", &bob, "1", "mkt", "read"), json!({ "reason": "=1+1, \"so\"" })));
    batch(&clerk, &many).await.expect(200);
    let file = clerk.get(&format!("{GRANTS}/export")).await.expect(200);
    assert!(file.header("content-type").starts_with("text/csv"));
    let text = file.text();
    assert!(text.starts_with(
        "\u{feff}username,email,scope_type,scope_id,module,action,expires_at,reason,granted_by,created_at\r\n"
    ));
    assert_eq!(text.lines().count(), 232);
    assert!(text.contains("bob,bob@example.com,shop,1,mkt,read,,\"'=1+1, \"\"so\"\"\","), "{text}");
    let part = clerk.get(&format!("{GRANTS}/export?user_id={}&page=1", bob.id)).await.expect(200);
    assert_eq!(part.text().lines().count(), 2);
    clerk.get(&format!("{GRANTS}/export?colour=red")).await.expect(422);
    let trail =
        org.owner.get("/api/audit-entries/?action=members:grant:export&page_size=10").await.expect(200);
    assert_eq!(trail.items().len(), 2);
    let same = import(&clerk, &text, false).await.expect(200);
    assert_eq!(counts(&same), [231, 0, 0, 231, 0], "{}", same.text());
    let none: Vec<Value> =
        many[..200].iter().map(|one| with(one.clone(), json!({ "op": "revoke" }))).collect();
    batch(&clerk, &none).await.expect(200);
    let back = import(&clerk, &text, false).await.expect(200);
    assert_eq!(counts(&back), [231, 200, 0, 31, 0]);
}

#[tokio::test]
async fn whoever_holds_a_grant_and_whoever_gave_it_are_told_of_its_end_once() {
    let app = TestApp::new().await;
    let (org, clerk, ann, bob) = shop(&app).await;
    let program = keeper(&app, &org).await;
    let chinese = app_user::ActiveModel { locale: Set("zh-CN".into()), ..Default::default() };
    app.change_user(ann.id, chinese).await;
    let end = |days: i64| base::time::format(app.now() + Duration::days(days));
    let until = |user: &Caller, shop: &str, days: i64| {
        with(op("grant", user, shop, "mkt", "read"), json!({ "expires_at": end(days) }))
    };
    batch(&clerk, &[until(&ann, "1", 3), until(&ann, "2", 5), until(&ann, "3", 20), until(&bob, "4", 9)])
        .await
        .expect(200);
    batch(&clerk, &[op("grant", &bob, "5", "mkt", "read")]).await.expect(200);
    let mut by_program = may(&bob.id.to_string(), "6", "mkt", "read");
    by_program["expires_at"] = json!(end(2));
    program.post("/admin/permissions/grant", by_program).await.expect(201);
    let letters = async || {
        members::remind(&app.app).await.unwrap();
        app.work().await;
        let mut sent: Vec<(String, String)> =
            app.mailer.sent().into_iter().map(|mail| (mail.to, mail.text)).collect();
        sent.sort();
        sent
    };
    let sent = letters().await;
    let to: Vec<&str> = sent.iter().map(|(to, _)| to.as_str()).collect();
    assert_eq!(to, ["ann@example.com", "bob@example.com", "clerk@example.com"]);
    let (ann_reads, bob_reads, clerk_reads) = (&sent[0].1, &sent[1].1, &sent[2].1);
    assert!(
        ann_reads.contains("您有 2 项权限即将到期") && ann_reads.contains("shop 1, mkt:read"),
        "{ann_reads}"
    );
    assert!(!ann_reads.contains("shop 3"), "{ann_reads}");
    assert!(
        bob_reads.contains("One of your permissions ends soon") && bob_reads.contains("shop 6"),
        "{bob_reads}"
    );
    assert!(clerk_reads.contains("2 permissions that you gave end soon"), "{clerk_reads}");
    assert!(clerk_reads.contains("ann the tester: shop 2"), "{clerk_reads}");
    assert_eq!(letters().await.len(), 3, "each is told once");
    // Another end is told of again; what nobody can use any more is not.
    app.clock.advance(Duration::days(2));
    let clerk = app.sign_in(app.read_user(clerk.id).await, Some(org.id)).await;
    batch(&clerk, &[with(op("grant", &ann, "1", "mkt", "read"), json!({ "expires_at": end(4) }))])
        .await
        .expect(200);
    let off = identity::resource::user::entity::ActiveModel { active: Set(false), ..Default::default() };
    let tx = app.tx(org.id).await;
    let him = sea_orm::Condition::all()
        .add(sea_orm::ColumnTrait::eq(&identity::resource::user::entity::Column::Id, bob.id));
    tx.update_where(off, him).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(letters().await.len(), 5, "ann and clerk, and nobody about bob");
    let declared = members::declared().unwrap();
    let daily = declared.iter().find(|one| one.job_kind == "members.remind").unwrap();
    assert_eq!(daily.expression.as_deref(), Some("0 6 * * *"));
}
