//! Snapshots: how long they are used, when they are asked for again, what an outage does.

use std::time::Duration;

use serde_json::json;
use tenon_id::members::{Credential, Error, Failure, Members, Options, Reason};

use crate::{
    fake::{READ, Reply, SECRET, Step, Tenon, WRITE, answer, found, problem, refusal},
    may, why,
};

#[tokio::test]
async fn what_is_granted_is_allowed_and_nothing_else() {
    let tenon = Tenon::start();
    let members = tenon.client();
    tenon.grant("ann", READ);
    assert!(may(&members, "ann", READ).await);
    for other in
        [WRITE, ("org", "8", "mkt", "read"), ("team", "7", "mkt", "read"), ("org", "7", "crm", "read")]
    {
        assert!(!may(&members, "ann", other).await, "{other:?}");
    }
    assert!(!may(&members, "Ann", READ).await);
    let snapshot = members.snapshot("ann").await.unwrap();
    assert!(snapshot.allows("org", "7", "mkt", "read") && !snapshot.allows("org", "7", "mkt", "write"));
    assert_eq!((snapshot.user_id.as_str(), snapshot.version, snapshot.is_stale), ("id-of-ann", 1, false));
    assert_eq!((snapshot.expires_at - snapshot.generated_at).num_seconds(), 300);
}

#[tokio::test]
async fn a_snapshot_is_used_until_it_expires_and_then_asked_for_with_its_tag() {
    let tenon = Tenon::start();
    let members = tenon.client();
    tenon.grant("ann", READ);
    for _ in 0..3 {
        assert!(may(&members, "ann", READ).await);
        tenon.pass_by(99.9);
    }
    let seen = tenon.seen();
    assert!(seen.len() == 1 && !seen[0].headers.contains_key("if-none-match"));
    tenon.pass_by(0.4);
    assert!(may(&members, "ann", READ).await);
    assert!(tenon.seen()[0].headers["if-none-match"].starts_with("\"1-"));
    // 304 keeps it for as long again, by its Cache-Control.
    tenon.pass_by(299.9);
    assert!(may(&members, "ann", READ).await && tenon.seen().is_empty());
    tenon.revoke("ann", READ);
    tenon.pass_by(0.2);
    assert!(!may(&members, "ann", READ).await);
}

#[tokio::test]
async fn clocks_need_not_agree() {
    let tenon = Tenon::start();
    let members = tenon.client();
    tenon.world().skew = -86_400.0;
    tenon.grant("ann", READ);
    tenon.grant_for("ann", WRITE, Some(100.0));
    assert!(may(&members, "ann", READ).await && may(&members, "ann", WRITE).await);
    tenon.pass_by(99.0);
    assert!(may(&members, "ann", WRITE).await && tenon.seen().len() == 1);
    tenon.pass_by(2.0);
    assert!(!may(&members, "ann", WRITE).await && may(&members, "ann", READ).await);
}

#[tokio::test]
async fn a_permission_ends_at_its_time_also_in_an_outage() {
    let tenon = Tenon::start();
    let members = tenon.client();
    tenon.grant_for("ann", READ, Some(100.0));
    tenon.grant("ann", WRITE);
    assert!(may(&members, "ann", READ).await);
    tenon.world().is_down = true;
    tenon.pass_by(100.0);
    assert!(!may(&members, "ann", READ).await && may(&members, "ann", WRITE).await);
    let snapshot = members.snapshot("ann").await.unwrap();
    assert!(snapshot.is_stale && snapshot.permissions.len() == 1);
    assert_eq!(snapshot.permissions[0].key.action, "write");
}

