//! What the commands share that stay until a signal ends them: logs, signals, and what must be true
//! before work begins.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    cli::Failure,
    config::Config,
    logging,
    wiring::{self, Built},
};

use super::{
    parts::{self, Opened},
    schema,
};

/// Runs `work` on a runtime of its own, with logs; the last traces are delivered at its end.
pub fn run(config: &Config, work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    parts::block_on(async {
        let logging = logging::init(&config.log, &config.app_name)?;
        for warning in config.warnings() {
            tracing::warn!("{warning}");
        }
        let outcome = Box::pin(work).await;
        if let Err(error) = tokio::task::spawn_blocking(|| logging.shutdown()).await {
            tracing::warn!(%error, "the last traces were not delivered");
        }
        outcome
    })
}

/// The application on an open database: migrated where that is allowed, and in production only when
/// its policies bind this process.
pub async fn build(config: &Config, opened: &Opened, migrate: bool) -> Result<Built, Failure> {
    schema::ensure(config, &opened.store, migrate).await?;
    schema::insist_on_policies(config, &opened.store).await?;
    let parts = parts::assemble(config, opened.store.clone()).await?;
    Ok(wiring::build(parts, wiring::api()).await?)
}

/// What asks the process to end.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on signals are caught.
    pub fn new() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| Failure::failed(format!("signals cannot be received: {error}")))
        };
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    /// The next one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
