//! The failure cases of the service that the id service replaces, each as a test that it does not fail here.
//!
//! | case | where it is proved |
//! |---|---|
//! | F1 initialize again on live counters | `ids_failures::a_second_initialize_lowers_no_key_that_was_used` |
//! | F2 initialize while others allocate | `ids_failures::initialize_while_eight_callers_allocate_repeats_nothing` |
//! | F3 first use by many at once | `ids_failures::twenty_first_uses_at_once_make_one_key`; engine `issuing::the_first_use_by_many_at_once_makes_one_key_and_no_overlap` |
//! | F4 an initialisation slower than its lock | `ids_failures::a_slow_first_use_does_not_undo_what_was_issued_meanwhile`, `…two_nodes_that_wait_for_one_table_…` |
//! | F5 the counter vanishes between check and increment | cannot arise: check and increment are one conditional UPDATE of a row that nothing evicts. A row deleted by hand: engine `doubt::a_key_that_was_deleted_and_made_again_is_stopped_by_a_node_that_knew_it` |
//! | F6 the store is lost | cannot arise beside the truth: keys, journal and configurations are rows of one database, restored together or not at all. A counter without its journal: engine `doubt::a_counter_behind_what_this_node_issued_is_stopped_even_when_the_journal_is_lost_too` |
//! | F7 an older snapshot, or behind the table | `ids_failures_tables::a_counter_that_was_set_back_is_stopped_until_it_is_released_above_all_that_is_known`, `…a_counter_behind_its_table_…`; engine `doubt::*` |
//! | F8 an asynchronous replica is promoted | the acknowledgement of the SQL database is the operator's setting; what is missing after it is F7, and engine `doubt::two_nodes_that_disagree_stop_the_key` |
//! | F9 a crash or time-out after the commit | `ids_failures::a_retry_with_its_key_gets_the_same_range_and_another_request_is_refused`; process `issuing`; engine `repeats::*`, `kill::*` |
//! | F10 overflow of 63 bits | `ids_failures_columns::the_widest_column_ends_with_a_clean_answer`; engine `limits::*` |
//! | F11 one caller takes everything | `ids_failures_columns::counts_have_a_limit_and_are_whole`, `ids_flood` |
//! | F12 zero, negative and fractional counts | `ids_failures_columns::counts_have_a_limit_and_are_whole` |
//! | F13 negative and zero bases | `ids_failures_columns::ids_begin_at_one_whatever_lies_below`; engine `issuing::ids_begin_at_one_when_a_table_has_negative_keys_only` |
//! | F14 a base above 63 bits | `ids_failures_columns::what_lies_above_63_bits_is_refused_when_it_is_written` |
//! | F15 the column is no integer | `ids_failures_columns::a_column_that_holds_no_integers_gets_no_key` |
//! | F16 the column is narrower than the id | `ids_failures_columns::a_key_ends_where_its_column_ends_and_says_so_before` |
//! | F17 colons and patterns in names | `ids_failures_columns::names_with_colons_percents_and_patterns_are_counters_of_their_own` |
//! | F18 delete of one configuration | `ids_failures_databases::deleting_one_configuration_leaves_its_siblings_and_its_counters_go_on_when_it_returns` |
//! | F19 rename of a system or database | `ids_failures_databases::a_renamed_configuration_takes_its_counters_along`; engine `names::*` |
//! | F20 two configurations for one (system, database) | `ids_failures_databases::a_system_and_a_database_are_configured_once` |
//! | F21 several databases behind one configuration | `ids_failures_databases::every_database_of_a_server_has_its_own_highest`; connector `every_database_has_its_own_highest_and_…` |
//! | F22 one bad table | `ids_failures_databases::one_bad_table_spoils_no_other` |
//! | F23 a race for the first set-up, set-up after a loss | `sign_in_flows::set_up_happens_exactly_once`; the database that is lost is F6 |
//! | F24 a race of add-config | `ids_failures::of_eight_parallel_add_configs_one_wins` |
//! | F25 the store is down | `ids_failures::without_its_database_a_node_is_not_ready_and_says_so_in_the_envelope` |
//! | F26 an unknown system is hammered | `ids_failures::an_unknown_system_that_is_hammered_is_answered_with_a_time_to_wait` |
//! | F27 two scanners | `ids_failures_tables::the_cluster_has_one_scanner`; jobs `schedules::*` |
//! | F28 a scan of an unreachable database | `ids_failures_tables::a_server_that_hangs_delays_nobody_and_every_failure_is_told` |
//! | F29 secrets | `ids_failures_databases::a_password_is_sealed_at_rest_and_shown_to_nobody` |
//! | F30 ids that were inserted by hand | `ids_failures_tables::ids_that_somebody_wrote_by_hand_raise_the_counter_and_leave_a_trace`; engine `raising::*` |
//! | F31 clocks, worker ids | cannot arise for counters: no id is made of a time. Time-sorted kinds have tests of their own |
//! | F32 a node with a buffer starts again | process `issuing`; engine `crash::what_a_crashed_node_held_is_never_issued_again` |
//! | F33 JavaScript | `ids_failures_columns::ids_beyond_what_javascript_counts_are_text` |

