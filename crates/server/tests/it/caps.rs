//! What is counted, and by what: letters by their recipient, requests by network.

use serde_json::json;

use crate::support::{TestApp, Wish};

#[tokio::test]
async fn all_organisations_together_send_one_address_three_invitations_an_hour() {
    let app = TestApp::new().await;
    let mut orgs = Vec::new();
    for name in ["one", "two", "three", "four"] {
        orgs.push(app.org(name).await);
    }
    let body = json!({ "email": "victim@example.com" });
    let mut sent = Vec::new();
    for org in &orgs[..3] {
        sent.push(org.owner.post("/api/invitations", body.clone()).await.expect(201).id());
    }
    let upper = json!({ "email": "VICTIM@example.com" });
    let refused = orgs[3].owner.post("/api/invitations", upper.clone()).await.expect(429);
    assert_eq!(refused.code(), "too_many_requests");
    orgs[0].owner.act(&format!("/api/invitations/{}/resend", sent[0])).await.expect(429);
    orgs[3].owner.post("/api/invitations", json!({ "email": "other@example.com" })).await.expect(201);
}

#[tokio::test]
async fn one_address_gets_three_reset_links_an_hour_and_invitations_do_not_use_them_up() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    app.person("victim").await;
    let body = json!({ "email": "victim@example.com" });
    for _ in 0..2 {
        let id = org.owner.post("/api/invitations", body.clone()).await.expect(201).id();
        org.owner.act(&format!("/api/invitations/{id}/revoke")).await.expect(204);
    }
    for _ in 0..5 {
        app.anon().post("/api/auth/password/forgot", body.clone()).await.expect(202);
    }
    app.work().await;
    let links = |page: &str| app.mailer.sent().iter().filter(|mail| mail.text.contains(page)).count();
    assert_eq!((links("/reset-password"), links("/accept-invitation")), (3, 2));
}

#[tokio::test]
async fn whoever_has_an_ipv6_network_counts_as_one() {
    let app = TestApp::with(Wish { rate_limit: 3, ..Wish::default() }).await;
    let from = async |address: &str| {
        let mut caller = app.anon();
        caller.peer = format!("[{address}]:4000").parse().unwrap();
        caller.get("/api/auth/check-init").await
    };
    for host in ["2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:2:ffff::3"] {
        from(host).await.expect(200);
    }
    from("2001:db8:1:2:aaaa::4").await.expect(429);
    from("2001:db8:1:3::1").await.expect(200);
    let app = TestApp::new().await;
    let reset = async |host: u32| {
        let mut caller = app.anon();
        caller.peer = format!("[2001:db8:1:2::{host:x}]:4000").parse().unwrap();
        caller.post("/api/auth/password/forgot", json!({ "email": format!("{host}@example.com") })).await
    };
    for host in 1..=30 {
        reset(host).await.expect(202);
    }
    reset(31).await.expect(429);
}
