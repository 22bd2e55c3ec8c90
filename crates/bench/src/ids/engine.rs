//! The engine in process, without HTTP: calls and ids a second of one caller.

use std::{sync::Arc, time::Instant};

use base::SystemClock;
use idgen::{Engine, KeyName, NewKey, Options, Request, Settings};
use store::{Migrations, Store};
use tokio::sync::watch;

/// Calls of a measurement.
const CALLS: u32 = 300_000;

/// Measures and prints.
pub fn run() -> Result<(), String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(work()).map_err(|error| format!("{error:?}"))
}

async fn work() -> base::Result<()> {
    let folder = tempfile::tempdir().map_err(base::Error::internal)?;
    let url = format!("sqlite://{}", folder.path().join("ids.db").display());
    let store = Store::connect(&store::Options::new(url)).await?;
    Migrations::default().with(&[idgen::MIGRATION]).up(&store, &SystemClock).await?;
    let engine = Engine::new(store, Arc::new(SystemClock), Options::default());
    let (stop, stopped) = watch::channel(false);
    let running = {
        let engine = engine.clone();
        #[expect(clippy::disallowed_methods, reason = "the engine's own work runs beside the measurement")]
        tokio::spawn(async move { engine.run(stopped).await })
    };
    let org = base::id::new(base::Clock::now(&SystemClock));
    println!("\nthe engine in process, on SQLite, journal on");
    println!("  {:<48}{:>12}{:>18}", "", "calls/s", "ids/s");
    for count in [1, 100, 1_000] {
        let name = KeyName::new(&format!("bench:{count}"))?;
        engine.create(&NewKey { org, name: name.clone(), in_use: 0, settings: Settings::default() }).await?;
        for merge in [false, true] {
            let request = Request {
                org,
                key: name.clone(),
                count,
                caller: Some("bench".to_owned()),
                request_id: None,
                token: None,
                merge,
            };
            // Until the blocks have grown to the demand.
            for _ in 0..CALLS / 10 {
                engine.allocate(&request).await?;
            }
            let begin = Instant::now();
            for _ in 0..CALLS {
                engine.allocate(&request).await?;
            }
            let rate = f64::from(CALLS) / begin.elapsed().as_secs_f64();
            let lines = if merge { "neighbouring calls in one line" } else { "a line for each call" };
            let what = format!("buffered, {count} ids each, {lines}");
            println!("  {what:<48}{:>12}{:>18}", super::number(rate), super::number(rate * count as f64));
            engine.flush().await?;
        }
    }
    let _ = stop.send(true);
    running.await.map_err(base::Error::internal)??;
    Ok(())
}
