//! PostgreSQL itself.

use std::time::Instant;

use connector::{Column, Integer, Product, Target};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use url::Url;

use crate::support::{Scratch, column, connector, hasty, highest, key, lines, server};

fn run(url: &Url, on: &str, statements: Vec<String>) {
    let mut url = url.clone();
    if !on.is_empty() {
        url.set_path(on);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = PgConnection::connect(url.as_str()).await.unwrap();
        for statement in statements {
            connection.execute(sqlx::raw_sql(AssertSqlSafe(statement.as_str()))).await.expect(&statement);
        }
        connection.close().await.unwrap();
    });
}

fn scratch(test: &str, databases: &[&str]) -> Option<(Scratch, Vec<String>)> {
    let mut scratch = Scratch::new(server("TEST_POSTGRES_URL")?, test, run);
    let names: Vec<String> = databases.iter().map(|of| scratch.name(of)).collect();
    for name in &names {
        let quoted = name.replace('"', "\"\"");
        scratch.run("", &[&format!("CREATE DATABASE \"{quoted}\"")]);
        scratch.drop_with(format!("DROP DATABASE IF EXISTS \"{quoted}\" WITH (FORCE)"));
    }
    Some((scratch, names))
}

const TABLES: &[&str] = &[
    "CREATE TABLE orders (id bigint PRIMARY KEY); INSERT INTO orders VALUES (5), (1500)",
    "CREATE TABLE \"Orders\" (\"Id\" int PRIMARY KEY); INSERT INTO \"Orders\" VALUES (7)",
    "CREATE TABLE empty (id smallint PRIMARY KEY)",
    "CREATE TABLE below (id int PRIMARY KEY); INSERT INTO below VALUES (-7), (-9)",
    "CREATE TABLE ab (a int, b bigint, PRIMARY KEY (a, b)); INSERT INTO ab VALUES (6, 1), (2, 900)",
    "CREATE TABLE swapped (a int, b bigint, PRIMARY KEY (b, a)); INSERT INTO swapped VALUES (6, 1), (2, 900)",
    "CREATE TABLE texts (id varchar(20) PRIMARY KEY); INSERT INTO texts VALUES ('zed')",
    "CREATE TABLE decimals (id numeric(20,0) PRIMARY KEY)",
    "CREATE TABLE uuids (id uuid PRIMARY KEY)",
    "CREATE TABLE keyless (id bigint)",
    "CREATE TABLE only_unique (uid bigint NOT NULL UNIQUE); INSERT INTO only_unique VALUES (33)",
    "CREATE DOMAIN inner_id AS bigint CHECK (VALUE > 0); CREATE DOMAIN outer_id AS inner_id NOT NULL",
    "CREATE TABLE domains (id outer_id PRIMARY KEY); INSERT INTO domains VALUES (44)",
    "CREATE VIEW orders_seen AS SELECT id FROM orders",
    "CREATE MATERIALIZED VIEW orders_kept AS SELECT id FROM orders",
    "CREATE TABLE parts (id bigint PRIMARY KEY) PARTITION BY RANGE (id)",
    "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100)",
    "CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (100) TO (200); INSERT INTO parts VALUES (3), (150)",
    "CREATE TABLE \"a \"\"b`c:d\" (\"i\"\"d `:\" bigint PRIMARY KEY); INSERT INTO \"a \"\"b`c:d\" VALUES (12)",
    "CREATE SCHEMA sales; CREATE TABLE sales.orders (id bigint PRIMARY KEY); INSERT INTO sales.orders VALUES (99)",
    "CREATE TABLE sales.bills (id int PRIMARY KEY)",
    "CREATE SCHEMA \"Other\"; CREATE TABLE \"Other\".twice (id int); CREATE TABLE sales.twice (id int)",
    "CREATE TEMPORARY TABLE passing (id int PRIMARY KEY)",
];

