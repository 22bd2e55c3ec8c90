//! Between Oracle's driver and its server.
//!
//! The driver opens its own sockets, blocks on them without a limit, and follows a listener's REDIRECT to
//! any host at all. So it is given a port of this process, and what it says is carried to the one address
//! that was judged. Dropping the relay hangs up on both sides, which ends a driver that still waits;
//! a REDIRECT ends the connection. May import: tokio.

use std::{
    io,
    net::Ipv4Addr,
    pin::Pin,
    sync::{Arc, OnceLock},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A connection that is carried while [`Relay::run`] is polled.
pub(super) struct Relay {
    /// The port on loopback that the driver connects to, once.
    pub port: u16,
    objection: Arc<OnceLock<&'static str>>,
    carrying: Pin<Box<dyn Future<Output = ()> + Send + Sync>>,
}

impl Relay {
    /// A relay to a server that is connected already.
    pub async fn open(server: TcpStream) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let objection = Arc::new(OnceLock::new());
        let raised = Arc::clone(&objection);
        let carrying = Box::pin(async move {
            let Ok((driver, _)) = listener.accept().await else { return };
            // Nobody else comes in.
            drop(listener);
            carry(driver, server, &raised).await;
        });
        Ok(Self { port, objection, carrying })
    }

    /// Carries until `work` is done. Nothing is lost between two calls.
    pub async fn run<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        tokio::select! {
            done = &mut work => return done,
            () = &mut self.carrying => {}
        }
        // Both sockets are closed, so the driver is about to notice.
        self.carrying = Box::pin(std::future::pending());
        work.await
    }

    /// Why the relay hung up, if it did so by itself.
    pub fn objection(&self) -> Option<&'static str> {
        self.objection.get().copied()
    }
}

async fn carry(mut driver: TcpStream, mut server: TcpStream, objection: &OnceLock<&'static str>) {
    let (mut from_driver, mut to_driver) = driver.split();
    let (mut from_server, mut to_server) = server.split();
    let up = async { tokio::io::copy(&mut from_driver, &mut to_server).await.map(|_| ()) };
    let down = async {
        if let Err(Stopped::Objection(why)) = greet(&mut from_server, &mut to_driver).await {
            let _first_one_counts = objection.set(why);
            return Ok(());
        }
        tokio::io::copy(&mut from_server, &mut to_driver).await.map(|_| ())
    };
    // Whoever ends ends both: a half of a connection is of no use to either.
    let _why_does_not_matter: io::Result<()> = tokio::select! { end = up => end, end = down => end };
}

/// Packet types of the Transparent Network Substrate that a server may answer a CONNECT with.
const ACCEPT: u8 = 2;
const REFUSE: u8 = 4;
const REDIRECT: u8 = 5;
const RESEND: u8 = 11;

enum Stopped {
    Objection(&'static str),
    Io,
}

impl From<io::Error> for Stopped {
    fn from(_: io::Error) -> Self {
        Self::Io
    }
}

/// Carries the server's packets up to the one that decides, each of which begins with its length.
async fn greet(
    server: &mut (impl AsyncRead + Unpin),
    driver: &mut (impl AsyncWrite + Unpin),
) -> Result<(), Stopped> {
    loop {
        let mut head = [0_u8; 8];
        server.read_exact(&mut head).await?;
        let length = usize::from(u16::from_be_bytes([head[0], head[1]]));
        match head[4] {
            REDIRECT => {
                return Err(Stopped::Objection(
                    "the listener sends its clients to another address; make that the address",
                ));
            }
            ACCEPT | REFUSE | RESEND if length >= head.len() => {}
            _ => return Err(Stopped::Objection("the server does not speak Oracle's protocol")),
        }
        let mut body = vec![0_u8; length - head.len()];
        server.read_exact(&mut body).await?;
        driver.write_all(&head).await?;
        driver.write_all(&body).await?;
        if head[4] != RESEND {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn greeted(server: &[u8]) -> (Vec<u8>, Option<&'static str>) {
        let mut driver = Vec::new();
        let why = match greet(&mut &*server, &mut driver).await {
            Err(Stopped::Objection(why)) => Some(why),
            _ => None,
        };
        (driver, why)
    }

    fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(8 + body.len()).unwrap().to_be_bytes();
        [&[length[0], length[1], 0, 0, kind, 0, 0, 0], body].concat()
    }

    #[tokio::test]
    async fn what_a_server_may_answer_arrives_whole() {
        for answer in [packet(ACCEPT, b"abc"), [packet(RESEND, b""), packet(REFUSE, b"no")].concat()] {
            assert_eq!(greeted(&answer).await, (answer, None));
        }
    }

    #[tokio::test]
    async fn a_redirect_is_not_passed_on_even_after_a_resend() {
        let redirect = packet(REDIRECT, b"\0\x20(ADDRESS=(HOST=10.0.0.1))");
        for answer in [redirect.clone(), [packet(RESEND, b""), redirect].concat()] {
            let (passed, why) = greeted(&answer).await;
            assert!(passed.len() <= 8 && why.unwrap().contains("another address"));
        }
    }

    #[tokio::test]
    async fn another_protocol_is_not_passed_on() {
        for answer in [b"HTTP/1.1 400 Bad Request\r\n".as_slice(), b"\0\0\0\0\x02\0\0\0", &packet(6, b"data")]
        {
            let (passed, why) = greeted(answer).await;
            assert!(passed.is_empty() && why.unwrap().contains("protocol"));
        }
    }
}
