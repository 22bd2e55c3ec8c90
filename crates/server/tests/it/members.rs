//! The authority on members: who is told of, what he may do, what has changed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    members_support::{allowed, keeper, may, path, program, sister, told},
    support::{INTERNAL_SECRET_PREVIOUS, TestApp},
};

#[tokio::test]
async fn sister_systems_are_known_by_either_secret_and_nothing_tells_a_missing_one_from_a_wrong_one() {
    let app = TestApp::new().await;
    app.org("home").await;
    told(&app, "ann").await.expect(201);
    let ask = path("ann");
    app.anon().with("x-internal-secret", INTERNAL_SECRET_PREVIOUS).get(&ask).await.expect(200);
    let missing = app.anon().get(&ask).await.expect(401);
    let wrong = app.anon().with("x-internal-secret", "internal-secret-of-the-tests-012345678X");
    let wrong = wrong.get(&ask).await.expect(401);
    assert_eq!((missing.code(), wrong.code()), ("internal_auth_required", "internal_auth_required"));
    assert_eq!(missing.body["detail"], wrong.body["detail"]);
    for _ in 0..18 {
        app.anon().get(&ask).await.expect(401);
    }
    // Twenty of this address have failed; another one has not.
    let mut elsewhere = sister(&app);
    elsewhere.peer = ([127, 0, 0, 9], 40_000).into();
    elsewhere.get(&ask).await.expect(200);
    let refused = sister(&app).get(&ask).await.expect(429);
    assert_eq!(refused.header("retry-after"), "60");
    app.clock.advance(chrono::Duration::seconds(61));
    sister(&app).get(&ask).await.expect(200);
}