#[tokio::test]
async fn every_table_of_every_schema_is_found_with_the_column_that_leads_its_key() {
    let Some((scratch, names)) = scratch("keys", &["shop"]) else { return };
    scratch.run(&names[0], TABLES);
    let target = scratch.target(Product::Postgres, Some(&names[0]));
    let mut session = connector().open(&target, &names[0]).await.unwrap();
    let found = session.tables().await.unwrap();
    assert_eq!(
        lines(&found),
        [
            "Other.twice has no key",
            "public.Orders Id I32",
            "public.a \"b`c:d i\"d `: I64",
            "public.ab a I32",
            "public.below id I32",
            "public.decimals id is numeric(20,0)",
            "public.domains id I64",
            "public.empty id I16",
            "public.keyless has no key",
            "public.only_unique has no key",
            "public.orders id I64",
            "public.orders_kept is a view",
            "public.orders_seen is a view",
            "public.parts id I64",
            "public.swapped b I64",
            "public.texts id is character varying(20)",
            "public.uuids id is uuid",
            "sales.bills id I32",
            "sales.orders id I64",
            "sales.twice has no key",
        ]
    );
    for (table, expected) in [
        ("Orders", Some(7)),
        ("a \"b`c:d", Some(12)),
        ("ab", Some(6)),
        ("swapped", Some(900)),
        ("below", Some(-7)),
        ("domains", Some(44)),
        ("empty", None),
        ("parts", Some(150)),
        ("bills", None),
    ] {
        assert_eq!(highest(&mut session, &found, table).await, expected, "{table}");
    }
    let (table, id) = key(&found, "orders");
    assert_eq!(session.highest(&table, &id).await.unwrap(), Some(1500));
    let sales = connector::Table { schema: Some("sales".into()), ..table.clone() };
    assert_eq!(session.highest(&sales, &id).await.unwrap(), Some(99));
    assert_eq!((session.database(), table.database.as_str()), (names[0].as_str(), names[0].as_str()));
    session.close().await;
}

#[tokio::test]
async fn a_column_is_looked_up_as_sent_then_in_any_case_and_in_public_first() {
    let Some((scratch, names)) = scratch("lookup", &["shop"]) else { return };
    scratch.run(&names[0], TABLES);
    let target = scratch.target(Product::Postgres, Some(&names[0]));
    let mut session = connector().open(&target, &names[0]).await.unwrap();
    let at = &mut session;
    assert_eq!(column(at, None, "orders", "id").await.as_deref(), Some("public.orders.id"));
    assert_eq!(column(at, None, "Orders", "ID").await.as_deref(), Some("public.Orders.Id"));
    assert_eq!(column(at, None, "ORDERS", "id").await, None, "two tables are meant equally");
    assert_eq!(column(at, Some("sales"), "ORDERS", "ID").await.as_deref(), Some("sales.orders.id"));
    assert_eq!(column(at, Some("SALES"), "orders", "id").await.as_deref(), Some("sales.orders.id"));
    assert_eq!(column(at, None, "bills", "id").await.as_deref(), Some("sales.bills.id"));
    assert_eq!(column(at, None, "twice", "id").await, None, "two schemas have it");
    assert_eq!(column(at, Some("other"), "twice", "id").await.as_deref(), Some("Other.twice.id"));
    assert_eq!(column(at, None, "orders_seen", "id").await.as_deref(), Some("public.orders_seen.id"));
    assert_eq!(column(at, None, "parts_1", "id").await.as_deref(), Some("public.parts_1.id"));
    assert_eq!(column(at, None, "only_unique", "uid").await.as_deref(), Some("public.only_unique.uid"));
    assert_eq!(column(at, None, "A \"B`C:D", "I\"D `:").await.as_deref(), Some("public.a \"b`c:d.i\"d `:"));
    for (table, name) in
        [("orders", "nothing"), ("nothing", "id"), ("", "id"), ("orders", "a\0b"), ("'; --", "id")]
    {
        assert_eq!(column(at, None, table, name).await, None, "{table} {name}");
    }
    assert_eq!(column(at, Some("nowhere"), "orders", "id").await, None);
    assert_eq!(column(at, None, "pg_class", "oid").await, None, "the catalogue is nobody's table");
    let (table, text) = session.column(None, "texts", "id").await.unwrap().unwrap();
    assert_eq!((text.integer, text.declared.as_str()), (None, "character varying(20)"));
    assert_eq!(session.highest(&table, &text).await.unwrap_err().code(), "not_an_integer");
    session.close().await;
}