#[tokio::test]
async fn an_outage_is_survived_for_as_long_as_tenon_says_and_then_denied() {
    let tenon = Tenon::start();
    let members = tenon.client();
    tenon.grant("ann", READ);
    assert!(may(&members, "ann", READ).await);
    tenon.world().is_down = true;
    tenon.pass_by(301.0);
    assert!(may(&members, "ann", READ).await && members.snapshot("ann").await.unwrap().is_stale);
    tenon.pass_by(3_598.0);
    assert!(may(&members, "ann", READ).await);
    tenon.pass_by(2.0);
    assert!(!may(&members, "ann", READ).await);
    assert_eq!(why(&members, "ann", READ).await, Reason::Unavailable);
    let error = members.snapshot("ann").await.unwrap_err();
    assert!(matches!(&error, Error::Unavailable(Failure { status: Some(503), .. })), "{error:?}");
    assert!(error.to_string().contains("because of database_unavailable"));
    tenon.world().is_down = false;
    tenon.pass_by(10.0);
    assert!(may(&members, "ann", READ).await && !members.snapshot("ann").await.unwrap().is_stale);
}

#[tokio::test]
async fn whatever_goes_wrong_serves_what_is_at_hand_and_denies_where_nothing_is() {
    let kinds: Vec<fn() -> Reply> = vec![
        || Reply::Silence,
        || Reply::Cut,
        || problem(500, "internal"),
        || problem(503, "database_unavailable"),
        || refusal(429, "rate_limited", vec![("retry-after", "7".to_owned())]),
        || problem(401, "internal_auth_required"),
        || problem(422, "validation_error"),
        || refusal(302, "elsewhere", vec![("location", "http://127.0.0.1:1/".to_owned())]),
        || Reply::Answer(200, Vec::new(), "<html>a portal</html>".to_owned()),
        || found(&json!({ "schema": 1 })),
    ];
    for (at, kind) in kinds.into_iter().enumerate() {
        let tenon = Tenon::start();
        let options = Options { timeout: Duration::from_millis(200), ..tenon.options() };
        let members = tenon.client_with(options);
        let twice = || [kind, kind].map(|kind| -> Step { answer(kind) });
        tenon.plan(twice());
        tenon.grant("ann", READ);
        // Nothing is at hand yet.
        assert!(!may(&members, "ann", READ).await, "{at}");
        tenon.world().plan.clear();
        tenon.pass_by(61.0);
        assert!(may(&members, "ann", READ).await, "{at}");
        tenon.pass_by(301.0);
        tenon.plan(twice());
        assert!(may(&members, "ann", READ).await && members.snapshot("ann").await.unwrap().is_stale, "{at}");
        tenon.world().plan.clear();
        tenon.pass_by(61.0);
        assert!(!members.snapshot("ann").await.unwrap().is_stale, "{at}");
    }
}

#[tokio::test]
async fn a_broken_connection_is_tried_once_more_and_a_missing_server_is_an_outage() {
    let tenon = Tenon::start();
    let members = tenon.client();
    tenon.grant("ann", READ);
    tenon.plan([answer(|| Reply::Cut)]);
    assert!(may(&members, "ann", READ).await && tenon.seen().len() == 2);
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let secret = Credential::InternalSecret(SECRET.to_owned());
    let members = Members::new(&format!("http://{nobody}"), &secret, tenon.options()).unwrap();
    assert_eq!(why(&members, "ann", READ).await, Reason::Unavailable);
    assert!(matches!(members.check("ann", "org", "7", "mkt", "read").await, Err(Error::Unavailable(_))));
}

#[tokio::test]
async fn in_an_outage_not_every_call_asks() {
    let tenon = Tenon::start();
    let members = tenon.client();
    tenon.world().is_down = true;
    for number in 0..100 {
        assert!(!may(&members, &format!("user-{number}"), READ).await);
    }
    assert_eq!(tenon.seen().len(), 1);
    for _ in 0..100 {
        tenon.pass_by(0.1);
        may(&members, "ann", READ).await;
    }
    // After 1, 2 and 4 seconds.
    assert_eq!(tenon.seen().len(), 3);
    tenon.world().is_down = false;
    tenon.grant("ann", READ);
    tenon.grant("ben", READ);
    tenon.pass_by(5.0);
    assert!(may(&members, "ann", READ).await && may(&members, "ben", READ).await);
}