#[tokio::test]
async fn whoever_shows_nothing_is_refused_everywhere() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let member = app.member(&org, "bob", &[]).await;
    let mut count = 0;
    for operation in &app.operations {
        let machines = ["/internal/", "/admin/"].iter().any(|prefix| operation.path.starts_with(prefix));
        if !machines && operation.path != "/me" && !operation.path.starts_with("/me/") {
            continue;
        }
        count += 1;
        let path = operation.path.replace("{kind}", "module").replace(['{', '}'], "");
        for (name, caller) in [("nobody", app.anon()), ("a member", member.clone())] {
            if name == "a member" && !machines {
                continue;
            }
            let body = b"{\"not\": \"read\"}".to_vec();
            let refused = caller.raw(operation.method.clone(), &path, Some("application/json"), body).await;
            assert_eq!(refused.status, 401, "{name} at {} {path}: {}", operation.method, refused.text());
            app.clock.advance(Duration::seconds(4));
        }
    }
    assert!(count >= 13, "{count} routes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_user_who_is_told_of_is_made_once_and_late_news_changes_nothing() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let first = join_all((0..6).map(|_| told(&app, "ann"))).await;
    let made: Vec<u16> = first.iter().map(|reply| reply.status.as_u16()).collect();
    assert_eq!(made.iter().filter(|status| **status == 201).count(), 1, "{made:?}");
    assert!(made.iter().all(|status| [200, 201].contains(status)), "{made:?}");
    let ids: BTreeSet<&str> = first.iter().map(|reply| reply.body["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 1);
    let tell = |body: Value| async { sister(&app).post("/internal/users/upsert-by-sub", body).await };
    let news =
        json!({ "authentik_sub": "ann", "display_name": "Ann B", "observed_at": "2026-01-02T00:00:00Z" });
    let news = tell(news).await.expect(200).body;
    assert_eq!((&news["changed"], &news["display_name"]), (&json!(["display_name"]), &json!("Ann B")));
    assert_eq!(news["email"], "ann@example.com");
    let late =
        json!({ "authentik_sub": "ann", "display_name": "Old", "observed_at": "2026-01-01T00:00:00Z" });
    let late = tell(late).await.expect(200).body;
    assert_eq!((&late["changed"], &late["display_name"]), (&json!([]), &json!("Ann B")));
    let cleared = tell(json!({ "authentik_sub": "ann", "email": null })).await.expect(200).body;
    assert_eq!((&cleared["changed"], &cleared["email"]), (&json!(["email"]), &Value::Null));
    for (body, field) in [
        (json!({ "authentik_sub": "" }), "authentik_sub"),
        (json!({ "authentik_sub": "a\u{1}b" }), "authentik_sub"),
        (json!({ "authentik_sub": "a", "is_admin": true }), "is_admin"),
    ] {
        let refused = tell(body).await.expect(422);
        assert_eq!(refused.body["detail"][0]["loc"], json!(["body", field]), "{}", refused.text());
    }
    // Somebody with a password of his own is not renamed by another system.
    let tx = app.tx(org.id).await;
    let row = identity::entity::app_user::ActiveModel {
        password_hash: sea_orm::ActiveValue::Set(Some("x".into())),
        ..Default::default()
    };
    let this = sea_orm::ColumnTrait::eq(
        &identity::entity::app_user::Column::Id,
        ids.iter().next().unwrap().parse::<base::Id>().unwrap(),
    );
    tx.update_where(row, sea_orm::Condition::all().add(this)).await.unwrap();
    tx.commit().await.unwrap();
    let kept = tell(json!({ "authentik_sub": "ann", "display_name": "Mallory" })).await.expect(200).body;
    assert_eq!((&kept["changed"], &kept["display_name"]), (&json!([]), &json!("Ann B")));
}

#[tokio::test]
async fn a_grant_is_new_once_and_only_a_change_makes_a_version() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let keeper = keeper(&app, &org).await;
    told(&app, "ann").await.expect(201);
    let grant = |body: Value| async { keeper.post("/admin/permissions/grant", body).await };
    let new = grant(may("ann", "7", "mkt", "read")).await.expect(201).body;
    assert_eq!(
        (&new["result"], &new["permission"]["granted_by"]),
        (&json!("granted"), &new["permission"]["granted_by"])
    );
    let again = grant(may("ann", "7", "mkt", "read")).await.expect(200).body;
    assert_eq!((&again["result"], &again["version"]), (&json!("unchanged"), &new["version"]));
    let mut with_end = may("ann", "7", "mkt", "read");
    with_end["expires_at"] = json!(base::time::format(app.now() + Duration::hours(1)));
    with_end["reason"] = json!("for the audit");
    let updated = grant(with_end).await.expect(200).body;
    assert_eq!(updated["result"], "updated");
    assert!(updated["version"].as_i64() > new["version"].as_i64());
    let taken =
        keeper.post("/admin/permissions/revoke", may("ann", "7", "mkt", "read")).await.expect(200).body;
    assert_eq!(taken["result"], "revoked");
    let nothing =
        keeper.post("/admin/permissions/revoke", may("ann", "7", "mkt", "read")).await.expect(200).body;
    assert_eq!((&nothing["result"], &nothing["version"]), (&json!("not_granted"), &taken["version"]));
    for (body, code) in [
        (may("ann", "7", "mkt", "fly"), "unknown_action"),
        (may("ann", "7", "adm", "*"), "invalid_format"),
        (may("ann", "a b", "mkt", "read"), "invalid_format"),
    ] {
        let refused = grant(body).await.expect(422);
        assert_eq!(refused.body["errors"][0]["code"], code, "{}", refused.text());
    }
    grant(may("nobody", "7", "mkt", "read")).await.expect(404);
    let mut making = may("new", "7", "mkt", "read");
    making["create_user"] = json!(true);
    grant(making).await.expect(201);
    let stale = keeper.with("if-match", "\"1\"");
    stale.post("/admin/permissions/grant", may("new", "8", "mkt", "read")).await.expect(412);
    keeper.put("/admin/permission-catalog/action/write", json!({ "deprecated": true })).await.expect(200);
    let refused = grant(may("ann", "7", "mkt", "write")).await.expect(422);
    assert_eq!(refused.body["errors"][0]["code"], "deprecated");
    let trail = org.owner.get("/api/audit-entries/?action=members:permission:grant").await.expect(200);
    assert!(trail.items().len() >= 4, "{}", trail.text());
}

#[tokio::test]
async fn a_snapshot_is_sorted_has_validators_and_tells_a_change_at_once() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let (keeper, sister) = (keeper(&app, &org).await, sister(&app));
    told(&app, "a/b@c").await.expect(201);
    for (shop, action) in [("9", "write"), ("10", "read"), ("9", "read")] {
        keeper.post("/admin/permissions/grant", may("a/b@c", shop, "mkt", action)).await.expect(201);
    }
    let ask = path("a%2Fb%40c");
    let first = sister.get(&ask).await.expect(200);
    assert_eq!(allowed(&first.body), ["10/mkt:read", "9/mkt:read", "9/mkt:write"]);
    let digest = first.body["digest"].as_str().unwrap().trim_start_matches("sha256:").to_owned();
    let version = first.body["version"].as_i64().unwrap();
    assert_eq!(first.header("etag"), format!("\"{version}-{}\"", &digest[..16]));
    assert_eq!(first.header("cache-control"), "private, max-age=300, stale-if-error=3600");
    for known in [first.header("etag").to_owned(), format!("\"{version}\"")] {
        let same = sister.with("if-none-match", &known).get(&ask).await.expect(304);
        assert!(same.bytes.is_empty());
    }
    let part = sister.get(&format!("{ask}?scope_id=9&module=mkt&module=adm")).await.expect(200);
    assert_eq!(allowed(&part.body), ["9/mkt:read", "9/mkt:write"]);
    let why = sister.get(&format!("{ask}?origin=true")).await.expect(200);
    assert_eq!(why.body["permissions"][0]["origin"], json!([{ "kind": "grant" }]));
    assert_eq!(why.body["digest"], first.body["digest"]);
    keeper.post("/admin/permissions/revoke", may("a/b@c", "9", "mkt", "read")).await.expect(200);
    let after = sister.with("if-none-match", first.header("etag")).get(&ask).await.expect(200);
    assert_eq!(allowed(&after.body), ["10/mkt:read", "9/mkt:write"]);
    let check =
        sister.post("/internal/permissions/check", may("a/b@c", "9", "mkt", "read")).await.expect(200);
    assert_eq!(check.body["allowed"], false);
    let several =
        json!({ "checks": [may("a/b@c", "9", "mkt", "write"), may("nobody", "9", "mkt", "write")] });
    let several = sister.post("/internal/permissions/check", several).await.expect(200);
    assert_eq!(several.body["results"][0]["allowed"], true);
    assert_eq!(several.body["results"][1], json!({ "allowed": false, "version": 0 }));
    let many = json!({ "subs": ["a/b@c", "nobody"], "if_versions": { "a/b@c": after.body["version"] } });
    let many = sister.post("/internal/permissions/snapshots", many).await.expect(200);
    assert_eq!(
        (&many.body["not_modified"], &many.body["not_found"]),
        (&json!(["a/b@c"]), &json!(["nobody"]))
    );
    sister.get(&path("nobody")).await.expect(404);
    let off = json!({ "authentik_sub": "a/b@c", "is_active": false });
    sister.post("/internal/users/upsert-by-sub", off).await.expect(200);
    let off = sister.get(&ask).await.expect(200);
    assert_eq!((&off.body["is_active"], &off.body["permissions"]), (&json!(false), &json!([])));
    assert!(off.body["version"].as_i64() > after.body["version"].as_i64());
}