#[tokio::test]
async fn every_database_has_its_own_highest_and_a_bad_one_spoils_no_other() {
    let Some((scratch, names)) = scratch("many", &["a", "B b\"c", "closed"]) else { return };
    for (name, id) in names.iter().zip([10, 20, 30]) {
        let insert = format!("CREATE TABLE t (id bigint PRIMARY KEY); INSERT INTO t VALUES ({id})");
        scratch.run(name, &[&insert]);
    }
    scratch.run("", &[&format!("ALTER DATABASE \"{}\" ALLOW_CONNECTIONS false", names[2])]);
    let target = scratch.target(Product::Postgres, None);
    let all = connector().databases(&target).await.unwrap();
    assert!(names.iter().all(|name| all.contains(name)) && !all.contains(&"postgres".to_owned()));
    assert!(!all.iter().any(|name| name.starts_with("template")));
    let reading = connector().read_databases(&target, &names).await;
    let read: Vec<Result<(&str, i128), &str>> = reading
        .databases
        .iter()
        .map(|one| match one {
            Ok(one) => Ok((
                one.database.as_str(),
                one.tables[0].highest.as_ref().unwrap().as_ref().unwrap().unwrap(),
            )),
            Err((name, error)) => Err((name == &names[2]).then_some(error.code()).unwrap()),
        })
        .collect();
    assert_eq!(read, [Ok((names[0].as_str(), 10)), Ok((&names[1], 20)), Err("target_failed")]);

    let one = scratch.target(Product::Postgres, Some(&names[1].to_uppercase()));
    assert_eq!(connector().databases(&one).await.unwrap(), [names[1].clone()], "in another case");
    let probe = connector().probe(&one).await.unwrap();
    assert!(probe.product.starts_with("PostgreSQL 1") && !probe.product.contains('('), "{}", probe.product);
    let none = scratch.target(Product::Postgres, Some("tenon_no_such_database"));
    assert_eq!(connector().probe(&none).await.unwrap_err().code(), "target_no_database");
}

#[tokio::test]
async fn a_table_without_the_right_to_read_it_is_an_error_of_its_own() {
    let Some((mut scratch, names)) = scratch("rights", &["shop"]) else { return };
    let user = scratch.name("user");
    scratch.run("", &[&format!("CREATE ROLE {user} LOGIN PASSWORD 's3cret'")]);
    scratch.drop_with(format!("DROP ROLE {user}"));
    scratch.run(
        &names[0],
        &[
            "CREATE TABLE open (id int PRIMARY KEY); CREATE TABLE shut (id int PRIMARY KEY); INSERT INTO open VALUES (4)",
            &format!("GRANT SELECT ON open TO {user}"),
        ],
    );
    let target = Target { user, ..scratch.target(Product::Postgres, Some(&names[0])) };
    let read = connector().read_database(&target, &names[0]).await.unwrap();
    let of = |name: &str| {
        read.tables.iter().find(|one| one.found.table.name == name).unwrap().highest.as_ref().unwrap()
    };
    assert_eq!(*of("open").as_ref().unwrap(), Some(4));
    let refused = of("shut").as_ref().unwrap_err();
    assert_eq!((refused.code(), refused.detail()), ("target_denied", "permission denied for table shut"));
}

#[tokio::test]
async fn a_statement_that_takes_too_long_ends_and_the_session_goes_on() {
    let Some((scratch, names)) = scratch("slow", &["shop"]) else { return };
    scratch.run(
        &names[0],
        &["CREATE VIEW slow AS SELECT 1 AS id FROM pg_sleep(30)", "CREATE TABLE t (id int PRIMARY KEY)"],
    );
    let target = scratch.target(Product::Postgres, Some(&names[0]));
    let mut session = hasty().open(&target, &names[0]).await.unwrap();
    let started = Instant::now();
    let (view, id) = session.column(None, "slow", "id").await.unwrap().unwrap();
    let error = session.highest(&view, &id).await.unwrap_err();
    assert_eq!(error.code(), "target_unreachable");
    assert!(error.detail().contains("statement timeout"), "the server ended it: {}", error.detail());
    assert!(started.elapsed().as_secs() < 3);
    assert_eq!(session.tables().await.unwrap().len(), 2);
}

