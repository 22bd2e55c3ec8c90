//! Failure cases that come from columns, counts and names; the list of all is in [`crate::ids_failures`].

use http::Method;
use serde_json::{Value, json};

use crate::{
    ids_support::{ALLOCATE, Product, Shop, ask, done, initialize, key_named, row_of, take, try_take, wide},
    support::TestApp,
};

/// F10
#[tokio::test]
async fn the_widest_column_ends_with_a_clean_answer() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    for mode in ["strict", "buffered"] {
        let name = format!("s:d:{mode}:id");
        let key = json!({ "name": name, "mode": mode, "in_use": (i64::MAX - 5).to_string() });
        let key = org.owner.post("/api/id-keys", key).await.expect(201).body;
        // Somebody is told in time.
        assert_eq!((&key["low"], &key["remaining"]), (&json!(true), &json!("5")), "{key}");
        let ask = |count: i64| ask("s", "d", mode, "id", count);
        let (code, msg) = try_take(&app.anon(), &ask(6)).await.unwrap_err();
        assert!(code == 409 && msg.contains("exhausted") && msg.contains("5 ids left"), "{code} {msg}");
        assert_eq!(take(&app.anon(), &ask(2)).await, (i64::MAX - 4, i64::MAX - 3), "nothing was lost");
        assert_eq!(take(&app.anon(), &ask(3)).await, (i64::MAX - 2, i64::MAX));
        for _ in 0..2 {
            let (code, msg) = try_take(&app.anon(), &ask(1)).await.unwrap_err();
            assert!(code == 409 && msg.contains("exhausted"), "{code} {msg}");
        }
        let key = key_named(&org.owner, &name).await;
        assert_eq!((&key["state"], &key["ceiling"]), (&json!("exhausted"), &json!(i64::MAX.to_string())));
    }
}

/// F11, F12
#[tokio::test]
async fn counts_have_a_limit_and_are_whole() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let key = org.owner.post("/api/id-keys", json!({ "name": "s:d:t:id" })).await.expect(201);
    let send = async |count: &str| {
        let body = format!(
            r#"{{"system_code":"s","db_name":"d","table_name":"t","field_name":"id","segment_count":{count}}}"#
        );
        app.anon().raw(Method::POST, ALLOCATE, Some("application/json"), body.into_bytes()).await
    };
    for (count, kind) in [
        ("0", "greater_than_equal"),
        ("-1", "greater_than_equal"),
        ("\"-7\"", "greater_than_equal"),
        ("1000001", "less_than_equal"),
        ("9223372036854775807", "less_than_equal"),
        ("9223372036854775808", "less_than_equal"),
        ("99999999999999999999999999", "less_than_equal"),
        ("1.5", "int_from_float"),
        ("3.0", "int_type"),
        ("1e3", "int_type"),
        ("true", "int_type"),
        ("null", "int_type"),
        ("[1]", "int_type"),
        ("{}", "int_type"),
        ("\"\"", "int_parsing"),
        ("\" 7 \"", "int_parsing"),
        ("\"+7\"", "int_parsing"),
        ("\"1_000\"", "int_parsing"),
        ("\"2.0\"", "int_parsing"),
        ("NaN", "json_invalid"),
    ] {
        let reply = send(count).await.expect(422);
        assert_eq!(reply.body["detail"][0]["type"], kind, "{count}: {}", reply.text());
    }
    let above = send("1000001").await.expect(422);
    assert_eq!(above.body["detail"][0]["ctx"], json!({ "le": 1_000_000 }));
    assert_eq!(wide(&send("\"7\"").await.expect(200).body["data"]["end"]), 7, "no refusal cost an id");
    // A key may have a narrower limit.
    org.owner.patch(&format!("/api/id-keys/{}", key.id()), json!({ "most_ids": 50 })).await.expect(200);
    let above = send("51").await.expect(422);
    assert_eq!(above.body["detail"][0]["ctx"], json!({ "le": 50 }));
    assert_eq!(send("50").await.expect(200).body["code"], 0);
}

