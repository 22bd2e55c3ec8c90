//! Checks of everything else that is configured: Redis, mail, the port.

use std::{sync::Arc, time::Duration};

use base::SystemClock;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{cli::Failure, config::Config};

use super::{
    super::{listener, parts},
    Check,
};

/// How long a server that may be ours has to say so.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) async fn examine(config: &Config) -> Vec<Check> {
    vec![key_values(config).await, mail(config).await, port(config).await]
}

async fn key_values(config: &Config) -> Check {
    if config.redis_url.is_none() {
        return Check::ok(
            "limits",
            "kept by each process; with several nodes, set REDIS_URL so that they share them",
        );
    }
    let outcome = match parts::key_values(config, Arc::new(SystemClock)).await {
        Ok(kv) => kv.ping().await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(()) => Check::ok("redis", "answers"),
        Err(error) => {
            let message =
                format!("{}; check REDIS_URL, or REDIS_HOST and REDIS_PASSWORD", Failure::from(error));
            Check::fail("redis", message)
        }
    }
}

async fn mail(config: &Config) -> Check {
    let mailer = match parts::mailer(config) {
        Ok(mailer) => mailer,
        Err(failure) => return Check::fail("mail", failure.message),
    };
    let outbox = config.data_dir.join("outbox");
    match mailer.check().await {
        Ok(()) if mailer.is_smtp() => Check::ok("mail", "the mail server lets us in"),
        Ok(()) => Check::warn("mail", format!("SMTP_HOST is not set: letters lie in {}", outbox.display())),
        Err(error) => Check::fail("mail", Failure::from(error).message),
    }
}

async fn port(config: &Config) -> Check {
    let address = config.http.listen();
    let taken = match listener::bind(&config.http).await {
        Ok(bound) => bound.open(&config.http).map(drop),
        Err(failure) => Err(failure),
    };
    match taken {
        Ok(()) => Check::ok("port", format!("{address} is free")),
        Err(_) if is_tenon(config).await => Check::ok("port", format!("a running Tenon holds {address}")),
        Err(failure) => Check::fail("port", failure.message),
    }
}

/// Whether what answers on the port says what `/healthz` says.
pub(super) async fn is_tenon(config: &Config) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(config.http.listen()).await?;
        stream.write_all(b"GET /healthz HTTP/1.0\r\nhost: localhost\r\n\r\n").await?;
        let mut answer = String::new();
        stream.take(4096).read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    matches!(timeout(PATIENCE, ask).await, Ok(Ok(answer)) if answer.contains(r#"{"status":"ok"}"#))
}