#[tokio::test]
async fn nothing_can_be_written() {
    let Some((scratch, names)) = scratch("write", &["shop"]) else { return };
    scratch.run(
        &names[0],
        &[
            "CREATE TABLE t (id int PRIMARY KEY)",
            "CREATE FUNCTION grow() RETURNS int AS 'INSERT INTO t VALUES (1); SELECT 1' LANGUAGE sql VOLATILE",
            "CREATE VIEW trap AS SELECT grow() AS id",
        ],
    );
    let target = scratch.target(Product::Postgres, Some(&names[0]));
    let mut session = connector().open(&target, &names[0]).await.unwrap();
    let (view, id) = session.column(None, "trap", "id").await.unwrap().unwrap();
    let error = session.highest(&view, &id).await.unwrap_err();
    assert!(error.detail().contains("read-only transaction"), "{}", error.detail());
    let (table, id) = session.column(None, "t", "id").await.unwrap().unwrap();
    assert_eq!(session.highest(&table, &id).await.unwrap(), None);
    let gone = Column { name: "gone".into(), declared: "int".into(), integer: Some(Integer::I32) };
    assert_eq!(session.highest(&table, &gone).await.unwrap_err().code(), "target_failed");
}

#[tokio::test]
async fn more_tables_than_the_limit_are_refused() {
    let Some((scratch, names)) = scratch("limit", &["shop"]) else { return };
    scratch.run(&names[0], &["CREATE TABLE a (id int); CREATE TABLE b (id int); CREATE TABLE c (id int)"]);
    let target = scratch.target(Product::Postgres, Some(&names[0]));
    let few = connector::Limits { tables: 2, ..connector::Limits::default() };
    let error = connector().with_limits(few).tables(&target, &names[0]).await.unwrap_err();
    assert_eq!(error.code(), "target_too_many_tables");
    let enough = connector::Limits { tables: 3, ..connector::Limits::default() };
    assert_eq!(connector().with_limits(enough).tables(&target, &names[0]).await.unwrap().len(), 3);
}

#[tokio::test]
async fn whole_rows_come_in_pages_with_every_column_that_a_table_has() {
    let Some((scratch, names)) = scratch("documents", &["old"]) else { return };
    let table = "CREATE TABLE users (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), \"odd \"\"name\" text, \
                 tags text[], nets cidr[], at timestamptz DEFAULT '2026-01-02 03:04:05+02'); \
                 INSERT INTO users (\"odd \"\"name\", tags, nets) SELECT 'u' || n, ARRAY['a','b'], ARRAY['10.0.0.0/8'::cidr] \
                 FROM generate_series(1, 25) n; \
                 CREATE TABLE named (name varchar(20) PRIMARY KEY); INSERT INTO named VALUES ('b'), ('a''x'), ('c')";
    scratch.run(&names[0], &[table]);
    let target = scratch.target(Product::Postgres, Some(&names[0]));
    let mut session = connector().open(&target, &names[0]).await.unwrap();
    let (users, id) = session.column(Some("public"), "users", "id").await.unwrap().unwrap();
    let (mut after, mut sizes, mut seen) = (None::<String>, Vec::new(), std::collections::BTreeSet::new());
    loop {
        let page = session.documents(&users, &id, after.as_deref(), 10).await.unwrap();
        sizes.push(page.len());
        for (_, row) in &page {
            assert!(
                row.contains(r#""tags": ["a", "b"]"#) && row.contains(r#""nets": ["10.0.0.0/8"]"#),
                "{row}"
            );
            assert!(row.contains(r#"odd \"name"#) && row.contains("2026-01-02T"), "{row}");
            seen.insert(row.clone());
        }
        match page.last() {
            Some((key, _)) => after = Some(key.clone()),
            None => break,
        }
    }
    assert_eq!((sizes, seen.len()), (vec![10, 10, 5, 0], 25));
    let (named, name) = session.column(Some("public"), "named", "name").await.unwrap().unwrap();
    let rows = session.documents(&named, &name, Some("a'x"), 10).await.unwrap();
    assert_eq!(rows.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["b", "c"]);
}