/// F13
#[tokio::test]
async fn ids_begin_at_one_whatever_lies_below() {
    for shop in Shop::all().await {
        let app = TestApp::new().await;
        let org = app.org("home").await;
        for (table, ids) in [("t_neg", &[-7, -90][..]), ("t_zero", &[0]), ("t_empty", &[])] {
            shop.table(table, "BIGINT", ids).await;
        }
        let id = shop.configure(&org, "shop").await;
        // The first by itself, the others by initialising.
        assert_eq!(take(&app.anon(), &shop.ask("shop", "t_neg", 10)).await, (1, 10));
        let data = initialize(&org.owner, id).await;
        assert_eq!(row_of(&data, "t_neg")["table_max"], "-7");
        assert_eq!(row_of(&data, "t_empty")["table_max"], Value::Null);
        assert_eq!(take(&app.anon(), &shop.ask("shop", "t_neg", 10)).await, (11, 20));
        assert_eq!(take(&app.anon(), &shop.ask("shop", "t_zero", 1)).await, (1, 1));
        assert_eq!(take(&app.anon(), &shop.ask("shop", "t_empty", 1)).await, (1, 1));
    }
}

/// F14
#[tokio::test]
async fn what_lies_above_63_bits_is_refused_when_it_is_written() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    if let Some(shop) = Shop::on(Product::Mysql).await {
        shop.table("t_high", "BIGINT UNSIGNED", &[1, (1 << 63) + 5]).await;
        shop.table("t_low", "BIGINT UNSIGNED", &[100]).await;
        let id = shop.configure(&org, "shop").await;
        let (code, msg) = try_take(&app.anon(), &shop.ask("shop", "t_high", 1)).await.unwrap_err();
        assert!(code == 409 && msg.contains("exhausted"), "{code} {msg}");
        let data = initialize(&org.owner, id).await;
        assert_eq!(data["segments"], json!([shop.key("shop", "t_low")]));
        let row = row_of(&data, "t_high");
        assert_eq!((&row["action"], &row["reason"]), (&json!("error"), &json!("above_limit")), "{row}");
        assert_eq!(row["table_max"], "9223372036854775813");
        assert_eq!(take(&app.anon(), &shop.ask("shop", "t_low", 1)).await, (101, 101));
        assert_eq!(key_named(&org.owner, &shop.key("shop", "t_low")).await["id_type"], "u64");
        let keys = org.owner.get("/api/id-keys").await.expect(200);
        assert_eq!(keys.body["total"], 1, "{}", keys.body);
    }
    let config = json!({
        "system_code": "other", "db_type": "mysql", "db_address": "127.0.0.1:1", "db_user": "u",
        "db_password": "p", "db_name": "main",
    });
    let guid = done(&org.owner, "/api/database/add", config).await["guid"].as_str().unwrap().to_owned();
    let path = format!("/api/database/{guid}/add-config");
    for (value, kind) in [("9223372036854775808", "less_than_equal"), ("-1", "greater_than_equal")] {
        let body = format!(r#"{{"table_name":"t","field_name":"id","initial_value":{value}}}"#);
        let json = Some("application/json");
        let reply = org.owner.raw(Method::POST, &path, json, body.into_bytes()).await.expect(422);
        assert_eq!(reply.body["detail"][0]["type"], kind, "{}", reply.text());
    }
    let too_high = json!({ "name": "x", "in_use": "9223372036854775808" });
    org.owner.post("/api/id-keys", too_high).await.expect(422);
    let narrow = json!({ "name": "x", "in_use": "128", "id_type": "i8" });
    org.owner.post("/api/id-keys", narrow).await.expect(422);
    let highest = json!({ "table_name": "t", "field_name": "id", "initial_value": i64::MAX });
    assert_eq!(done(&org.owner, &path, highest).await["initial_value"], i64::MAX.to_string());
}

/// F15
#[tokio::test]
async fn a_column_that_holds_no_integers_gets_no_key() {
    for shop in Shop::all().await {
        let app = TestApp::new().await;
        let org = app.org("home").await;
        shop.run(&[
            "CREATE TABLE t_mixed (id BIGINT PRIMARY KEY, name VARCHAR(20), price DECIMAL(20,0), day DATE)",
            "INSERT INTO t_mixed VALUES (5, 'zed', 12, '2024-01-02')",
            "CREATE TABLE t_text (id VARCHAR(20) PRIMARY KEY)",
            "CREATE TABLE t_decimal (id DECIMAL(20,0) PRIMARY KEY)",
            "CREATE TABLE t_keyless (id BIGINT)",
            "CREATE VIEW v_mixed AS SELECT id FROM t_mixed",
        ])
        .await;
        let id = shop.configure(&org, "shop").await;
        for (table, field) in [
            ("t_mixed", "name"),
            ("t_mixed", "price"),
            ("t_mixed", "day"),
            ("t_text", "id"),
            ("t_decimal", "id"),
        ] {
            // Again and again: nothing was stored that could fail later.
            for _ in 0..2 {
                let ask = ask("shop", &shop.name, table, field, 5);
                let sentence = format!("Column '{field}' of table '{table}' is not an integer");
                assert_eq!(try_take(&app.anon(), &ask).await, Err((400, sentence)));
            }
        }
        let keys = org.owner.get("/api/id-keys").await.expect(200);
        assert_eq!(keys.body["total"], 0, "{}", keys.body);
        let data = initialize(&org.owner, id).await;
        assert_eq!(data["segments"], json!([shop.key("shop", "t_mixed")]));
        for (table, reason) in [
            ("t_text", "not_integer"),
            ("t_decimal", "not_integer"),
            ("t_keyless", "no_key"),
            ("v_mixed", "is_view"),
        ] {
            let row = row_of(&data, table);
            assert_eq!((&row["action"], &row["reason"]), (&json!("skip"), &json!(reason)), "{row}");
        }
        assert_eq!(take(&app.anon(), &shop.ask("shop", "t_mixed", 1)).await, (6, 6));
    }
}