#[tokio::test]
async fn roles_are_part_of_a_snapshot_and_what_one_gives_no_revoke_takes() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let (_, keeper) = program(
        &app,
        &org,
        json!({ "name": "k", "may_grant": ["identity.post:list"], "scopes": ["permissions:write"] }),
    )
    .await;
    let member = app.member(&org, "bob", &["identity:post:list"]).await;
    let (sub, ask) = (member.id.to_string(), format!("{}?origin=true", path(&member.id.to_string())));
    let sister = sister(&app);
    let before = sister.get(&ask).await.expect(200).body;
    let one = &before["permissions"][0];
    assert_eq!((&one["module"], &one["action"]), (&json!("identity.post"), &json!("list")));
    assert_eq!(one["origin"][0]["name"], "Role of bob");
    let tuple = json!({
        "authentik_sub": sub, "scope_type": "org", "scope_id": org.id, "module": "identity.post",
        "action": "list",
    });
    let kept = keeper.post("/admin/permissions/revoke", tuple.clone()).await.expect(200).body;
    assert_eq!(
        (&kept["result"], &kept["still_granted_by"]),
        (&json!("not_granted"), &json!(["Role of bob"]))
    );
    keeper.post("/admin/permissions/grant", tuple.clone()).await.expect(201);
    let both = sister.get(&ask).await.expect(200).body;
    assert_eq!(both["permissions"][0]["origin"].as_array().unwrap().len(), 2);
    // A change of the role is a change of each who has it, and a disabled one does not take the version back.
    let role = member.role.unwrap();
    org.owner.patch(&format!("/api/roles/{role}"), json!({ "status": "disabled" })).await.expect(200);
    let off = sister.get(&ask).await.expect(200).body;
    assert!(off["version"].as_i64() > both["version"].as_i64());
    assert_eq!(off["permissions"][0]["origin"], json!([{ "kind": "grant" }]));
    let taken = keeper.post("/admin/permissions/revoke", tuple).await.expect(200).body;
    assert_eq!(taken["result"], "revoked");
    member.get("/api/posts").await.expect(403);
    org.owner.delete(&format!("/api/users/{}", member.id)).await.expect(204);
    sister.get(&ask).await.expect(410);
}

