//! The least that axum can do: a handler that answers a constant, in a process of its own.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use axum::{Router, routing::get};

/// Serves until the process is killed; says its address on the first line.
pub fn serve() -> Result<(), String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let body =
            r#"{"code":0,"msg":"Allocated segment: 1 to 1","data":{"start":1,"end":1},"traceId":null}"#;
        let router = Router::new().route(
            "/",
            get(move || async move { body }).post(move |_: axum::body::Bytes| async move { body }),
        );
        let listener =
            tokio::net::TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
        println!("{}", listener.local_addr().map_err(|error| error.to_string())?);
        axum::serve(listener, router).await.map_err(|error| error.to_string())
    })
}

/// That process.
pub struct Process {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Process {
    /// Starts it.
    pub fn start() -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut child = Command::new(program)
            .arg("bare")
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("the bare handler: {error}"))?;
        let mut line = String::new();
        let output = child.stdout.take().ok_or("the bare handler has no output")?;
        BufReader::new(output).read_line(&mut line).map_err(|error| error.to_string())?;
        let address = line.trim().parse().map_err(|_| format!("the bare handler said {line:?}"))?;
        Ok(Self { child, address })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