/// F16
#[tokio::test]
async fn a_key_ends_where_its_column_ends_and_says_so_before() {
    let mysql = [
        ("TINYINT", 127, "i8"),
        ("TINYINT UNSIGNED", 255, "u8"),
        ("SMALLINT", 32_767, "i16"),
        ("SMALLINT UNSIGNED", 65_535, "u16"),
        ("MEDIUMINT", 8_388_607, "i24"),
        ("MEDIUMINT UNSIGNED", 16_777_215, "u24"),
        ("INT", 2_147_483_647, "i32"),
        ("INT UNSIGNED", 4_294_967_295, "u32"),
        ("BIGINT", i64::MAX, "i64"),
        ("BIGINT UNSIGNED", i64::MAX, "u64"),
    ];
    let postgres =
        [("SMALLINT", 32_767, "i16"), ("INTEGER", 2_147_483_647, "i32"), ("BIGINT", i64::MAX, "i64")];
    for shop in Shop::all().await {
        let app = TestApp::new().await;
        let org = app.org("home").await;
        let columns = if shop.product == Product::Mysql { &mysql[..] } else { &postgres };
        for (n, (kind, max, _)) in columns.iter().enumerate() {
            shop.table(&format!("t{n}"), kind, &[i128::from(max - 3)]).await;
        }
        let id = shop.configure(&org, "shop").await;
        let data = initialize(&org.owner, id).await;
        let low = org.owner.get("/api/id-keys?state=low&page_size=200").await.expect(200);
        assert_eq!(low.items().len(), columns.len(), "somebody is told before they are full");
        for (n, (kind, max, id_type)) in columns.iter().enumerate() {
            let table = format!("t{n}");
            assert_eq!(row_of(&data, &table)["limit"], max.to_string(), "{kind}");
            let key = key_named(&org.owner, &shop.key("shop", &table)).await;
            let (of, end) = (&key["id_type"], &key["max"]);
            assert_eq!((of, end), (&json!(id_type), &json!(max.to_string())), "{kind}");
            let refused = try_take(&app.anon(), &shop.ask("shop", &table, 4)).await.unwrap_err();
            assert!(refused.0 == 409 && refused.1.contains("3 ids left"), "{kind}: {refused:?}");
            let range = take(&app.anon(), &shop.ask("shop", &table, 3)).await;
            assert_eq!(range, (max - 2, *max), "{kind}");
            let refused = try_take(&app.anon(), &shop.ask("shop", &table, 1)).await.unwrap_err();
            assert!(refused.0 == 409 && refused.1.contains("exhausted"), "{kind}: {refused:?}");
        }
        let full = org.owner.get("/api/id-keys?state=exhausted&page_size=200").await.expect(200);
        assert_eq!(full.items().len(), columns.len());
    }
}