use futures_util::future::join_all;
use serde_json::json;

use crate::{
    ids_support::{
        ALLOCATE, Product, Shop, ask, assert_disjoint, at, done, given, initialize, key_named, row_of,
        second_node, take, try_take, with_key,
    },
    support::{TestApp, caller::Reply},
};

/// F1
#[tokio::test]
async fn a_second_initialize_lowers_no_key_that_was_used() {
    for shop in Shop::all().await {
        let app = TestApp::new().await;
        let org = app.org("home").await;
        shop.table("t_big", "BIGINT", &[3, 1500]).await;
        let id = shop.configure(&org, "shop").await;
        let first = initialize(&org.owner, id).await;
        assert_eq!(first["segments"], json!([shop.key("shop", "t_big")]));
        assert_eq!(row_of(&first, "t_big")["action"], "create");
        let ask = shop.ask("shop", "t_big", 200);
        assert_eq!(take(&app.anon(), &ask).await, (1501, 1700));
        for round in 1..=2 {
            let again = initialize(&org.owner, id).await;
            assert_eq!(again["initialized_count"], 1);
            let row = row_of(&again, "t_big");
            assert_eq!((&row["action"], &row["table_max"]), (&json!("keep"), &json!("1500")), "{row}");
            let (start, end) = take(&app.anon(), &ask).await;
            assert_eq!((start, end), (1501 + round * 200, 1700 + round * 200));
        }
    }
}

/// F2
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn initialize_while_eight_callers_allocate_repeats_nothing() {
    for shop in Shop::all().await {
        let app = TestApp::new().await;
        let other = second_node(&app).await;
        let org = app.org("home").await;
        shop.table("t_big", "BIGINT", &[1500]).await;
        let id = shop.configure(&org, "shop").await;
        initialize(&org.owner, id).await;
        let callers = (0..8).map(|n| {
            let node = if n % 2 == 0 { &app } else { &other };
            let (anon, ask) = (node.anon(), shop.ask("shop", "t_big", 3 + n));
            async move {
                let mut got = Vec::new();
                for _ in 0..25 {
                    got.push(take(&anon, &ask).await);
                }
                got
            }
        });
        let initializing = async {
            for round in 0..6_i128 {
                // Ids of its own, within and above what is issued.
                let by_hand = 1600 + round * 150;
                shop.run(&[&format!("INSERT INTO t_big VALUES ({by_hand})")]).await;
                initialize(&org.owner, id).await;
            }
        };
        let (ranges, ()) = tokio::join!(join_all(callers), initializing);
        let ranges: Vec<(i64, i64)> = ranges.into_iter().flatten().collect();
        assert_eq!(ranges.len(), 200);
        assert!(ranges.iter().all(|(start, _)| *start > 1500));
        assert_disjoint(&ranges);
        // What was in the table when the last initialize had ended is below everything that comes.
        assert!(take(&other.anon(), &shop.ask("shop", "t_big", 1)).await.0 > 1600 + 5 * 150);
    }
}

