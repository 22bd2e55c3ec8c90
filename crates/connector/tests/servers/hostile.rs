//! Peers that nobody should have to wait for, for every product.

use std::time::{Duration, Instant};

use base::Error;
use connector::{Connector, Limits, Product, Target};
use outbound::Policy;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::support::{answering, closed_port, connector, hasty, peer, target};

async fn refused(connector: &Connector, target: &Target) -> Error {
    let (started, limit) = (Instant::now(), connector.limits().connect + Duration::from_secs(2));
    let error = connector.probe(target).await.unwrap_err();
    assert!(started.elapsed() < limit, "{target:?} took {:?}", started.elapsed());
    assert!(!format!("{error:?}").contains("s3cret"), "{target:?}");
    error
}

#[tokio::test]
async fn a_closed_port_is_told_at_once() {
    let port = closed_port().await;
    for product in Product::ALL {
        let error = refused(&hasty(), &target(product, port, "s3cret")).await;
        assert_eq!(
            (error.kind(), error.code()),
            (base::Kind::Unavailable, "target_unreachable"),
            "{product:?}"
        );
        assert!(error.detail().contains("refused"), "{product:?}: {}", error.detail());
    }
}

#[tokio::test]
async fn a_peer_that_never_answers_is_given_up() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for product in Product::ALL {
        let error = refused(&hasty(), &target(product, port, "s3cret")).await;
        assert_eq!(error.code(), "target_unreachable", "{product:?}");
        assert!(error.detail().contains("did not answer within"), "{product:?}: {}", error.detail());
    }
}

/// Nothing that waits for the peer may be left behind: a runtime ends only with its blocking work.
#[test]
fn a_runtime_ends_although_a_peer_never_answers() {
    let started = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        for product in Product::ALL {
            refused(&hasty(), &target(product, port, "s3cret")).await;
        }
    });
    drop(runtime);
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_told() {
    let target =
        Target::new(Product::Postgres, "no-such-host.invalid", "app", "s3cret".to_owned().into(), None)
            .unwrap();
    let error = refused(&connector(), &target).await;
    assert_eq!((error.code(), error.detail()), ("target_unreachable", "the host name cannot be resolved"));
}

#[tokio::test]
async fn an_address_that_the_operator_did_not_open_is_refused() {
    let production = Connector::new(Policy::parse(None, false).unwrap(), Limits::default());
    let port = closed_port().await;
    for product in Product::ALL {
        for host in ["127.0.0.1", "localhost", "10.0.0.1", "[::1]"] {
            let password = "s3cret".to_owned().into();
            let target = Target::new(product, &format!("{host}:{port}"), "app", password, None).unwrap();
            let error = refused(&production, &target).await;
            let field = &error.field_errors()[0];
            assert_eq!((field.field.as_str(), field.code.as_str()), ("address", "target_refused"));
            assert!(field.message.contains("OUTBOUND_ALLOW"));
        }
        let metadata = Target { host: "169.254.169.254".into(), ..target(product, 80, "s3cret") };
        assert_eq!(refused(&connector(), &metadata).await.field_errors()[0].code, "target_refused");
    }
}

#[tokio::test]
async fn a_peer_that_speaks_something_else_is_an_error_and_no_more() {
    let mut answers: Vec<Vec<u8>> = vec![
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec(),
        b"SSH-2.0-OpenSSH_9.2p1\r\n".to_vec(),
        Vec::new(),
        vec![0; 64],
        vec![0xFF; 4096],
        vec![0, 8, 0, 0, 2, 0, 0, 0],
        vec![0, 8, 0, 0, 4, 0, 0, 0],
    ];
    // Numbers that are random enough, and the same every time.
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    for length in [1_usize, 7, 8, 30, 300] {
        for _ in 0..4 {
            let noise = (0..length).map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                u8::try_from(state >> 56).unwrap()
            });
            answers.push(noise.collect());
        }
    }
    let asked = answers.into_iter().map(|answer| async move {
        let port = answering(answer.clone()).await;
        for product in Product::ALL {
            let error = refused(&hasty(), &target(product, port, "s3cret")).await;
            assert!(error.code().starts_with("target_"), "{product:?} {answer:?}: {error:?}");
        }
    });
    futures_util::future::join_all(asked).await;
}

