//! What is remembered of snapshots: it saves questions to the database and changes no answer.

use serde_json::json;

use crate::{
    members_support::{allowed, keeper, may, path, sister, told},
    support::{TestApp, caller::Reply},
};

/// What a 304 says beside its status.
fn said(reply: &Reply) -> [String; 3] {
    ["etag", "cache-control", "x-content-type-options"].map(|name| reply.header(name).to_owned())
}

#[tokio::test]
async fn a_tag_outlives_what_changes_for_others_and_nothing_else() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let (keeper, sister) = (keeper(&app, &org).await, sister(&app));
    for sub in ["ann", "ben"] {
        told(&app, sub).await.expect(201);
        keeper.post("/admin/permissions/grant", may(sub, "7", "mkt", "read")).await.expect(201);
    }
    let ask = path("ann");
    let tag = sister.get(&ask).await.expect(200).header("etag").to_owned();
    let known = sister.with("if-none-match", &tag);
    let slow = said(&known.get(&ask).await.expect(304));
    for question in [ask.clone(), format!("{ask}?max_stale=1"), format!("{ask}?max_stale=0")] {
        // The head moves, and what is remembered is compared with it.
        keeper.post("/admin/permissions/grant", may("ben", "7", "mkt", "write")).await.expect(201);
        for _ in 0..3 {
            assert_eq!(said(&known.get(&question).await.expect(304)), slow);
        }
        keeper.post("/admin/permissions/revoke", may("ben", "7", "mkt", "write")).await.expect(200);
    }
    // Whoever is not let in is told nothing, whatever is remembered.
    let stranger = app.anon().with("if-none-match", &tag);
    stranger.get(&format!("{ask}?max_stale=1")).await.expect(401);
    known.get(&format!("{ask}?max_stale=2")).await.expect(422);
    // Another tag, or a part, is no reason for 304.
    sister.with("if-none-match", "\"1-0123456789abcdef\"").get(&ask).await.expect(200);
    known.get(&format!("{ask}?scope_id=7")).await.expect(200);
    keeper.post("/admin/permissions/grant", may("ann", "8", "mkt", "read")).await.expect(201);
    let after = known.get(&ask).await.expect(200);
    assert_eq!(allowed(&after.body), ["7/mkt:read", "8/mkt:read"]);
    known.get(&format!("{ask}?max_stale=1")).await.expect(200);
    let known = sister.with("if-none-match", after.header("etag"));
    known.get(&format!("{ask}?max_stale=1")).await.expect(304);
    let off = json!({ "authentik_sub": "ann", "is_active": false });
    sister.post("/internal/users/upsert-by-sub", off).await.expect(200);
    let off = known.get(&ask).await.expect(200).body;
    assert_eq!((&off["is_active"], &off["permissions"]), (&json!(false), &json!([])));
}

#[tokio::test]
async fn a_change_of_a_role_and_an_end_and_a_removal_end_what_is_remembered() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let (keeper, sister) = (keeper(&app, &org).await, sister(&app));
    let member = app.member(&org, "bob", &["identity:post:list"]).await;
    let ask = path(&member.id.to_string());
    let tag = async || sister.get(&ask).await.expect(200).header("etag").to_owned();
    let first = tag().await;
    sister.with("if-none-match", &first).get(&ask).await.expect(304);
    let role = member.role.unwrap();
    org.owner.patch(&format!("/api/roles/{role}"), json!({ "status": "disabled" })).await.expect(200);
    let off = sister.with("if-none-match", &first).get(&ask).await.expect(200);
    assert_eq!(off.body["permissions"], json!([]));
    let mut grant = may(&member.id.to_string(), "7", "mkt", "read");
    grant["expires_at"] = json!(base::time::format(app.now() + chrono::Duration::seconds(60)));
    keeper.post("/admin/permissions/grant", grant).await.expect(201);
    let ends = tag().await;
    let known = sister.with("if-none-match", &ends);
    known.get(&format!("{ask}?max_stale=1")).await.expect(304);
    app.clock.advance(chrono::Duration::seconds(61));
    for question in [format!("{ask}?max_stale=1"), ask.clone()] {
        // No version tells of it yet.
        assert_eq!(known.get(&question).await.expect(200).body["permissions"], json!([]));
    }
    let ended = tag().await;
    org.owner.delete(&format!("/api/users/{}", member.id)).await.expect(204);
    for _ in 0..2 {
        sister.with("if-none-match", &ended).get(&ask).await.expect(410);
        sister.with("if-none-match", "*").get(&ask).await.expect(410);
    }
}
