//! What Tenon is measured beside: the stack that it replaces, and Redis alone.

use std::{
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::http::{self, Load, Rate, Target};

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It empties its Redis database on the way.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

/// The seed's stack under the load.
pub fn seed(python: &Path, script: &Path, load: &Load) -> Result<Rate, String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    let port = listener.local_addr().map_err(|error| error.to_string())?.port();
    drop(listener);
    let child = Command::new(python)
        .arg("-B")
        .arg(script)
        .args(["--port", &port.to_string()])
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| format!("{}: {error}", python.display()))?;
    let _running = Running(child);
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let health = Target::get(address, "/health");
    let mut tries = 0;
    while !matches!(http::call(&health), Ok((200, _))) {
        tries += 1;
        if tries > 200 {
            return Err("the seed's stack does not get ready".to_owned());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let body =
        r#"{"system_code":"bench","db_name":"bench","table_name":"t0","field_name":"id","segment_count":1}"#;
    http::measure(load, &Target::post(address, "/api/segment/allocate", body))
}

/// INCR a second, as redis-benchmark counts it.
pub fn incr(url: &str, connections: usize) -> Result<f64, String> {
    let (host, port) = url
        .trim_start_matches("redis://")
        .split('/')
        .next()
        .and_then(|place| place.rsplit('@').next())
        .and_then(|place| place.split_once(':'))
        .unwrap_or(("127.0.0.1", "6379"));
    let output = Command::new("redis-benchmark")
        .args(["-h", host, "-p", port, "-t", "incr", "-n", "300000", "--csv", "-c"])
        .arg(connections.to_string())
        .output()
        .map_err(|error| format!("redis-benchmark: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line =
        text.lines().find(|line| line.starts_with("\"INCR\"")).ok_or("redis-benchmark said nothing")?;
    let rate = line.split(',').nth(1).map(|field| field.trim_matches('"'));
    rate.and_then(|rate| rate.parse().ok()).ok_or_else(|| format!("redis-benchmark said {line}"))
}