#[tokio::test]
async fn what_has_an_end_ends_then_and_is_told_of() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let (keeper, sister) = (keeper(&app, &org).await, sister(&app));
    told(&app, "ann").await.expect(201);
    let mut wish = may("ann", "7", "mkt", "read");
    wish["expires_at"] = json!(base::time::format(app.now() + Duration::seconds(100)));
    keeper.post("/admin/permissions/grant", wish).await.expect(201);
    let cursor = sister.get("/internal/permissions/changes").await.expect(200).body["next_cursor"].clone();
    let before = sister.get(&path("ann")).await.expect(200);
    assert_eq!(allowed(&before.body).len(), 1);
    assert!((90..=100).contains(&before.body["max_age"].as_i64().unwrap()), "until the grant ends");
    app.clock.advance(chrono::Duration::seconds(101));
    let after = sister.with("if-none-match", before.header("etag")).get(&path("ann")).await.expect(200);
    assert!(allowed(&after.body).is_empty());
    // The version says nothing of it yet, so a caller who knows no more than the version is told all.
    let version = format!("\"{}\"", before.body["version"]);
    sister.with("if-none-match", &version).get(&path("ann")).await.expect(200);
    let many = json!({ "subs": ["ann"], "if_versions": { "ann": before.body["version"] } });
    let many = sister.post("/internal/permissions/snapshots", many).await.expect(200);
    assert_eq!(many.body["not_modified"], json!([]));
    assert_eq!(members::expire(&app.app).await.unwrap(), 1);
    assert_eq!(members::expire(&app.app).await.unwrap(), 0);
    let changes = format!("/internal/permissions/changes?since={}", cursor.as_str().unwrap());
    let changes = sister.get(&changes).await.expect(200).body;
    assert_eq!(
        (&changes["items"][0]["op"], &changes["items"][0]["authentik_sub"]),
        (&json!("expire"), &json!("ann"))
    );
    assert_eq!(changes["items"][0]["permission"]["action"], "read");
    let last = sister.get(&path("ann")).await.expect(200).body;
    assert_eq!(last["version"], changes["items"][0]["version"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_waits_for_a_change_is_told_of_it() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let (keeper, sister) = (keeper(&app, &org).await, sister(&app));
    told(&app, "ann").await.expect(201);
    let cursor = sister.get("/internal/permissions/changes").await.expect(200).body["next_cursor"].clone();
    let ask = format!("/internal/permissions/changes?since={}&wait=20", cursor.as_str().unwrap());
    let begun = std::time::Instant::now();
    let (changes, ()) = tokio::join!(sister.get(&ask), async {
        tokio::time::sleep(std::time::Duration::from_millis(600)).await;
        keeper.post("/admin/permissions/grant", may("ann", "7", "mkt", "read")).await.expect(201);
    });
    assert!(begun.elapsed() < std::time::Duration::from_secs(15));
    assert_eq!(changes.expect(200).body["items"][0]["op"], "grant");
    for bad in ["x", "AAAA", &cursor.as_str().unwrap().replace(['A', 'B'], "C")] {
        sister.get(&format!("/internal/permissions/changes?since={bad}")).await.expect(422);
    }
}

/// Many at once; the model is what each one's answers say.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn after_any_mix_of_changes_snapshots_and_feed_say_what_a_model_says() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let (keeper, sister) = (keeper(&app, &org).await, sister(&app));
    let subs = ["u0", "u1", "u2"];
    for sub in subs {
        told(&app, sub).await.expect(201);
    }
    let mut cursor = sister.get("/internal/permissions/changes").await.expect(200).body["next_cursor"]
        .as_str()
        .unwrap()
        .to_owned();
    // Each worker has tuples of its own, so that its answers alone say what holds in the end.
    let workers = (0..4_usize).map(|worker| {
        let keeper = keeper.clone();
        async move {
            let mut held: BTreeSet<(usize, String)> = BTreeSet::new();
            let mut last = [0_i64; 3];
            for step in 0..14_usize {
                let (user, shop) =
                    ((worker + step * step) % 3, format!("{worker}-{}", (step * 7 + worker) % 4));
                let place = (user, format!("{shop}/mkt:read"));
                let is_held = held.contains(&place);
                let verb = if (step * 3 + worker) % 5 < 3 { "grant" } else { "revoke" };
                let done = keeper
                    .post(&format!("/admin/permissions/{verb}"), may(subs[user], &shop, "mkt", "read"))
                    .await;
                let expected = match (verb, is_held) {
                    ("grant", false) => "granted",
                    ("grant", true) => "unchanged",
                    (_, true) => "revoked",
                    _ => "not_granted",
                };
                assert_eq!(done.body["result"], expected, "{}", done.text());
                if verb == "grant" {
                    held.insert(place)
                } else {
                    held.remove(&place)
                };
                let version = done.body["version"].as_i64().unwrap();
                assert!(version >= last[user], "versions never go back");
                last[user] = version;
            }
            held
        }
    });
    let model: BTreeSet<(usize, String)> = join_all(workers).await.into_iter().flatten().collect();
    // A consumer that loses some answers and asks again.
    let (mut replayed, mut seen) = (BTreeSet::new(), BTreeMap::new());
    for round in 0.. {
        let page = sister
            .get(&format!("/internal/permissions/changes?since={cursor}&limit=7"))
            .await
            .expect(200)
            .body;
        if round % 3 == 1 {
            continue;
        }
        for item in page["items"].as_array().unwrap() {
            let Some(user) = subs.iter().position(|sub| item["authentik_sub"] == *sub) else { continue };
            let place = (user, allowed(&json!({ "permissions": [item["permission"]] })).remove(0));
            if item["op"] == "grant" {
                replayed.insert(place)
            } else {
                replayed.remove(&place)
            };
            seen.insert(user, item["version"].as_i64().unwrap());
        }
        cursor = page["next_cursor"].as_str().unwrap().to_owned();
        if page["has_more"] == false && page["items"].as_array().unwrap().is_empty() {
            break;
        }
    }
    assert_eq!(replayed, model);
    for (user, sub) in subs.iter().enumerate() {
        let snapshot = sister.get(&path(sub)).await.expect(200).body;
        let mut wanted: Vec<String> =
            model.iter().filter(|(of, _)| *of == user).map(|(_, what)| what.clone()).collect();
        wanted.sort();
        assert_eq!(allowed(&snapshot), wanted);
        assert_eq!(snapshot["version"].as_i64(), seen.get(&user).copied(), "{sub}");
    }
}

