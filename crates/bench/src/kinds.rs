//! The jobs that are measured: one that does nothing, and one that says when it began.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use jobs::{Arguments, Failure, Job, Registry, Run, State, Vault, Words, worker::Observer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};

/// What the jobs share.
#[derive(Clone)]
pub struct World {
    begun: mpsc::UnboundedSender<Instant>,
}

impl World {
    /// A world, and where its [`Mark`]s are heard.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Instant>) {
        let (begun, heard) = mpsc::unbounded_channel();
        (Self { begun }, heard)
    }
}

/// Every kind.
pub fn registry() -> Registry<World> {
    Registry::default().with::<Noop>().with::<Mark>()
}

/// Does nothing.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Noop {}

impl Arguments for Noop {
    const KIND: &'static str = "bench.noop";
    const TITLE: Words = Words { zh: "空任务", en: "Empty" };
    const ABOUT: Words = Words { zh: "什么也不做。", en: "Does nothing." };
}

impl Job<World> for Noop {
    type Output = ();

    async fn run(self, _: World, _: Run) -> Result<(), Failure> {
        Ok(())
    }
}

/// Says when it began.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Mark {}

impl Arguments for Mark {
    const KIND: &'static str = "bench.mark";
    const TITLE: Words = Words { zh: "计时", en: "Mark" };
    const ABOUT: Words = Words { zh: "报告开始的时刻。", en: "Says when it began." };
}

impl Job<World> for Mark {
    type Output = ();

    async fn run(self, world: World, _: Run) -> Result<(), Failure> {
        let _ = world.begun.send(Instant::now());
        Ok(())
    }
}

/// Counts ends that are written.
pub struct Written {
    count: AtomicU64,
    wanted: u64,
    all: watch::Sender<Option<Instant>>,
}

impl Written {
    /// Says in the channel when the `wanted`-th end was written.
    pub fn new(wanted: u64) -> (Arc<Self>, watch::Receiver<Option<Instant>>) {
        let (all, when) = watch::channel(None);
        (Arc::new(Self { count: AtomicU64::new(0), wanted, all }), when)
    }
}

impl Observer for Written {
    fn finished(&self, _: &str, _: State, _: Duration, _: Duration) {
        if self.count.fetch_add(1, Ordering::Relaxed) + 1 == self.wanted {
            let _ = self.all.send(Some(Instant::now()));
        }
    }
}

/// The measured kinds have no secrets.
pub struct NoSecrets;

impl Vault for NoSecrets {
    fn seal(&self, _: &[u8], purpose: &str) -> base::Result<String> {
        Err(base::Error::internal(format!("nothing is secret in {purpose}")))
    }
    fn open(&self, _: &str, purpose: &str) -> base::Result<Vec<u8>> {
        Err(base::Error::internal(format!("nothing is secret in {purpose}")))
    }
    fn is_stale(&self, _: &str) -> bool {
        false
    }
}
