//! Oracle up to the answer of its listener: no server can be had here.

use connector::{Product, Target};

use crate::support::{answering, connector, target};

fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + body.len()).unwrap().to_be_bytes();
    [&[length[0], length[1], 0, 0, kind, 0, 0, 0], body].concat()
}

fn refuse(number: u32) -> Vec<u8> {
    let text = format!(
        "(DESCRIPTION=(TMP=)(VSNNUM=318767104)(ERR={number})(ERROR_STACK=(ERROR=(CODE={number})(EMFI=4))))"
    );
    let length = u16::try_from(text.len()).unwrap().to_be_bytes();
    packet(4, &[&[34, 0, length[0], length[1]], text.as_bytes()].concat())
}

#[tokio::test]
async fn a_refusal_of_the_listener_is_told_with_the_address_of_the_target() {
    let port = answering(refuse(12514)).await;
    let error = connector().open(&target(Product::Oracle, port, "s3cret"), "FREEPDB1").await.err().unwrap();
    assert_eq!(error.code(), "target_no_database");
    let expected = format!(
        "service \"FREEPDB1\" is not registered with the listener at host \"127.0.0.1\" port {port}."
    );
    assert!(error.detail().starts_with(&expected), "{}", error.detail());
    assert!(!error.detail().contains("CONNECTION_ID"));
    let port = answering(refuse(12528)).await;
    let error = connector().open(&target(Product::Oracle, port, "s3cret"), "FREEPDB1").await.err().unwrap();
    assert_eq!(error.code(), "target_unreachable", "{}", error.detail());
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = answering(b"reached".to_vec()).await;
    let address = format!("(ADDRESS=(PROTOCOL=tcp)(HOST=127.0.0.1)(PORT={elsewhere}))\0(CONNECT_DATA=())");
    let length = u16::try_from(address.len()).unwrap().to_be_bytes();
    let answer = [packet(5, &length), packet(6, &[b"\0\0", address.as_bytes()].concat())].concat();
    let port = answering(answer).await;
    let error = connector().open(&target(Product::Oracle, port, "s3cret"), "ORCL").await.err().unwrap();
    assert_eq!(error.code(), "target_failed");
    assert!(error.detail().contains("sends its clients to another address"), "{}", error.detail());
}

#[tokio::test]
async fn a_service_name_that_could_be_more_is_refused() {
    let place = target(Product::Oracle, 1, "s3cret");
    let name = "x)))(ADDRESS=(PROTOCOL=tcp)(HOST=169.254.169.254)(PORT=80))";
    let error = connector().open(&place, name).await.err().unwrap();
    assert_eq!(error.field_errors()[0].field, "database");
    let target = Target { database: Some(name.into()), ..place };
    assert_eq!(connector().probe(&target).await.unwrap_err().field_errors()[0].field, "database");
}