#[tokio::test]
async fn a_batch_is_done_whole_or_not_at_all_and_makes_one_version_for_each_member() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let (keeper, sister) = (keeper(&app, &org).await, sister(&app));
    told(&app, "ann").await.expect(201);
    let operation = |op: &str, shop: &str, action: &str| {
        let mut one = may("ann", shop, "mkt", action);
        one["op"] = json!(op);
        one
    };
    let before = sister.get(&path("ann")).await.expect(200).body["version"].as_i64().unwrap();
    let bad = json!({ "operations": [operation("grant", "1", "read"), operation("grant", "2", "fly")] });
    let refused = keeper.post("/admin/permissions/batch", bad.clone()).await.expect(422);
    assert_eq!(refused.body["errors"][0]["field"], "operations.1.action");
    assert_eq!(sister.get(&path("ann")).await.expect(200).body["version"], before);
    let mut partly = bad;
    partly["atomic"] = json!(false);
    let partly = keeper.post("/admin/permissions/batch", partly).await.expect(200).body;
    assert_eq!(partly["results"][0]["result"], "granted");
    assert_eq!(partly["results"][1]["result"], "refused");
    let good = json!({ "operations": [
        operation("grant", "2", "read"), operation("grant", "3", "read"), operation("revoke", "1", "read"),
    ] });
    let good = keeper.post("/admin/permissions/batch", good).await.expect(200).body;
    // One order for all: what is given and taken again in one batch is told in that order.
    let cursor = sister.get("/internal/permissions/changes").await.expect(200).body["next_cursor"].clone();
    let flip = json!({ "operations": [
        operation("grant", "5", "read"), operation("revoke", "5", "read"), operation("grant", "5", "read"),
        operation("revoke", "5", "read"),
    ] });
    keeper.post("/admin/permissions/batch", flip).await.expect(200);
    let changes = format!("/internal/permissions/changes?since={}", cursor.as_str().unwrap());
    let ops = sister.get(&changes).await.expect(200).body;
    let ops: Vec<&str> =
        ops["items"].as_array().unwrap().iter().map(|one| one["op"].as_str().unwrap()).collect();
    assert_eq!(ops, ["grant", "revoke", "grant", "revoke"]);
    let versions: BTreeSet<i64> =
        good["results"].as_array().unwrap().iter().map(|one| one["version"].as_i64().unwrap()).collect();
    assert_eq!(versions.len(), 1);
    let list = keeper.get("/admin/permissions?authentik_sub=ann&limit=1").await.expect(200).body;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    let next = list["next_cursor"].as_str().unwrap();
    let rest =
        keeper.get(&format!("/admin/permissions?authentik_sub=ann&cursor={next}")).await.expect(200).body;
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next_cursor"]), (1, &Value::Null));
}

