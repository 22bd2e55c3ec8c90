//! The state machine against a model: random steps of two workers and of people, compared after each.
//!
//! Time is the manual clock's and moves in ticks of 1,000 s. What lasts n ticks lasts 500 s less, so that the
//! seconds that a case really takes never decide anything.

mod case;

use std::time::Duration;

use jobs::{Arguments, Backoff, Failure, Job, Policy, Registry, Run, Words};
use proptest::{
    collection::vec,
    option, prop_oneof,
    strategy::{Just, Strategy},
    test_runner::{Config, TestRunner},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::Dialect;

use self::case::Case;
use crate::support::{Bench, NO_WORDS, World, dialect, env};

const TICK: i64 = 1_000;
/// Ticks for which a claim or a renewal holds.
const LEASE: i64 = 2;
/// Ticks for which a key with a period is taken.
const PERIOD: i64 = 3;

fn lasting(ticks: i64) -> Duration {
    Duration::from_secs(u64::try_from((ticks * TICK - TICK / 2).max(0)).unwrap())
}

/// Never really runs: the test says how its attempts end.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Modelled {}

impl Arguments for Modelled {
    const KIND: &'static str = "test.modelled";
    const TITLE: Words = NO_WORDS;
    const ABOUT: Words = NO_WORDS;

    fn policy() -> Policy {
        Policy { backoff: Backoff::fixed(lasting(1)), ..Policy::default() }
    }
}

impl Job<World> for Modelled {
    type Output = ();

    async fn run(self, _: World, _: Run) -> Result<(), Failure> {
        Ok(())
    }
}

#[derive(Clone, Copy, Debug)]
enum End {
    Succeed,
    Fail,
    Fatal,
    Snooze(i64),
    HandBack,
    Cancelled,
    Lost,
}

/// Indices count modulo what there is.
#[derive(Clone, Debug)]
enum Step {
    Enqueue { org: usize, delay: i64, priority: i32, unique: Option<u8>, period: bool, attempts: u32 },
    Claim { hand: usize, slots: usize },
    Renew { lease: usize },
    Ask { lease: usize },
    Finish { lease: usize, end: End },
    Crash { hand: usize },
    Pass { ticks: i64 },
    Rescue,
    Promote,
    Retry { job: usize },
    Cancel { job: usize },
    Delete { job: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let end = prop_oneof![
        3 => Just(End::Succeed),
        4 => Just(End::Fail),
        1 => Just(End::Fatal),
        2 => (0..2i64).prop_map(End::Snooze),
        2 => Just(End::HandBack),
        1 => Just(End::Cancelled),
        1 => Just(End::Lost),
    ];
    let new = (0..2usize, 0..3i64, -1..2i32, option::of(0..2u8), proptest::bool::ANY, 1..4u32);
    prop_oneof![
        5 => new.prop_map(|(org, delay, priority, unique, period, attempts)| Step::Enqueue {
            org, delay, priority, unique, period, attempts,
        }),
        6 => (0..2usize, 1..5usize).prop_map(|(hand, slots)| Step::Claim { hand, slots }),
        2 => (0..64usize).prop_map(|lease| Step::Renew { lease }),
        1 => (0..64usize).prop_map(|lease| Step::Ask { lease }),
        6 => (0..64usize, end).prop_map(|(lease, end)| Step::Finish { lease, end }),
        1 => (0..2usize).prop_map(|hand| Step::Crash { hand }),
        3 => (1..4i64).prop_map(|ticks| Step::Pass { ticks }),
        2 => Just(Step::Rescue),
        3 => Just(Step::Promote),
        2 => (0..64usize).prop_map(|job| Step::Retry { job }),
        2 => (0..64usize).prop_map(|job| Step::Cancel { job }),
        1 => (0..64usize).prop_map(|job| Step::Delete { job }),
    ]
}

#[test]
fn whatever_happens_in_whatever_order_every_job_is_where_the_model_says() {
    let cases = match (env("TENON_MODEL_CASES"), dialect()) {
        (Some(cases), _) => cases.parse().unwrap(),
        (None, Dialect::Sqlite) => 250,
        (None, _) => 60,
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let bench = runtime.block_on(Bench::with(Registry::default().with::<Modelled>()));
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 300, ..Config::default() };
    let outcome = TestRunner::new(config).run(&vec(step(), 10..50), |steps| {
        runtime.block_on(async {
            let mut case = Case::begin(&bench).await;
            for step in &steps {
                case.take(step).await;
                case.compare(step).await;
            }
            case.end().await;
        });
        Ok(())
    });
    // The database goes away within the runtime.
    let _inside = runtime.enter();
    drop(bench);
    outcome.unwrap();
}
