//! The listener: bound before anything is changed, open only when everything is ready, and closed
//! without cutting off a request that is being answered.

use std::{
    convert::Infallible,
    io::ErrorKind,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use axum::body::Body;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use kernel::http::origin::Peer;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream, lookup_host},
    sync::watch,
    task::JoinSet,
};

use crate::{cli::Failure, config::Http, edge::Edge};

/// A client must have sent its headers by then; an idle connection ends after the same time.
const HEADERS: Duration = Duration::from_secs(30);
/// The most that headers and one read of a body may take in memory.
const BUFFER: usize = 64 * 1024;
/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;
/// When no more files can be opened, accepting waits this long.
const PAUSE: Duration = Duration::from_millis(100);

/// An address that is taken but not yet open.
pub struct Bound {
    socket: TcpSocket,
    /// The address; with port 0 the one that the system chose.
    pub address: SocketAddr,
}

/// Takes the configured address.
pub async fn bind(http: &Http) -> Result<Bound, Failure> {
    let unknown = |error: std::io::Error| {
        Failure::refused(format!(
            "APP_HOST={} cannot be resolved ({error}); use 127.0.0.1, or 0.0.0.0 for every interface",
            http.host
        ))
    };
    let mut last = None;
    for address in lookup_host(http.listen()).await.map_err(unknown)? {
        match take(address) {
            Ok(bound) => return Ok(bound),
            Err(error) => last = Some(error),
        }
    }
    let error = last.unwrap_or_else(|| ErrorKind::AddrNotAvailable.into());
    Err(explain(http, &error))
}

fn take(address: SocketAddr) -> std::io::Result<Bound> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart must not wait for connections of the process before.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(Bound { address: socket.local_addr()?, socket })
}

/// What to do about an address that cannot be had.
pub fn explain(http: &Http, error: &std::io::Error) -> Failure {
    let (host, port) = (&http.host, http.port);
    Failure::failed(match error.kind() {
        ErrorKind::AddrInUse => format!("port {port} is in use; stop the other program or use --port"),
        ErrorKind::PermissionDenied => {
            format!("port {port} needs rights that this user does not have; use --port with 1024 or more")
        }
        ErrorKind::AddrNotAvailable => {
            format!(
                "{host} is no address of this machine; use --host 127.0.0.1, or 0.0.0.0 for every interface"
            )
        }
        _ => format!("{host} port {port} cannot be listened on: {error}"),
    })
}

impl Bound {
    /// Lets connections in.
    pub fn open(self, http: &Http) -> Result<TcpListener, Failure> {
        self.socket.listen(BACKLOG).map_err(|error| explain(http, &error))
    }

    /// How this machine reaches it.
    pub fn url(&self) -> String {
        let host = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => "127.0.0.1".to_owned(),
            IpAddr::V6(ip) if ip.is_unspecified() => "[::1]".to_owned(),
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        format!("http://{host}:{}", self.address.port())
    }
}

/// Serves until `stopped` says so, then until the last request is answered.
pub async fn serve(listener: TcpListener, edge: Edge, mut stopped: watch::Receiver<bool>) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => break,
            Some(done) = connections.join_next() => {
                if let Err(failure) = done {
                    tracing::error!(%failure, "a connection ended badly");
                }
            }
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(connection(&graceful, stream, peer, edge.clone()));
                }
                Err(error) => refuse(&error).await,
            }
        }
    }
    drop(listener);
    graceful.shutdown().await;
}

/// One connection from its first byte to its last.
fn connection(
    graceful: &GracefulShutdown,
    stream: TcpStream,
    peer: SocketAddr,
    edge: Edge,
) -> impl Future<Output = ()> + Send + use<> {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: http::Request<Incoming>| {
        let (edge, mut request) = (edge.clone(), request.map(Body::new));
        request.extensions_mut().insert(Peer(peer));
        async move { Ok::<_, Infallible>(edge.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    let watched = graceful.watch(connection);
    async move {
        // A client that goes away, is too slow or speaks no HTTP is its own affair.
        if let Err(error) = watched.await {
            tracing::debug!(%peer, %error, "a connection ended early");
        }
    }
}

/// A client that went away before it was accepted is nothing; having no file left is.
async fn refuse(error: &std::io::Error) {
    let gone = [ErrorKind::ConnectionRefused, ErrorKind::ConnectionAborted, ErrorKind::ConnectionReset];
    if !gone.contains(&error.kind()) {
        tracing::error!(%error, "no connection can be accepted");
        tokio::time::sleep(PAUSE).await;
    }
}
