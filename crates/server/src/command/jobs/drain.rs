//! `tenon jobs drain`: a worker that ends when nothing is due any more.

use std::time::Duration;

use jobs::{Engine, Gauges, State};
use kernel::App;
use store::Mode;
use tokio::time::sleep;

use crate::{
    cli::{Failure, JobsDrainArgs, print},
    config::Config,
    worker,
};

use super::super::{
    parts::{self, Desk},
    process::{self, Signals},
    schema,
};

/// How often it says what is left.
const TELL: Duration = Duration::from_secs(1);

/// Works until nothing is due, the time is over, or a signal comes.
pub(super) fn run(config: &Config, args: &JobsDrainArgs) -> Result<(), Failure> {
    process::run(config, async {
        let mut signals = Signals::new()?;
        let desk = parts::desk(config).await?;
        let outcome = Box::pin(drain(config, &desk, args, &mut signals)).await;
        desk.close().await;
        outcome
    })
}

/// Why it stopped before everything was done.
#[derive(Clone, Copy)]
enum Enough {
    Time,
    Signal,
}

async fn drain(
    config: &Config,
    desk: &Desk,
    args: &JobsDrainArgs,
    signals: &mut Signals,
) -> Result<(), Failure> {
    let app = &desk.app;
    schema::insist_on_policies(config, app.store()).await?;
    refuse_paused(app).await?;
    let before = gauges(app).await?;
    let mut why = Enough::Time;
    let over = async {
        match args.timeout {
            Some(seconds) => sleep(Duration::from_secs(seconds.into())).await,
            None => std::future::pending().await,
        }
    };
    let enough = async {
        tokio::select! {
            () = over => {}
            () = signals.next() => why = Enough::Signal,
        }
    };
    let working = worker::drain(app.clone(), desk.runners.clone(), worker::options(config), enough);
    let done = tokio::select! {
        done = Box::pin(working) => done?,
        never = tell(app) => match never {},
    };
    let after = gauges(app).await?;
    if !done {
        let what = match why {
            Enough::Time => "the time is over",
            Enough::Signal => "stopped by a signal",
        };
        return Err(Failure::failed(format!("{what}; left: {}", left(&after))));
    }
    let died = after.depth(State::Dead) - before.depth(State::Dead);
    let dead =
        if died > 0 { format!(" ({died} more dead: `tenon jobs list --state dead`)") } else { String::new() };
    print(&format!("nothing is due{dead}\n"));
    Ok(())
}

/// Jobs of a paused queue would be waited for without end.
async fn refuse_paused(app: &App) -> Result<(), Failure> {
    let engine = app.service::<Engine>()?;
    let tx = app.system(Mode::Read).await?;
    let (paused, depths) = (engine.paused(&tx).await?, engine.depths(&tx, None).await?);
    tx.commit().await?;
    match depths.iter().find(|depth| depth.state == State::Ready && paused.contains(&depth.queue)) {
        Some(depth) => Err(Failure::failed(format!(
            "the queue `{}` is paused and {} jobs wait in it; let it go on first",
            depth.queue, depth.count
        ))),
        None => Ok(()),
    }
}

async fn gauges(app: &App) -> base::Result<Gauges> {
    let tx = app.system(Mode::Read).await?;
    let gauges = app.service::<Engine>()?.gauges(&tx).await?;
    tx.commit().await?;
    Ok(gauges)
}

fn left(gauges: &Gauges) -> String {
    let of = |state: State| format!("{} {}", gauges.depth(state), state.as_str());
    [State::Ready, State::Running, State::Failed, State::Scheduled].map(of).join(", ")
}

/// Says what is left whenever that has changed.
async fn tell(app: &App) -> std::convert::Infallible {
    let mut last = String::new();
    loop {
        if let Ok(now) = gauges(app).await {
            let line = left(&now);
            if line != last {
                print(&format!("{line}\n"));
                last = line;
            }
        }
        sleep(TELL).await;
    }
}