#[tokio::test]
async fn a_peer_that_hangs_up_is_an_error_and_no_more() {
    let port = peer(|stream| async { drop(stream) }).await;
    for product in Product::ALL {
        let error = refused(&hasty(), &target(product, port, "s3cret")).await;
        assert!(matches!(error.code(), "target_unreachable" | "target_failed"), "{product:?}: {error:?}");
    }
}

/// A PostgreSQL that asks for the password in clear, and answers to it.
async fn postgres(answer: impl Fn(&str) -> Option<Vec<u8>> + Copy + Send + 'static) -> u16 {
    peer(move |mut stream| async move {
        let password = ask_for_password(&mut stream).await.unwrap();
        match answer(&password) {
            Some(answer) => stream.write_all(&answer).await.unwrap(),
            None => {
                // Authentication ok, ready for queries, and then nothing.
                stream.write_all(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I").await.unwrap();
                while stream.read_u8().await.is_ok() {}
            }
        }
    })
    .await
}

async fn ask_for_password(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut request = [0_u8; 8];
    stream.read_exact(&mut request).await?; // SSLRequest
    stream.write_all(b"N").await?;
    let length = stream.read_u32().await?;
    let mut startup = vec![0; length as usize - 4];
    stream.read_exact(&mut startup).await?;
    stream.write_all(b"R\0\0\0\x08\0\0\0\x03").await?;
    stream.read_u8().await?;
    let length = stream.read_u32().await?;
    let mut password = vec![0; length as usize - 4];
    stream.read_exact(&mut password).await?;
    Ok(String::from_utf8_lossy(&password).trim_end_matches('\0').to_owned())
}

fn error_response(code: &str, message: &str) -> Vec<u8> {
    let fields = format!("SFATAL\0VFATAL\0C{code}\0M{message}\0\0");
    let length = u32::try_from(fields.len() + 4).unwrap().to_be_bytes();
    [b"E", length.as_slice(), fields.as_bytes()].concat()
}

#[tokio::test]
async fn a_wrong_password_of_postgres_is_told_and_never_shown() {
    let port =
        postgres(|_| Some(error_response("28P01", "password authentication failed for user \"app\""))).await;
    let error = refused(&connector(), &target(Product::Postgres, port, "s3cret")).await;
    assert_eq!((error.kind(), error.code()), (base::Kind::Invalid, "target_denied"));
    assert_eq!(error.detail(), "password authentication failed for user \"app\"");

    let port = postgres(|password| Some(error_response("28P01", &format!("not {password}\nat all")))).await;
    let error = refused(&connector(), &target(Product::Postgres, port, "s3cret")).await;
    assert_eq!(error.detail(), "the server refused the user, the password or a right");
}

#[tokio::test]
async fn a_server_that_falls_silent_after_signing_in_is_given_up() {
    let port = postgres(|_| None).await;
    let started = Instant::now();
    let error = hasty().open(&target(Product::Postgres, port, "s3cret"), "shop").await.err().unwrap();
    assert_eq!(error.code(), "target_unreachable");
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn calls_can_be_made_from_any_thread() {
    fn sent<T: Send>(value: T) -> T {
        value
    }
    let (connector, target) = (hasty(), target(Product::Oracle, closed_port().await, "s3cret"));
    assert!(sent(connector.probe(&target)).await.is_err());
    assert!(sent(connector.read(&target)).await.is_err());
    assert!(sent(connector.column(&target, "d", None, "t", "c")).await.is_err());
    assert!(sent(connector.open(&target, "d")).await.map(sent).is_err());
}