/// F3
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_first_uses_at_once_make_one_key() {
    for shop in Shop::all().await {
        let app = TestApp::new().await;
        let org = app.org("home").await;
        shop.table("t_big", "BIGINT", &[1500]).await;
        shop.table("t_two", "BIGINT", &[70_000]).await;
        shop.configure(&org, "shop").await;
        let calls = |nodes: Vec<TestApp>, table: &'static str| {
            let ask = shop.ask("shop", table, 10);
            async move {
                let anon: Vec<_> = nodes.iter().map(TestApp::anon).collect();
                let calls = (0..20).map(|n| take(&anon[n % anon.len()], &ask));
                let mut ranges = join_all(calls).await;
                ranges.sort_unstable();
                (ranges, nodes)
            }
        };
        let (ranges, mut nodes) = calls(vec![app], "t_big").await;
        let expected: Vec<(i64, i64)> = (0..20).map(|n| (1501 + n * 10, 1510 + n * 10)).collect();
        assert_eq!(ranges, expected);
        // The same over two nodes, who know nothing of each other's locks.
        nodes.push(second_node(&nodes[0]).await);
        let (ranges, nodes) = calls(nodes, "t_two").await;
        assert_disjoint(&ranges);
        assert!(ranges.iter().all(|(start, _)| *start > 70_000));
        let keys = at(&nodes[1], &org.owner).get("/api/id-keys").await.expect(200);
        assert_eq!(keys.body["total"], 2, "{}", keys.body);
    }
}

/// F4
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_slow_first_use_does_not_undo_what_was_issued_meanwhile() {
    for shop in Shop::all().await {
        let app = TestApp::new().await;
        let org = app.org("home").await;
        shop.table("t_slow", "BIGINT", &[100]).await;
        shop.configure(&org, "shop").await;
        let lock = shop.lock("t_slow").await;
        let ask = shop.ask("shop", "t_slow", 10);
        let anon = app.anon();
        let slow = try_take(&anon, &ask);
        let meanwhile = async {
            tokio::time::sleep(std::time::Duration::from_millis(700)).await;
            // Somebody who knows better makes the key while the highest id is still being asked for.
            let parts = json!({
                "system_code": "shop", "database": shop.name, "table": "t_slow", "field": "id",
            });
            org.owner.post("/api/id-keys", json!({ "parts": parts, "in_use": "5000" })).await.expect(201);
            assert_eq!(take(&app.anon(), &ask).await, (5001, 5010));
            shop.unlock(lock).await;
        };
        let (slow, ()) = tokio::join!(slow, meanwhile);
        assert_eq!(slow, Ok((5011, 5020)));
    }
}

/// F4
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_nodes_that_wait_for_one_table_issue_nothing_twice_and_others_are_told_to_come_back() {
    for shop in Shop::all().await {
        let app = TestApp::new().await;
        let other = second_node(&app).await;
        let org = app.org("home").await;
        shop.table("t_slow", "BIGINT", &[100]).await;
        shop.configure(&org, "shop").await;
        let lock = shop.lock("t_slow").await;
        let ask = shop.ask("shop", "t_slow", 10);
        let both = [app.anon(), other.anon(), app.anon(), other.anon()];
        let calls = join_all(both.iter().map(|anon| try_take(anon, &ask)));
        let unlocking = async {
            // Longer than those wait who are not the first of their node.
            tokio::time::sleep(std::time::Duration::from_millis(4_500)).await;
            shop.unlock(lock).await;
        };
        let (outcomes, ()) = tokio::join!(calls, unlocking);
        let busy = format!(
            "Failed to initialize segment cache for key: {}. System is busy, please retry later.",
            shop.key("shop", "t_slow")
        );
        let refused = outcomes.iter().filter(|one| **one == Err((503, busy.clone()))).count();
        let mut ranges: Vec<(i64, i64)> = outcomes.iter().filter_map(|one| one.clone().ok()).collect();
        assert_eq!((refused, ranges.len()), (2, 2), "{outcomes:?}");
        for anon in &both {
            ranges.push(take(anon, &ask).await);
        }
        assert_disjoint(&ranges);
        assert!(ranges.iter().all(|(start, _)| *start > 100));
    }
}

