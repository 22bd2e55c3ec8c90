//! Writing what happened: attempts that ended, in groups, and what running jobs say.

use std::{collections::HashSet, sync::Arc, time::Duration};

use ::store::Mode;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, MissedTickBehavior, interval, sleep},
};

use super::{Result, Shared, until_true};
use crate::{
    State,
    engine::{Notice, retrying},
    run::Word,
    store::{self, Counted, Ended, Line, Progress, Tally, Words},
};

/// Attempts in one write.
const GROUP: usize = 500;
/// How often words are written.
const WORDS: Duration = Duration::from_millis(400);
/// In how many of these rounds the counts are written once.
const COUNTS: u32 = 5;

pub(super) async fn run<C>(
    shared: &Arc<Shared<C>>,
    mut ended: mpsc::UnboundedReceiver<Result>,
    mut said: mpsc::UnboundedReceiver<Word>,
    mut last: watch::Receiver<bool>,
) {
    let mut group = Vec::with_capacity(GROUP);
    let mut tally = Tally::default();
    let mut words = Words::default();
    let mut turns = interval(WORDS);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut round = 0;
    let mut ending = false;
    while !(ending && ended.is_empty()) {
        tokio::select! {
            biased;
            count = ended.recv_many(&mut group, GROUP) => {
                if count == 0 {
                    break;
                }
                write(shared, std::mem::take(&mut group), &mut tally).await;
            }
            () = until_true(&mut last), if !ending => ending = true,
            _ = turns.tick() => {
                gather(&mut said, &mut words);
                speak(shared, &mut words).await;
                round += 1;
                if round % COUNTS == 0 {
                    count(shared, &mut tally).await;
                }
            }
        }
    }
    gather(&mut said, &mut words);
    speak(shared, &mut words).await;
    count(shared, &mut tally).await;
}

/// Writes a group; tries again while any of its leases may still hold.
async fn write<C>(shared: &Arc<Shared<C>>, results: Vec<Result>, tally: &mut Tally) {
    let engine = &shared.engine;
    let until = {
        let held = shared.held();
        let deadline =
            |one: &Result| held.get(&(one.ended.org, one.ended.id)).map(|holding| holding.deadline);
        results.iter().filter_map(deadline).max().unwrap_or_else(Instant::now)
    };
    let (stats, ended): (Vec<_>, Vec<Ended>) = results
        .into_iter()
        .map(|one| ((one.queue, one.kind, one.outcome, one.wait, one.run), one.ended))
        .unzip();
    let mut pause = Duration::from_millis(100);
    loop {
        let written = retrying(|| async {
            let (tx, now) = engine.system(Mode::Write).await?;
            let written = store::acknowledge(&tx, now, &ended, || engine.new_id()).await?;
            tx.commit().await?;
            Ok((written, now))
        });
        match written.await {
            Ok((written, now)) => {
                let lost = ended.len() - usize::try_from(written).unwrap_or_default().min(ended.len());
                if lost > 0 {
                    tracing::warn!(lost, "some attempts had lost their lease; their ends were not written");
                }
                note(shared, &stats, &ended, now, tally);
                break;
            }
            Err(error) if Instant::now() < until => {
                tracing::warn!(?error, "ends of jobs cannot be written; trying again");
                sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(2));
            }
            Err(error) => {
                tracing::error!(
                    ?error,
                    jobs = ended.len(),
                    "ends of jobs were not written before their leases ended; they run again"
                );
                break;
            }
        }
    }
    let mut held = shared.held();
    for one in &ended {
        if held.get(&(one.org, one.id)).is_some_and(|holding| holding.fence == one.fence) {
            held.remove(&(one.org, one.id));
        }
    }
    drop(held);
    // Claiming pauses when too many ends wait to be written.
    shared.freed.send_modify(|count| *count = count.wrapping_add(1));
}

type Stat = (String, String, State, Duration, Duration);

fn note<C>(
    shared: &Arc<Shared<C>>,
    stats: &[Stat],
    ended: &[Ended],
    now: chrono::DateTime<chrono::Utc>,
    tally: &mut Tally,
) {
    let mut rooms = HashSet::new();
    let milliseconds = |time: &Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let mut wake = false;
    for ((queue, kind, outcome, wait, run), one) in stats.iter().zip(ended) {
        let counted = Counted {
            org: one.org,
            queue,
            kind,
            outcome: *outcome,
            wait_ms: milliseconds(wait),
            run_ms: milliseconds(run),
        };
        tally.add(now, &counted);
        if let Some(observer) = &shared.observer {
            observer.finished(kind, *outcome, *wait, *run);
        }
        if one.lane {
            rooms.insert(kind.as_str());
        }
        wake |= one.in_flow;
    }
    rooms.into_iter().for_each(|kind| drop(shared.room.send(kind.to_owned())));
    if wake {
        shared.engine.wake(Notice::Ready);
    }
}

fn gather(said: &mut mpsc::UnboundedReceiver<Word>, words: &mut Words) {
    while let Ok(word) = said.try_recv() {
        match word {
            Word::Progress { job, fence, done, total, note } => {
                words.progress.insert((job.0, job.1, fence), Progress { done, total, note });
            }
            Word::Line { job, seq, level, line } => {
                let at = base::Clock::now(&base::SystemClock);
                let level = level.as_str();
                words.lines.push(Line { org: job.0, job: job.1, seq, at, level, text: line });
            }
        }
    }
}

async fn speak<C>(shared: &Arc<Shared<C>>, words: &mut Words) {
    if words.progress.is_empty() && words.lines.is_empty() {
        return;
    }
    let engine = &shared.engine;
    let written = async {
        let (tx, _) = engine.system(Mode::Write).await?;
        store::write_words(&tx, words, || engine.new_id()).await?;
        tx.commit().await
    };
    match written.await {
        Ok(()) => *words = Words::default(),
        Err(error) => {
            tracing::warn!(?error, "what jobs said cannot be written; trying again");
            // A database that is away for long must not fill the memory.
            words.lines.truncate(10_000);
        }
    }
}

async fn count<C>(shared: &Arc<Shared<C>>, tally: &mut Tally) {
    if tally.is_empty() {
        return;
    }
    let engine = &shared.engine;
    let written = retrying(|| async {
        let (tx, _) = engine.system(Mode::Write).await?;
        tally.write(&tx, || engine.new_id()).await?;
        tx.commit().await
    });
    match written.await {
        Ok(()) => *tally = Tally::default(),
        Err(error) => tracing::debug!(?error, "counts cannot be written; trying again"),
    }
}
