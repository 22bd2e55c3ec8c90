//! MySQL or MariaDB itself.

use std::time::Instant;

use connector::{Column, Integer, Product, Table, Target};
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection};
use url::Url;

use crate::support::{Scratch, column, connector, hasty, highest, key, lines, server};

fn run(url: &Url, on: &str, statements: Vec<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = MySqlConnection::connect(url.as_str()).await.unwrap();
        let first = (!on.is_empty()).then(|| format!("USE `{}`", on.replace('`', "``")));
        for statement in first.into_iter().chain(statements) {
            connection.execute(sqlx::raw_sql(AssertSqlSafe(statement.as_str()))).await.expect(&statement);
        }
        connection.close().await.unwrap();
    });
}

fn scratch(test: &str, databases: &[&str]) -> Option<(Scratch, Vec<String>)> {
    let mut scratch = Scratch::new(server("TEST_MYSQL_URL")?, test, run);
    let names: Vec<String> = databases.iter().map(|of| scratch.name(of)).collect();
    for name in &names {
        let quoted = name.replace('`', "``");
        scratch.run("", &[&format!("CREATE DATABASE `{quoted}`")]);
        scratch.drop_with(format!("DROP DATABASE IF EXISTS `{quoted}`"));
    }
    Some((scratch, names))
}

const TABLES: &[&str] = &[
    "CREATE TABLE orders (id bigint PRIMARY KEY)",
    "INSERT INTO orders VALUES (5), (1500)",
    "CREATE TABLE T_Mixed (Id int unsigned PRIMARY KEY, note varchar(9))",
    "INSERT INTO T_Mixed VALUES (4294967295, 'x')",
    "CREATE TABLE small (id smallint PRIMARY KEY)",
    "INSERT INTO small VALUES (32000)",
    "CREATE TABLE tiny (id tinyint unsigned PRIMARY KEY)",
    "CREATE TABLE medium (id mediumint PRIMARY KEY)",
    "INSERT INTO medium VALUES (70000)",
    "CREATE TABLE huge (id bigint unsigned PRIMARY KEY)",
    "INSERT INTO huge VALUES (18446744073709551614)",
    "CREATE TABLE below (id int PRIMARY KEY)",
    "INSERT INTO below VALUES (-7), (-9)",
    "CREATE TABLE ab (a int, b bigint, PRIMARY KEY (a, b))",
    "INSERT INTO ab VALUES (6, 1), (2, 900)",
    "CREATE TABLE swapped (a int, b bigint, PRIMARY KEY (b, a))",
    "INSERT INTO swapped VALUES (6, 1), (2, 900)",
    "CREATE TABLE tb (t varchar(9), b bigint, PRIMARY KEY (t, b))",
    "CREATE TABLE texts (id varchar(20) PRIMARY KEY)",
    "CREATE TABLE decimals (id decimal(20,0) PRIMARY KEY)",
    "CREATE TABLE years (id year PRIMARY KEY)",
    "CREATE TABLE keyless (id bigint)",
    "CREATE TABLE only_unique (uid bigint NOT NULL UNIQUE)",
    "INSERT INTO only_unique VALUES (33)",
    "CREATE VIEW orders_seen AS SELECT id FROM orders",
    "CREATE TABLE `a \"b``c:d` (`i\"d ``:` bigint PRIMARY KEY)",
    "INSERT INTO `a \"b``c:d` VALUES (12)",
];