#[tokio::test]
async fn retry_after_is_heeded() {
    let tenon = Tenon::start();
    let members = tenon.client();
    tenon.grant("ann", READ);
    tenon.plan([answer(|| refusal(429, "rate_limited", vec![("retry-after", "20".to_owned())]))]);
    assert!(!may(&members, "ann", READ).await);
    tenon.pass_by(19.0);
    assert!(!may(&members, "ann", READ).await && tenon.seen().len() == 1);
    tenon.pass_by(2.0);
    assert!(may(&members, "ann", READ).await);
}

#[tokio::test]
async fn one_member_whose_snapshot_fails_does_not_stop_the_others() {
    let tenon = Tenon::start();
    let members = tenon.client();
    tenon.grant("ben", READ);
    tenon.plan([answer(|| problem(500, "internal"))]);
    assert!(!may(&members, "ann", READ).await && may(&members, "ben", READ).await);
}

#[tokio::test]
async fn the_disabled_the_deleted_and_the_unknown_may_nothing() {
    let tenon = Tenon::start();
    let members = tenon.client();
    for sub in ["ann", "ben"] {
        tenon.grant(sub, READ);
        assert!(may(&members, sub, READ).await);
    }
    tenon.disable("ann");
    tenon.delete("ben");
    tenon.pass_by(301.0);
    for (sub, reason) in [("ann", Reason::Disabled), ("ben", Reason::Unknown), ("carl", Reason::Unknown)] {
        assert!(!may(&members, sub, READ).await);
        assert_eq!(why(&members, sub, READ).await, reason);
    }
    assert!(!members.snapshot("ann").await.unwrap().is_active);
    assert_eq!(members.snapshot("ben").await, Err(Error::UnknownMember));
    // Also in an outage.
    tenon.world().is_down = true;
    tenon.pass_by(31.0);
    assert!(!may(&members, "ben", READ).await);
    tenon.world().is_down = false;
    tenon.pass_by(10.0);
    members.invalidate("ann");
    tenon.enable("ann");
    assert!(may(&members, "ann", READ).await);
    assert_eq!(why(&members, "ann", WRITE).await, Reason::NotGranted);
}

#[tokio::test]
async fn somebody_unknown_is_asked_for_again_only_after_a_while() {
    let tenon = Tenon::start();
    let members = tenon.client();
    for _ in 0..5 {
        assert!(!may(&members, "ann", READ).await);
    }
    assert_eq!(tenon.seen().len(), 1);
    tenon.grant("ann", READ);
    tenon.pass_by(30.0);
    assert!(may(&members, "ann", READ).await);
}

#[tokio::test]
async fn versions_never_go_back() {
    let tenon = Tenon::start();
    let members = tenon.client();
    tenon.grant("ann", READ);
    let behind = tenon.document("ann");
    tenon.revoke("ann", READ);
    assert!(!may(&members, "ann", READ).await);
    tenon.pass_by(301.0);
    // A replica that is behind.
    tenon.plan([answer(move || found(&behind))]);
    assert!(!may(&members, "ann", READ).await);
    let snapshot = members.snapshot("ann").await.unwrap();
    assert!(snapshot.version == 2 && snapshot.is_stale);
    tenon.pass_by(2.0);
    let snapshot = members.snapshot("ann").await.unwrap();
    assert!(snapshot.version == 2 && !snapshot.is_stale);
}

