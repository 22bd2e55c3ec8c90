//! What the API document says of lists is what lists do: every sort and every filter that it names is
//! taken, and no other.

use serde_json::{Value, json};

use crate::support::TestApp;

/// A value that a schema allows.
fn value(document: &Value, schema: &Value) -> String {
    if schema["anyOf"].is_array() {
        return value(document, &schema["anyOf"][0]);
    }
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        return value(document, &document["components"]["schemas"][name]);
    }
    let first = schema["oneOf"][0]["const"].as_str().or_else(|| schema["enum"][0].as_str());
    match (schema["type"].as_str().unwrap_or_default(), schema["format"].as_str().unwrap_or_default()) {
        ("array", _) => value(document, &schema["items"]),
        ("boolean", _) => "true".into(),
        ("integer", _) => "1".into(),
        (_, "uuid") => "00000000-0000-7000-8000-00000000dead".into(),
        (_, "date-time") => "2026-01-31T08:00:00Z".into(),
        _ => first.unwrap_or("a").into(),
    }
}

#[tokio::test]
async fn every_list_names_the_columns_it_sorts_and_filters_by_and_takes_no_other() {
    let app = TestApp::new().await;
    let org = app.org("acme").await;
    app.make_admin(org.owner.id).await;
    let document = app.anon().get("/openapi.json").await.expect(200).body;
    let mut lists = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let answer = &item["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        let schema = answer["$ref"].as_str().and_then(|name| name.rsplit('/').next());
        let shown = schema.map_or(answer, |name| &document["components"]["schemas"][name]);
        // What other systems ask has a grammar of its own.
        if !path.starts_with("/api/") || !shown["properties"]["next_cursor"].is_object() {
            continue;
        }
        lists += 1;
        let parameters = item["get"]["parameters"].as_array().unwrap();
        let named = |name: &str| parameters.iter().find(|one| one["name"] == name);
        let sort = named("sort").unwrap_or_else(|| panic!("{path} does not say what it sorts by"));
        assert_eq!((&sort["schema"]["type"], &sort["explode"]), (&json!("array"), &json!(false)), "{path}");
        let columns = sort["schema"]["items"]["enum"].as_array().unwrap();
        assert!(!columns.is_empty() && named("cursor").is_some() && named("count").is_some(), "{path}");
        for column in columns.iter().filter_map(Value::as_str) {
            org.owner.get(&format!("{path}?sort={column}")).await.expect(200);
        }
        let all: Vec<&str> =
            columns.iter().filter_map(Value::as_str).filter(|one| !one.starts_with('-')).collect();
        org.owner.get(&format!("{path}?sort={}", all.join(","))).await.expect(200);
        for wrong in ["nope", "-nope", "id_of_nothing,created_at"] {
            let reply = org.owner.get(&format!("{path}?sort={wrong}")).await.expect(422);
            assert_eq!(reply.body["errors"][0]["field"], "sort", "{path}: {}", reply.text());
        }
        for parameter in parameters.iter().filter(|one| one["name"] != "cursor" && one["name"] != "sort") {
            let name = parameter["name"].as_str().unwrap();
            let text = value(&document, &parameter["schema"]);
            org.owner.get(&format!("{path}?{name}={text}")).await.expect(200);
        }
    }
    assert!(lists >= 12, "{lists} lists");
}