/// F9
#[tokio::test]
async fn a_retry_with_its_key_gets_the_same_range_and_another_request_is_refused() {
    let app = TestApp::new().await;
    let other = second_node(&app).await;
    let org = app.org("home").await;
    for name in ["s:d:one:id", "s:d:two:id"] {
        org.owner.post("/api/id-keys", json!({ "name": name })).await.expect(201);
    }
    let ask = |table: &str, count: i64| ask("s", "d", table, "id", count);
    let made = org.owner.post("/api/auth/api-keys", json!({ "name": "robot" })).await.expect(201);
    let key = made.body["key"].as_str().unwrap();
    let robot = app.anon().with("x-api-key", key);
    let retrying = robot.with("idempotency-key", "order-17");
    let first = take(&retrying, &ask("one", 10)).await;
    // Again, at another node, and by many at once.
    assert_eq!(take(&retrying, &ask("one", 10)).await, first);
    let there = other.anon().with("x-api-key", key).with("idempotency-key", "order-17");
    assert_eq!(take(&there, &ask("one", 10)).await, first);
    let fresh = robot.with("idempotency-key", "order-18");
    let eight = join_all((0..8).map(|_| async { take(&fresh, &ask("one", 5)).await })).await;
    assert!(eight.iter().all(|range| *range == eight[0]), "{eight:?}");
    assert_disjoint(&[first, eight[0]]);
    for changed in [ask("one", 11), ask("two", 10)] {
        assert_eq!(try_take(&retrying, &changed).await.unwrap_err().0, 409, "{changed}");
    }
    // A key belongs to whoever sent it.
    let someone = with_key(&app, &org.owner, "someone").await.with("idempotency-key", "order-17");
    assert_disjoint(&[first, eight[0], take(&someone, &ask("one", 10)).await]);
}

/// F24
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_eight_parallel_add_configs_one_wins() {
    let app = TestApp::new().await;
    let other = second_node(&app).await;
    let org = app.org("home").await;
    let config = json!({
        "system_code": "shop", "db_type": "mysql", "db_address": "127.0.0.1:1", "db_user": "u",
        "db_password": "p", "db_name": "main",
    });
    let guid = done(&org.owner, "/api/database/add", config).await["guid"].as_str().unwrap().to_owned();
    let path = format!("/api/database/{guid}/add-config");
    let both = [org.owner.clone(), at(&other, &org.owner)];
    for round in 0..4 {
        let add = |n: usize| {
            let (caller, path) = (both[n % 2].clone(), path.clone());
            let body = json!({
                "table_name": format!("t{round}"), "field_name": "id", "initial_value": n * 100,
            });
            async move { (n, caller.post(&path, body).await.expect(200)) }
        };
        let replies: Vec<(usize, Reply)> = join_all((0..8).map(add)).await;
        let won: Vec<&(usize, Reply)> = replies.iter().filter(|(_, reply)| reply.body["code"] == 0).collect();
        assert_eq!(won.len(), 1, "round {round}");
        let key = format!("shop:main:t{round}:id");
        for (_, lost) in replies.iter().filter(|(_, reply)| reply.body["code"] != 0) {
            let sentence = format!("Configuration already exists for {key}");
            assert_eq!((&lost.body["code"], &lost.body["msg"]), (&json!(409), &json!(sentence)));
        }
        // It stands where the winner said.
        let first = i64::try_from(won[0].0).unwrap() * 100 + 1;
        assert_eq!(key_named(&org.owner, &key).await["origin"], (first - 1).to_string());
        assert_eq!(take(&app.anon(), &ask("shop", "main", &format!("t{round}"), "id", 1)).await.0, first);
    }
}