#[tokio::test]
async fn every_table_is_found_with_the_column_that_leads_its_key() {
    let Some((scratch, names)) = scratch("keys", &["shop"]) else { return };
    scratch.run(&names[0], TABLES);
    let target = scratch.target(Product::Mysql, None);
    let mut session = connector().open(&target, &names[0]).await.unwrap();
    let found = session.tables().await.unwrap();
    let mut sorted = lines(&found);
    sorted.sort();
    assert_eq!(
        sorted,
        [
            "T_Mixed Id U32",
            "a \"b`c:d i\"d `: I64",
            "ab a I32",
            "below id I32",
            "decimals id is decimal(20,0)",
            "huge id U64",
            "keyless has no key",
            "medium id I24",
            "only_unique has no key",
            "orders id I64",
            "orders_seen is a view",
            "small id I16",
            "swapped b I64",
            "tb t is varchar(9)",
            "texts id is varchar(20)",
            "tiny id U8",
            "years id is year(4)",
        ]
    );
    for (table, expected) in [
        ("T_Mixed", Some(4_294_967_295)),
        ("a \"b`c:d", Some(12)),
        ("ab", Some(6)),
        ("swapped", Some(900)),
        ("below", Some(-7)),
        ("huge", Some(18_446_744_073_709_551_614)),
        ("medium", Some(70_000)),
        ("orders", Some(1500)),
        ("small", Some(32_000)),
        ("tiny", None),
    ] {
        assert_eq!(highest(&mut session, &found, table).await, expected, "{table}");
    }
    let (table, decimal) = key(&found, "decimals");
    assert_eq!(session.highest(&table, &decimal).await.unwrap_err().code(), "not_an_integer");
    session.close().await;
}

#[tokio::test]
async fn a_column_is_looked_up_as_sent_then_in_any_case() {
    let Some((scratch, names)) = scratch("lookup", &["shop"]) else { return };
    scratch.run(&names[0], TABLES);
    scratch.run(&names[0], &["CREATE TABLE Pair (a int)", "CREATE TABLE pair (b int)"]);
    let target = scratch.target(Product::Mysql, Some(&names[0]));
    let mut session = connector().open(&target, &names[0]).await.unwrap();
    let at = &mut session;
    assert_eq!(column(at, None, "t_mixed", "ID").await.as_deref(), Some("T_Mixed.Id"));
    assert_eq!(column(at, None, "T_Mixed", "Id").await.as_deref(), Some("T_Mixed.Id"));
    assert_eq!(column(at, Some("whatever"), "ORDERS", "id").await.as_deref(), Some("orders.id"));
    assert_eq!(column(at, None, "Pair", "a").await.as_deref(), Some("Pair.a"));
    assert_eq!(column(at, None, "Pair", "b").await, None, "that is the other table's");
    assert_eq!(column(at, None, "PAIR", "a").await, None, "two tables are meant equally");
    assert_eq!(column(at, None, "orders_seen", "id").await.as_deref(), Some("orders_seen.id"));
    assert_eq!(column(at, None, "A \"B`C:D", "I\"D `:").await.as_deref(), Some("a \"b`c:d.i\"d `:"));
    for (table, name) in
        [("orders", "nothing"), ("nothing", "id"), ("or%ers", "id"), ("orders", "a\0b"), ("'; --", "id")]
    {
        assert_eq!(column(at, None, table, name).await, None, "{table} {name}");
    }
    let (_, id) = session.column(None, "huge", "id").await.unwrap().unwrap();
    assert_eq!(id.integer, Some(Integer::U64));
    assert!(id.declared.starts_with("bigint") && id.declared.ends_with("unsigned"), "{}", id.declared);
    session.close().await;
}

#[tokio::test]
async fn every_database_has_its_own_highest_and_names_keep_their_case() {
    let Some((scratch, names)) = scratch("many", &["Shop", "shop", "q`u o"]) else { return };
    for (name, id) in names.iter().zip([10, 20, 30]) {
        scratch
            .run(name, &["CREATE TABLE t (id bigint PRIMARY KEY)", &format!("INSERT INTO t VALUES ({id})")]);
    }
    let target = scratch.target(Product::Mysql, None);
    let probe = connector().probe(&target).await.unwrap();
    assert!(
        probe.product.starts_with("MariaDB 1") || probe.product.starts_with("MySQL 8"),
        "{}",
        probe.product
    );
    assert!(names.iter().all(|name| probe.databases.contains(name)));
    assert!(
        !probe.databases.iter().any(|name| name == "mysql" || name == "information_schema" || name == "sys")
    );
    for (name, id) in names.iter().zip([10, 20, 30]) {
        let read = connector().read_database(&target, name).await.unwrap();
        assert_eq!((read.database.as_str(), read.tables.len()), (name.as_str(), 1));
        assert_eq!(*read.tables[0].highest.as_ref().unwrap().as_ref().unwrap(), Some(id));
    }
    let one = scratch.target(Product::Mysql, Some(&names[2].to_uppercase()));
    assert_eq!(connector().databases(&one).await.unwrap(), [names[2].clone()], "in another case");
    let two = connector().open(&target, &names[0].to_uppercase()).await.err().unwrap();
    assert_eq!(two.code(), "target_no_database", "two are meant equally");
}

