//! Schedules: plans in a table that make jobs at their times.
//!
//! Whoever sees first that a schedule is due locks its row, enqueues its jobs and writes its next
//! time in one transaction; a second node passes over the locked row and then finds it no longer
//! due. So each tick is enqueued exactly once, and no node leads.

mod declared;
mod plan;
mod tick;

pub use declared::Declared;
pub use plan::{Misfire, Overlap, Plan, PlanKind, Timing};
pub(crate) use tick::fire_due;

use std::time::Duration;

use ::store::Mode;
use tokio::{sync::watch, time::sleep};

use crate::{
    Engine,
    engine::{Notice, retrying},
    store,
};

/// The longest pause without a notice: bounds how late another node's change is seen where there are no notices.
const PAUSE: Duration = Duration::from_millis(500);

/// Fires what is due until `done`.
pub(crate) async fn run(engine: &Engine, enabled: bool, mut done: watch::Receiver<bool>) {
    if !enabled {
        let _ = done.wait_for(|done| *done).await;
        return;
    }
    let mut changed = engine.listen(Notice::Schedule);
    let mut failing = false;
    while !*done.borrow() {
        changed.borrow_and_update();
        let pause = match round(engine).await {
            Ok(pause) => {
                failing = false;
                pause
            }
            Err(error) => {
                if !failing {
                    tracing::warn!(?error, "schedules cannot be looked after; trying again");
                }
                failing = true;
                PAUSE
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            _ = changed.changed(), if !failing => {}
            _ = done.changed() => {}
        }
    }
}

async fn round(engine: &Engine) -> base::Result<Duration> {
    let (tx, now) = engine.system(Mode::Read).await?;
    let next = store::next_due(&tx).await?;
    tx.commit().await?;
    match next {
        Some(next) if next <= now => {
            let fired = retrying(|| fire_due(engine)).await?;
            Ok(if fired { Duration::ZERO } else { Duration::from_millis(20) })
        }
        Some(next) => Ok((next - now).to_std().unwrap_or_default().clamp(Duration::from_millis(1), PAUSE)),
        None => Ok(PAUSE),
    }
}