#[tokio::test]
async fn what_one_node_takes_away_the_other_denies_at_once() {
    let app = TestApp::new().await;
    let other = crate::ids_support::second_node(&app).await;
    let org = app.org("home").await;
    let wish = json!({ "name": "k", "may_grant": ["identity.post:list"], "scopes": ["permissions:write"] });
    let (_, keeper) = program(&app, &org, wish).await;
    let member = app.member(&org, "bob", &[]).await;
    let there = crate::ids_support::at(&other, &member);
    let tuple = json!({
        "authentik_sub": member.id, "scope_type": "org", "scope_id": org.id, "module": "identity.post",
        "action": "list",
    });
    for _ in 0..3 {
        keeper.post("/admin/permissions/grant", tuple.clone()).await.expect(201);
        for node in [&app, &other] {
            let check = sister(node).post("/internal/permissions/check", tuple.clone()).await.expect(200);
            assert_eq!(check.body["allowed"], true);
        }
        member.get("/api/posts").await.expect(200);
        there.get("/api/posts").await.expect(200);
        let known = sister(&other).get(&path(&member.id.to_string())).await.expect(200);
        keeper.post("/admin/permissions/revoke", tuple.clone()).await.expect(200);
        there.get("/api/posts").await.expect(403);
        member.get("/api/posts").await.expect(403);
        for node in [&other, &app] {
            let check = sister(node).post("/internal/permissions/check", tuple.clone()).await.expect(200);
            assert_eq!(check.body["allowed"], false);
        }
        let again = sister(&other).with("if-none-match", known.header("etag"));
        assert!(allowed(&again.get(&path(&member.id.to_string())).await.expect(200).body).is_empty());
    }
}