/// F25
#[tokio::test]
async fn without_its_database_a_node_is_not_ready_and_says_so_in_the_envelope() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let strict = json!({ "name": "s:d:strict:id", "mode": "strict" });
    org.owner.post("/api/id-keys", strict).await.expect(201);
    let ask = |table: &str| ask("s", "d", table, "id", 1);
    assert_eq!(take(&app.anon(), &ask("strict")).await, (1, 1));
    assert_eq!(app.anon().get("/readyz").await.status.as_u16(), 200);
    app.app.store().close().await;
    assert_eq!(app.anon().get("/readyz").await.status.as_u16(), 503);
    for table in ["strict", "never_seen"] {
        let reply = app.anon().post(ALLOCATE, ask(table)).await;
        assert_eq!(reply.status.as_u16(), 503, "{table}: {}", reply.text());
        assert_eq!(given(&reply).unwrap_err().0, 503);
        assert!(reply.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0), "{table}");
    }
}

/// F26
#[tokio::test]
async fn an_unknown_system_that_is_hammered_is_answered_with_a_time_to_wait() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    org.owner.post("/api/id-keys", json!({ "name": "s:d:t:id" })).await.expect(201);
    let unknown = |n: usize| ask("nobody", &format!("d{n}"), "t", "id", 1);
    let mut answers = Vec::new();
    for n in 0..150 {
        answers.push(app.anon().post(ALLOCATE, unknown(n % 3)).await);
    }
    let first = given(&answers[0]).unwrap_err();
    assert_eq!(first.0, 404);
    assert!(first.1.contains("not found for system_code: nobody"), "{}", first.1);
    let last = answers.last().unwrap();
    assert_eq!((last.status.as_u16(), given(last).unwrap_err().0), (429, 429), "{}", last.text());
    let wait: u32 = last.header("retry-after").parse().unwrap();
    assert!((1..=61).contains(&wait), "{wait}");
    let refused = answers.iter().filter(|reply| reply.status == 429).count();
    assert!((20..=40).contains(&refused), "{refused} of 150");
    // Who asks for a key that is there is served, also from the same address; another address may ask.
    assert_eq!(take(&app.anon(), &ask("s", "d", "t", "id", 1)).await, (1, 1));
    let mut elsewhere = app.anon();
    elsewhere.peer = ([10, 1, 2, 3], 40_000).into();
    assert_eq!(try_take(&elsewhere, &unknown(0)).await.unwrap_err().0, 404);
    app.clock.advance(chrono::TimeDelta::seconds(62));
    assert_eq!(try_take(&app.anon(), &unknown(0)).await.unwrap_err().0, 404);
}

/// F26: what is remembered to be missing is asked for once.
#[tokio::test]
async fn a_table_that_is_not_there_is_asked_for_once_a_minute() {
    let Some(shop) = Shop::on(Product::Mysql).await else { return };
    let app = TestApp::new().await;
    let org = app.org("home").await;
    shop.configure(&org, "shop").await;
    let ask = shop.ask("shop", "t_later", 5);
    let (code, msg) = try_take(&app.anon(), &ask).await.unwrap_err();
    assert_eq!((code, msg.starts_with("Table 't_later' or field 'id' does not exist")), (404, true), "{msg}");
    shop.table("t_later", "BIGINT", &[41]).await;
    let (code, msg) = try_take(&app.anon(), &ask).await.unwrap_err();
    assert_eq!((code, msg.starts_with("Table or field does not exist for key")), (404, true), "{msg}");
    app.clock.advance(chrono::TimeDelta::seconds(61));
    assert_eq!(take(&app.anon(), &ask).await, (42, 46));
}
