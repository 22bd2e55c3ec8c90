//! `tenon serve`: from the configuration to a running server, and back to nothing.

use std::time::Duration;

use base::secret::ExposeSecret;
use kernel::App;
use store::Mode;
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    cli::{self, Failure, ServeArgs, print},
    config::{AppEnv, Config, DatabaseKind, Inputs, Source},
    upkeep,
    wiring::{self, migrations},
    worker,
};

use super::{
    listener::{self, Bound},
    parts::Opened,
    process::{self, Signals},
    schema,
};

/// How long requests that are being answered may take after the signal to stop.
const GRACE: Duration = Duration::from_secs(20);

/// Serves until a signal says to stop.
pub fn run(inputs: &Inputs, args: &ServeArgs) -> Result<(), Failure> {
    let config = Config::load(inputs)?;
    let plan = if args.no_worker { None } else { Some(worker::plan(&config)?) };
    config.ensure_data_dir()?;
    if args.recreate_db && config.env == AppEnv::Prod {
        return Err(Failure::refused("--recreate-db destroys every row and works in dev only"));
    }
    if args.recreate_db {
        cli::confirm(&format!("destroy every row in {}", config.database.shown_url), args.yes)?;
    }
    process::run(&config, start(config.clone(), args, plan))
}

async fn start(mut config: Config, args: &ServeArgs, plan: Option<worker::Plan>) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let bound = listener::bind(&config.http).await?;
    if derived_base_url(&config) {
        // With port 0 only the socket knows.
        config.http.base_url = bound.url();
    }
    tokio::select! {
        outcome = Box::pin(ready(&config, args)) => {
            let (opened, built) = outcome?;
            Box::pin(work(&config, bound, opened, built, plan, &mut signals)).await
        }
        () = signals.next() => Ok(()),
    }
}

/// Everything that must be true before the first request.
async fn ready(config: &Config, args: &ServeArgs) -> Result<(Opened, wiring::Built), Failure> {
    if args.recreate_db && config.database.kind == DatabaseKind::Sqlite {
        // Not under another server's feet.
        drop(store::backup::claim(&config.data_dir)?);
    }
    let opened = schema::open(config).await?;
    if args.recreate_db {
        drop_tables(config, &opened).await?;
    }
    let built = process::build(config, &opened, args.migrate).await?;
    Ok((opened, built))
}

async fn drop_tables(config: &Config, opened: &Opened) -> Result<(), Failure> {
    let status = migrations().status(&opened.store).await?;
    let steps = status.iter().filter(|one| one.applied).count();
    if steps > 0 {
        let migrator = schema::migrator(config, &opened.store).await?;
        migrations().down(&migrator, steps).await?;
    }
    Ok(())
}

async fn work(
    config: &Config,
    bound: Bound,
    opened: Opened,
    built: wiring::Built,
    plan: Option<worker::Plan>,
    signals: &mut Signals,
) -> Result<(), Failure> {
    let (stop, stopped) = watch::channel(false);
    let (url, local) = (bound.url(), bound.address.ip().is_loopback());
    let listener = bound.open(&config.http)?;
    announce(config, &built.app, &url, local).await?;
    let mut keeping = upkeep::start(built.app.clone(), stopped.clone());
    let mut working = background(&built, plan, stopped.clone());
    let (end_issuing, issuing_ended) = watch::channel(false);
    let mut issuing = issue(&built.app, issuing_ended)?;
    let serving = listener::serve(listener, built.edge, stopped);
    tokio::pin!(serving);
    tokio::select! {
        () = &mut serving => {}
        () = signals.next() => {}
    }
    tracing::info!("stopping");
    let _ = stop.send(true);
    let finish = async {
        serving.await;
        let _ = (&mut keeping).await;
        let _ = (&mut working).await;
        // Last: until here requests may ask for ids. What was leased is handed back.
        let _ = end_issuing.send(true);
        let _ = (&mut issuing).await;
    };
    tokio::select! {
        () = finish => {}
        () = tokio::time::sleep(GRACE.max(config.worker.grace + worker::LAST_WORDS)) => {
            tracing::warn!("some requests took too long and were cut off");
        }
        () = signals.next() => tracing::warn!("a second signal: requests were cut off"),
    }
    keeping.abort();
    working.abort();
    issuing.abort();
    opened.store.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// The worker beside the server, unless this process is to serve only.
#[expect(clippy::disallowed_methods, reason = "the one worker of this process, awaited at its end")]
fn background(
    built: &wiring::Built,
    plan: Option<worker::Plan>,
    stopped: watch::Receiver<bool>,
) -> JoinHandle<()> {
    let Some(plan) = plan else { return tokio::spawn(async {}) };
    let work = Box::pin(worker::run(built.app.clone(), built.runners.clone(), plan, stopped));
    tokio::spawn(async move {
        if let Err(error) = work.await {
            tracing::error!(?error, "the worker cannot work");
        }
    })
}

/// The id engine's own work: its journal is written, blocks are fetched ahead.
#[expect(clippy::disallowed_methods, reason = "the engine works beside the listener, and is ended with it")]
fn issue(app: &App, ended: watch::Receiver<bool>) -> Result<JoinHandle<()>, Failure> {
    let engine = platform::ids::Ids::of(app)?.engine().clone();
    Ok(tokio::spawn(async move {
        if let Err(error) = engine.run(ended).await {
            tracing::error!(?error, "what was leased of ids could not be handed back");
        }
    }))
}

fn derived_base_url(config: &Config) -> bool {
    config.settings.entry("APP_BASE_URL").is_none_or(|entry| entry.source == Source::Derived)
}

/// Says where to look and, on a fresh installation, what to do there.
async fn announce(config: &Config, app: &App, url: &str, local: bool) -> Result<(), Failure> {
    let name = concat!("Tenon ", env!("CARGO_PKG_VERSION"));
    let shown = &config.database.shown_url;
    tracing::info!(%url, env = %config.env, database = %shown, "serving");
    let mut text = format!("{name} serves {url} ({}, {shown})\n", config.env);
    if !derived_base_url(config) {
        text += &format!("People reach it at {}\n", config.http.base_url);
    }
    let tx = app.system(Mode::Read).await?;
    let initialized = identity::setup::is_initialized(&tx).await?;
    tx.commit().await?;
    if !initialized {
        let base = &config.http.base_url;
        text += &format!("Set it up: open {base} in a browser\n");
        text += &match (&config.setup_token, config.env, local) {
            (Some(_), AppEnv::Dev, true) => String::new(),
            (Some(token), AppEnv::Dev, false) if generated(config) => {
                format!("From another machine it asks for this set-up token: {}\n", token.expose_secret())
            }
            (Some(_), ..) => "It asks for the set-up token that SETUP_TOKEN holds\n".to_owned(),
            (None, ..) => "SETUP_TOKEN is not set, so set-up is closed: set it and start again\n".to_owned(),
        };
    }
    print(&text);
    Ok(())
}

fn generated(config: &Config) -> bool {
    config.settings.entry("SETUP_TOKEN").is_some_and(|entry| entry.source == Source::Generated)
}
