//! A worker that ends by itself.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use super::{Observer, Options, work};
use crate::{Engine, kind::Runners};

/// How often to look whether anything is left.
const LOOK: Duration = Duration::from_millis(10);

/// Works until nothing is under way and nothing is due, then stops. For the command line and tests.
pub async fn drain<C: Clone + Send + Sync + 'static>(
    engine: Engine,
    runners: Runners<C>,
    context: C,
    options: Options,
) -> base::Result<()> {
    let never = std::future::pending();
    Box::pin(drain_until(engine, runners, context, options, None, never)).await.map(drop)
}

/// As [`drain`], and stops as any worker does, within its grace, when `enough` comes first; whether
/// nothing was left.
pub async fn drain_until<C: Clone + Send + Sync + 'static>(
    engine: Engine,
    runners: Runners<C>,
    context: C,
    options: Options,
    observer: Option<Arc<dyn Observer>>,
    enough: impl Future<Output = ()>,
) -> base::Result<bool> {
    let (stop, stopped) = watch::channel(false);
    let options = Options { schedules: false, ..options };
    let working = Box::pin(work(engine.clone(), runners, context, options, observer, stopped));
    let watching = async {
        let idle = async {
            loop {
                match engine.is_idle().await {
                    Ok(false) => tokio::time::sleep(LOOK).await,
                    Ok(true) => break Ok(true),
                    Err(error) => break Err(error),
                }
            }
        };
        let outcome = tokio::select! {
            outcome = idle => outcome,
            () = enough => Ok(false),
        };
        let _ = stop.send(true);
        outcome
    };
    tokio::join!(working, watching).1
}
