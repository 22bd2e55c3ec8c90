//! The guarded client against a small server on loopback.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

/// Serves `answer` to every connection and returns the port.
async fn serve(answer: &'static [u8], keep_open: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    #[expect(clippy::disallowed_methods, reason = "a server for a test")]
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _read = socket.read(&mut request).await;
            let _written = socket.write_all(answer).await;
            if keep_open {
                tokio::time::sleep(Duration::from_secs(30)).await;
            }
        }
    });
    port
}

fn dev() -> GuardedClient {
    GuardedClient::new(Policy::parse(None, true).unwrap())
}

fn prod() -> GuardedClient {
    GuardedClient::new(Policy::parse(None, false).unwrap())
}

fn get(url: String) -> Call {
    Call { timeout: Duration::from_secs(2), ..Call::new(Method::GET, url) }
}

fn is_refused(outcome: Result<Answer>) -> bool {
    outcome.is_err_and(|error| error.field_errors().iter().any(|field| field.code == "target_refused"))
}

#[tokio::test]
async fn an_allowed_target_answers() {
    let port = serve(b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\nx-a: b\r\n\r\nok", false).await;
    for host in ["127.0.0.1", "localhost"] {
        let answer = dev().send(Purpose::Webhook, get(format!("http://{host}:{port}/"))).await.unwrap();
        assert_eq!((answer.status, answer.body.as_ref()), (201, b"ok".as_ref()));
        assert_eq!(answer.headers["x-a"], "b");
    }
}

#[tokio::test]
async fn production_refuses_loopback_by_address_and_by_name() {
    let port = serve(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", false).await;
    for host in ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]"] {
        assert!(
            is_refused(prod().send(Purpose::Webhook, get(format!("http://{host}:{port}/"))).await),
            "{host}"
        );
    }
}

#[tokio::test]
async fn an_open_network_serves_its_purpose_only() {
    let port = serve(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", false).await;
    let client = GuardedClient::new(Policy::parse(Some("oidc=127.0.0.0/8,oidc=::1"), false).unwrap());
    assert!(client.send(Purpose::Oidc, get(format!("http://localhost:{port}/"))).await.is_ok());
    assert!(is_refused(client.send(Purpose::Webhook, get(format!("http://localhost:{port}/"))).await));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let port =
        serve(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", false)
            .await;
    let answer = dev().send(Purpose::Webhook, get(format!("http://127.0.0.1:{port}/"))).await.unwrap();
    assert_eq!(answer.status, 302);
}

#[tokio::test]
async fn long_answers_are_cut_whether_announced_or_not() {
    let announced = serve(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n", true).await;
    let silent =
        serve(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n0123456789012345678901234567890123456789", true)
            .await;
    for port in [announced, silent] {
        let call = Call { body_max: 20, ..get(format!("http://127.0.0.1:{port}/")) };
        let error = dev().send(Purpose::Webhook, call).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::Unavailable, "answer_too_large"));
    }
}

#[tokio::test]
async fn silence_ends_at_the_timeout() {
    let port = serve(b"", true).await;
    let call =
        Call { timeout: Duration::from_millis(200), ..get(format!("http://127.0.0.1:{port}/?token=secret")) };
    let error = dev().send(Purpose::Webhook, call).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::Unavailable, "target_unreachable"));
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn framing_headers_cannot_be_set() {
    for name in FRAMING {
        let mut call = get("http://127.0.0.1:9999/".into());
        call.headers.insert(name, "x".parse().unwrap());
        let error = dev().send(Purpose::Webhook, call).await.unwrap_err();
        assert_eq!(error.field_errors()[0].code, "header_refused", "{name}");
    }
}

#[test]
fn the_crypto_provider_installs_twice() {
    install_crypto_provider();
    install_crypto_provider();
}
