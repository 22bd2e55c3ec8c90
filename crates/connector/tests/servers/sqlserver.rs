//! SQL Server, as far as a peer of these tests can be one: signing in, rows, errors, silence.

use std::time::Instant;

use connector::{Connector, Product};

use crate::{
    support::{column, connector, hasty, highest, key, lines, target},
    tds::{
        Answer,
        Encrypts::{No, Yes},
        serve,
    },
};

const IDENTITY: (&str, Answer) =
    ("SERVERPROPERTY", Answer::Rows(&[&[Some("16.0.4105.2"), Some("Shop"), Some("dbo")]]));

fn shop() -> Vec<(&'static str, Answer)> {
    let orders: &[Option<&str>] =
        &[Some("dbo"), Some("Orders"), Some("Id"), Some("bigint"), Some("19"), Some("0")];
    let rows: &'static [&'static [Option<&'static str>]] = Box::leak(Box::new([orders]));
    vec![
        IDENTITY,
        ("sys.databases", Answer::Rows(&[&[Some("Shop")], &[Some("Store]s")]])),
        (
            "SELECT TOP (10001)",
            Answer::Rows(&[
                &[Some("dbo"), Some("Orders"), Some("table")],
                &[Some("dbo"), Some("Seen"), Some("view")],
                &[Some("dbo"), Some("Shut"), Some("table")],
                &[Some("sales"), Some("Orders"), Some("table")],
                &[Some("sales"), Some("Tiny"), Some("table")],
            ]),
        ),
        (
            "is_primary_key",
            Answer::Rows(&[
                &[Some("dbo"), Some("Orders"), Some("Id"), Some("bigint"), Some("19"), Some("0")],
                &[Some("dbo"), Some("Shut"), Some("Id"), Some("int"), Some("10"), Some("0")],
                &[Some("sales"), Some("Tiny"), Some("a]b"), Some("tinyint"), Some("3"), Some("0")],
            ]),
        ),
        ("LOWER(o.name)", Answer::Rows(&[&[Some("dbo"), Some("Orders")], &[Some("sales"), Some("Orders")]])),
        ("ORDER BY c.column_id", Answer::Rows(rows)),
        (
            "MAX([Id]) AS varchar(20)) FROM [Shop].[dbo].[Orders]",
            Answer::Rows(&[&[Some("9223372036854775807")]]),
        ),
        (
            "FROM [Shop].[dbo].[Shut]",
            Answer::Error(229, 14, "The SELECT permission was denied on the object 'Shut'."),
        ),
        ("MAX([a]]b]) AS varchar(20)) FROM [Shop].[sales].[Tiny]", Answer::Rows(&[&[None]])),
    ]
}

#[tokio::test]
async fn tables_of_every_schema_are_found_with_their_keys_and_highest_ids() {
    read_shop(serve(Yes, None, shop()).await, &connector()).await;
    read_shop(serve(No, None, shop()).await, &connector().allow_plain_sql_server()).await;
}

async fn read_shop(port: u16, connector: &Connector) {
    let target = target(Product::SqlServer, port, "s3cret");
    let probe = connector.probe(&target).await.unwrap();
    assert_eq!(
        (probe.product.as_str(), probe.databases),
        ("SQL Server 16.0.4105.2", vec!["Shop".to_owned()])
    );
    let every = connector::Target { database: None, ..target.clone() };
    assert_eq!(connector.databases(&every).await.unwrap(), ["Shop", "Store]s"]);

    let mut session = connector.open(&target, "Shop").await.unwrap();
    let found = session.tables().await.unwrap();
    assert_eq!(
        lines(&found),
        [
            "dbo.Orders Id I64",
            "dbo.Seen is a view",
            "dbo.Shut Id I32",
            "sales.Orders has no key",
            "sales.Tiny a]b U8"
        ]
    );
    assert_eq!(highest(&mut session, &found, "Orders").await, Some(i64::MAX.into()));
    assert_eq!(highest(&mut session, &found, "Tiny").await, None);
    let (shut, id) = key(&found, "Shut");
    let refused = session.highest(&shut, &id).await.unwrap_err();
    assert_eq!(refused.code(), "target_denied");
    assert_eq!(refused.detail(), "The SELECT permission was denied on the object 'Shut'.");
    assert_eq!(column(&mut session, None, "orders", "ID").await.as_deref(), Some("dbo.Orders.Id"));
    assert_eq!(column(&mut session, None, "orders", "nothing").await, None);
    session.close().await;
}

#[tokio::test]
async fn a_refused_sign_in_says_what_the_server_says() {
    for (number, class, text, code) in [
        (18456, 14, "Login failed for user 'app'.", "target_denied"),
        (
            4060,
            11,
            "Cannot open database \"shop\" requested by the login. The login failed.",
            "target_no_database",
        ),
        (
            17809,
            20,
            "Could not connect because the maximum number of connections has been reached.",
            "target_failed",
        ),
    ] {
        let port = serve(No, Some(Answer::Error(number, class, text)), Vec::new()).await;
        let connector = connector().allow_plain_sql_server();
        let error = connector.open(&target(Product::SqlServer, port, "s3cret"), "shop").await.err().unwrap();
        assert_eq!((error.code(), error.detail()), (code, text));
    }
}

#[tokio::test]
async fn a_server_without_encryption_is_not_sent_the_password() {
    let target = target(Product::SqlServer, serve(No, None, shop()).await, "s3cret");
    let error = connector().probe(&target).await.unwrap_err();
    assert_eq!((error.code(), error.detail()), ("target_failed", "the server offers no encryption"));
}

#[tokio::test]
async fn a_server_that_falls_silent_holds_nobody() {
    let connector = hasty().allow_plain_sql_server();
    for (signing_in, answers) in [
        (Some(Answer::Silence), Vec::new()),
        (None, vec![("LOCK_TIMEOUT", Answer::Silence)]),
        (None, vec![("SERVERPROPERTY", Answer::Silence)]),
    ] {
        let started = Instant::now();
        let port = serve(No, signing_in, answers).await;
        let error = connector.open(&target(Product::SqlServer, port, "s3cret"), "shop").await.err().unwrap();
        assert_eq!(error.code(), "target_unreachable");
        assert!(started.elapsed().as_secs_f32() < 2.5);
    }
    // In the middle of a session: one table fails, and the next call has a new connection.
    let answers =
        vec![IDENTITY, ("FROM [d].[dbo].[slow]", Answer::Silence), ("MAX(", Answer::Rows(&[&[Some("7")]]))];
    let port = serve(No, None, answers).await;
    let mut session = connector.open(&target(Product::SqlServer, port, "s3cret"), "shop").await.unwrap();
    let id = connector::Column {
        name: "id".into(),
        declared: "int".into(),
        integer: Some(connector::Integer::I32),
    };
    let of =
        |name: &str| connector::Table { database: "d".into(), schema: Some("dbo".into()), name: name.into() };
    let error = session.highest(&of("slow"), &id).await.unwrap_err();
    assert!(error.detail().contains("did not answer within"), "{}", error.detail());
    assert_eq!(session.highest(&of("fast"), &id).await.unwrap(), Some(7));
}