#[tokio::test]
async fn a_wrong_password_and_a_missing_right_are_told_and_the_password_is_not() {
    let Some((mut scratch, names)) = scratch("rights", &["open", "shut"]) else { return };
    let user = format!("tenon_{}", std::process::id());
    scratch.run("", &[&format!("CREATE USER '{user}'@'%' IDENTIFIED BY 's3cret word'")]);
    scratch.drop_with(format!("DROP USER '{user}'@'%'"));
    scratch.run(
        &names[0],
        &["CREATE TABLE a (id int PRIMARY KEY)", "CREATE TABLE b (id int PRIMARY KEY, x int)"],
    );
    scratch.run(
        "",
        &[
            &format!("GRANT SELECT ON `{}`.a TO '{user}'@'%'", names[0]),
            &format!("GRANT SELECT (x) ON `{}`.b TO '{user}'@'%'", names[0]),
        ],
    );
    let named = |password: &str| Target {
        user: user.clone(),
        password: password.to_owned().into(),
        ..scratch.target(Product::Mysql, None)
    };
    let wrong = connector().probe(&named("not the pass phrase")).await.unwrap_err();
    assert_eq!((wrong.kind(), wrong.code()), (base::Kind::Invalid, "target_denied"));
    assert!(wrong.detail().starts_with("Access denied for user"), "{}", wrong.detail());
    assert!(!format!("{wrong:?}").contains("pass phrase"));

    let right = named("s3cret word");
    assert_eq!(connector().databases(&right).await.unwrap(), [names[0].clone()]);
    let closed = connector().open(&right, &names[1]).await.err().unwrap();
    assert_eq!(closed.code(), "target_denied");
    let mut session = connector().open(&right, &names[0]).await.unwrap();
    let (mut table, id) = session.column(None, "a", "id").await.unwrap().unwrap();
    assert_eq!(session.highest(&table, &id).await.unwrap(), None);
    table.name = "b".into();
    let refused = session.highest(&table, &id).await.unwrap_err();
    assert_eq!(refused.code(), "target_denied", "{}", refused.detail());
}

#[tokio::test]
async fn a_statement_that_takes_too_long_ends_and_the_session_goes_on() {
    let Some((scratch, names)) = scratch("slow", &["shop"]) else { return };
    scratch.run(
        &names[0],
        &["CREATE TABLE t (id int PRIMARY KEY)", "CREATE VIEW slow AS SELECT SLEEP(30) AS id"],
    );
    let target = scratch.target(Product::Mysql, None);
    let mut session = hasty().open(&target, &names[0]).await.unwrap();
    let started = Instant::now();
    let (view, mut id) = session.column(None, "slow", "id").await.unwrap().unwrap();
    id.integer = Some(Integer::I64);
    let error = session.highest(&view, &id).await.unwrap_err();
    assert_eq!(error.code(), "target_unreachable");
    assert!(!error.detail().contains("did not answer"), "the server ended it: {}", error.detail());
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
            "CREATE FUNCTION grow() RETURNS int NOT DETERMINISTIC MODIFIES SQL DATA BEGIN INSERT INTO t VALUES (1); RETURN 1; END",
            "CREATE VIEW trap AS SELECT grow() AS id",
        ],
    );
    let target = scratch.target(Product::Mysql, None);
    let mut session = connector().open(&target, &names[0]).await.unwrap();
    // The server shows no columns of such a view to a transaction that only reads.
    let view = Table { database: names[0].clone(), schema: None, name: "trap".into() };
    let id = Column { name: "id".into(), declared: "int".into(), integer: Some(Integer::I32) };
    let error = session.highest(&view, &id).await.unwrap_err();
    assert!(error.detail().contains("READ ONLY"), "{}", error.detail());
    let (table, id) = session.column(None, "t", "id").await.unwrap().unwrap();
    assert_eq!(session.highest(&table, &id).await.unwrap(), None);
}