#[tokio::test]
async fn a_back_office_finds_members_switches_them_off_and_reads_what_was_done() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let scopes = ["users:read", "users:write", "audit:read", "permissions:write"];
    let (_, office) =
        program(&app, &org, json!({ "name": "o", "scopes": scopes, "may_grant": ["mkt"] })).await;
    for sub in ["ann", "bea", "cleo"] {
        told(&app, sub).await.expect(201);
    }
    let first = office.get("/admin/users?search=a&limit=1").await.expect(200).body;
    assert_eq!(first["items"].as_array().unwrap().len(), 1);
    let mut found: Vec<String> = vec![first["items"][0]["authentik_sub"].as_str().unwrap().to_owned()];
    let mut cursor = first["next_cursor"].clone();
    while let Some(next) = cursor.as_str() {
        let page = office.get(&format!("/admin/users?search=a&limit=1&cursor={next}")).await.expect(200).body;
        found.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["authentik_sub"].as_str().unwrap().to_owned()),
        );
        cursor = page["next_cursor"].clone();
    }
    for sub in ["ann", "bea"] {
        assert!(found.iter().any(|one| one == sub), "{found:?}");
    }
    let off = office.patch("/admin/users/ann", json!({ "is_active": false })).await.expect(200).body;
    assert_eq!((&off["is_active"], &off["authentik_sub"]), (&json!(false), &json!("ann")));
    assert_eq!(sister(&app).get(&path("ann")).await.expect(200).body["is_active"], false);
    office.patch("/admin/users/nobody", json!({ "is_active": false })).await.expect(404);
    let owner = org.owner.id;
    let last = office.patch(&format!("/admin/users/{owner}"), json!({ "is_active": false })).await;
    assert_eq!(last.expect(409).code(), "last_owner");
    let trail = office.get("/admin/audit?action=members:user:upsert&limit=2").await.expect(200).body;
    assert_eq!(trail["items"].as_array().unwrap().len(), 2);
    assert!(trail["items"].as_array().unwrap().iter().all(|one| one["action"] == "members:user:upsert"));
    let next = trail["next_cursor"].as_str().unwrap();
    office.get(&format!("/admin/audit?cursor={next}")).await.expect(200);
    // What else happens in the organisation is not its business.
    let all = office.get("/admin/audit?limit=200").await.expect(200).body;
    assert!(
        all["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["action"].as_str().unwrap().starts_with("members:"))
    );
    office.get("/admin/audit?action=identity:user:update").await.expect(422);
}

#[tokio::test]
async fn grants_survive_the_move_into_tuples_and_back() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let member = app.member(&org, "bob", &["identity:post:list", "identity:role:list"]).await;
    org.owner
        .put(&format!("/api/users/{}/grants", member.id), json!({ "permissions": ["identity:menu:list"] }))
        .await
        .expect(200);
    let held = org.owner.get(&format!("/api/users/{}/access", member.id)).await.expect(200).body;
    let (store, migrations) = (app.app.store(), server::wiring::migrations());
    let names: Vec<String> =
        migrations.status(store).await.unwrap().into_iter().map(|one| one.name).collect();
    let steps = names.len() - names.iter().position(|name| name == "0007_tuples").unwrap();
    let back = migrations.down(store, steps).await.unwrap();
    assert!(back.contains(&"0008_subjects".to_owned()), "{back:?}");
    let tx = app.tx(org.id).await;
    let rows = tx.query_sql("SELECT module FROM access_grant", Vec::new()).await.unwrap();
    assert!(rows.len() >= 3, "{} grants", rows.len());
    tx.commit().await.unwrap();
    migrations.up(store, &base::SystemClock).await.unwrap();
    let after = org.owner.get(&format!("/api/users/{}/access", member.id)).await.expect(200).body;
    assert_eq!(after, held);
    member.get("/api/posts").await.expect(200);
    member.get("/api/departments").await.expect(403);
}

#[tokio::test]
async fn a_migration_that_was_broken_off_on_a_server_without_transactional_ddl_can_be_run_again() {
    let app = TestApp::new().await;
    let (store, migrations) = (app.app.store(), server::wiring::migrations());
    if store.dialect() != store::Dialect::Mysql {
        // All of it is one transaction there.
        return;
    }
    // As if the process had died after its statements and before it was noted down.
    for name in ["0009_event_detail", "0010_granters", "0013_audit_link"] {
        let tx = app.app.system(store::Mode::Write).await.unwrap();
        let forget = "DELETE FROM schema_migration WHERE name = ?";
        assert_eq!(tx.execute_sql(forget, vec![name.into()]).await.unwrap(), 1);
        tx.commit().await.unwrap();
        assert_eq!(migrations.up(store, &base::SystemClock).await.unwrap(), [name]);
    }
}