/// F17
#[tokio::test]
async fn names_with_colons_percents_and_patterns_are_counters_of_their_own() {
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let places = [
        ["a:b", "c", "d", "e"],
        ["a", "b:c", "d", "e"],
        ["a", "b", "c:d", "e"],
        ["a", "b", "c", "d:e"],
        ["a%3ab", "c", "d", "e"],
        ["*", "c", "d", "e"],
        ["a?", "c", "d", "e"],
        ["a_", "c", "d", "e"],
        ["[a-z]", "c", "d", "e"],
        ["a", "c", "d", "e"],
        ["%", "c", "d", "e"],
    ];
    let mut guids = Vec::new();
    for [system, database, table, field] in places {
        let config = json!({
            "system_code": system, "db_type": "mysql", "db_address": "127.0.0.1:1", "db_user": "u",
            "db_password": "p", "db_name": database,
        });
        let known: Vec<&(String, [&str; 2])> =
            guids.iter().filter(|(_, names)| *names == [system, database]).collect();
        let guid = match known.first() {
            Some((guid, _)) => guid.clone(),
            None => done(&org.owner, "/api/database/add", config).await["guid"].as_str().unwrap().to_owned(),
        };
        let body = json!({ "table_name": table, "field_name": field, "initial_value": 10 * guids.len() });
        let data = done(&org.owner, &format!("/api/database/{guid}/add-config"), body).await;
        let escape = |part: &str| part.replace('%', "%25").replace(':', "%3a");
        let key = [system, database, table, field].map(escape).join(":");
        assert_eq!(data["segment_key"], key);
        guids.push((guid, [system, database]));
    }
    let each = async |nth: i64| {
        for (n, [system, database, table, field]) in (0..).zip(places) {
            let got = take(&app.anon(), &ask(system, database, table, field, 3)).await;
            assert_eq!(got, (10 * n + 3 * nth + 1, 10 * n + 3 * nth + 3), "{system} {database}");
        }
    };
    each(0).await;
    each(1).await;
    // Taking `*`, `%` and `_` away takes nothing else away.
    for pattern in ["*", "%", "a_", "a?", "[a-z]"] {
        let (guid, _) = guids.iter().find(|(_, [system, _])| *system == pattern).unwrap();
        let path = format!("/api/database/{guid}");
        assert_eq!(org.owner.delete(&path).await.expect(200).body["code"], 0);
    }
    let retired = org.owner.get("/api/id-keys?state=retired&page_size=200").await.expect(200);
    assert_eq!(retired.items().len(), 5, "{}", retired.body);
    let kept = org.owner.get("/api/id-keys?state=active&page_size=200").await.expect(200);
    assert_eq!(kept.items().len(), places.len() - 5);
    assert_eq!(take(&app.anon(), &ask("a", "c", "d", "e", 3)).await.0, 97);
    // A search is for the text, not for a pattern.
    for (search, count) in [("*", 1), ("a_", 1), ("%25", 2), ("%", 6), ("[a-z]", 1), ("!", 0)] {
        let search: String = form_urlencoded::byte_serialize(search.as_bytes()).collect();
        let found = org.owner.get(&format!("/api/id-keys?search={search}")).await.expect(200);
        assert_eq!(found.body["total"], count, "{search}: {}", found.body);
    }
}

/// F33
#[tokio::test]
async fn ids_beyond_what_javascript_counts_are_text() {
    const SAFE: i64 = (1 << 53) - 1;
    let app = TestApp::new().await;
    let org = app.org("home").await;
    let key = json!({ "name": "s:d:t:id", "in_use": (SAFE - 2).to_string() });
    org.owner.post("/api/id-keys", key).await.expect(201);
    let reply = app.anon().post(ALLOCATE, ask("s", "d", "t", "id", 4)).await.expect(200);
    let expected = r#"{"code":0,"msg":"Allocated segment: 9007199254740990 to 9007199254740993","data":{"start":9007199254740990,"end":"9007199254740993"},"traceId":null}"#;
    assert_eq!(reply.text(), expected);
    // The house's own routes write every id as text, however small.
    let given = org.owner.post("/api/ids/next", json!({ "key": "s:d:t:id", "count": 2 })).await.expect(200);
    assert_eq!(given.body["ids"], json!(["9007199254740994", "9007199254740995"]));
    org.owner.post("/api/id-keys", json!({ "name": "small" })).await.expect(201);
    let given = org.owner.post("/api/ids/next", json!({ "key": "small" })).await.expect(200);
    assert_eq!((&given.body["ids"], &given.body["start"]), (&json!(["1"]), &json!("1")));
    let key = key_named(&org.owner, "small").await;
    for field in ["origin", "ceiling", "max", "remaining"] {
        assert!(key[field].is_string(), "{field}: {key}");
    }
    // A column whose ids travel as numbers can be kept from ever getting there.
    let safe = json!({ "name": "safe", "id_type": "i53", "in_use": (SAFE - 1).to_string() });
    org.owner.post("/api/id-keys", safe).await.expect(201);
    let next = json!({ "key": "safe" });
    assert_eq!(org.owner.post("/api/ids/next", next.clone()).await.expect(200).body["end"], SAFE.to_string());
    assert_eq!(org.owner.post("/api/ids/next", next).await.expect(409).code(), "key_exhausted");
}