#[tokio::test]
async fn the_least_lately_used_leave() {
    let tenon = Tenon::start();
    let members = tenon.client_with(Options { max_subs: 3, ..tenon.options() });
    for sub in ["a", "b", "c", "a", "d"] {
        tenon.grant(sub, READ);
        assert!(may(&members, sub, READ).await);
    }
    tenon.seen();
    for (sub, is_asked_for) in [("a", false), ("d", false), ("c", false), ("b", true)] {
        assert!(may(&members, sub, READ).await);
        assert_eq!(!tenon.seen().is_empty(), is_asked_for, "{sub}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_ask_for_one_member_at_once_send_one_request_and_one_who_leaves_takes_nothing_away() {
    let tenon = Tenon::start();
    let members = tenon.client();
    tenon.grant("ann", READ);
    let slow: Step = Box::new(|_, _| {
        std::thread::sleep(Duration::from_millis(300));
        None
    });
    tenon.plan([slow]);
    let mut tasks = tokio::task::JoinSet::new();
    let ask = || {
        let members = members.clone();
        async move { may(&members, "ann", READ).await }
    };
    let first = tasks.spawn(ask());
    tokio::time::sleep(Duration::from_millis(100)).await;
    for _ in 0..50 {
        tasks.spawn(ask());
    }
    first.abort();
    let mut served = 0;
    while let Some(one) = tasks.join_next().await {
        match one {
            Ok(may) => served += usize::from(may),
            Err(error) => assert!(error.is_cancelled()),
        }
    }
    assert_eq!((served, tenon.seen().len()), (50, 1));
}

#[tokio::test]
async fn names_that_nobody_can_have_are_not_asked_for() {
    let tenon = Tenon::start();
    let members = tenon.client();
    for sub in [" ann", "ann\n", "\u{7f}"] {
        assert!(!may(&members, sub, READ).await);
    }
    assert!(!may(&members, "ann", ("org", "*", "mkt", "read")).await && tenon.seen().len() == 1);
    assert!(matches!(members.allowed("", "org", "7", "mkt", "read").await, Err(Error::Invalid(_))));
    assert!(matches!(members.allowed("ann", "org", "7", "*", "read").await, Err(Error::Invalid(_))));
    assert_eq!(members.check(" ann", "org", "7", "mkt", "read").await, Ok(false));
    // Those that a path could lose are asked for all the same.
    for sub in ["a/b?c=d#e", "%2e", "..", ".", "ä ö"] {
        tenon.grant(sub, READ);
        assert!(may(&members, sub, READ).await, "{sub}");
    }
    assert!(!may(&members, "...", READ).await);
}

#[tokio::test]
async fn a_check_asks_tenon_itself() {
    let tenon = Tenon::start();
    let members = tenon.client();
    tenon.grant("ann", READ);
    assert!(may(&members, "ann", READ).await);
    tenon.revoke("ann", READ);
    assert!(may(&members, "ann", READ).await);
    assert_eq!(members.check("ann", "org", "7", "mkt", "read").await, Ok(false));
    tenon.plan([answer(|| problem(403, "insufficient_scope"))]);
    let refused = members.check("ann", "org", "7", "mkt", "read").await;
    assert!(matches!(refused, Err(Error::Unauthorized(Failure { status: Some(403), .. }))), "{refused:?}");
}

#[tokio::test]
async fn a_closed_client_says_so_and_settings_that_cannot_be_are_refused() {
    let tenon = Tenon::start();
    let members = tenon.client();
    members.close();
    assert_eq!(members.allowed("ann", "org", "7", "mkt", "read").await, Err(Error::Closed));
    let refused = |options: Options| {
        let secret = Credential::InternalSecret(SECRET.to_owned());
        matches!(Members::new(&tenon.url, &secret, options), Err(Error::Invalid(_)))
    };
    assert!(refused(Options { max_subs: 0, ..Options::default() }));
    assert!(refused(Options { long_poll: 26, ..Options::default() }));
    assert!(refused(Options { timeout: Duration::ZERO, ..Options::default() }));
    assert!(refused(Options { webhook_secrets: vec!["whsec_".to_owned()], ..Options::default() }));
    assert!(!format!("{:?}", Credential::InternalSecret(SECRET.to_owned())).contains(SECRET));
}
