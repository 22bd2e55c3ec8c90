//! Writing what happened: attempts that ended, in groups, and what running jobs say.

use std::{collections::HashSet, sync::Arc, time::Duration};

use ::store::{Dialect, Mode};
use chrono::{DateTime, Utc};
use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, MissedTickBehavior, interval, sleep},
};

use super::{Result, Shared, until_true};
use crate::{
    engine::{Notice, retrying},
    run::Word,
    store::{self, Counted, Ended, Line, Progress, Tally, Words},
};

/// Attempts in one write.
const GROUP: usize = 500;
/// Writes at once, where there is more than one writer: while one waits for the disk or the network, the
/// next is on its way.
const WRITES: usize = 3;
/// How often words are written.
const WORDS: Duration = Duration::from_millis(400);
/// In how many of these rounds the counts are written once.
const COUNTS: u32 = 5;

pub(super) async fn run<C>(
    shared: &Arc<Shared<C>>,
    ended: mpsc::UnboundedReceiver<Result>,
    said: mpsc::UnboundedReceiver<Word>,
    last: watch::Receiver<bool>,
) {
    let (counts, counted) = mpsc::unbounded_channel();
    tokio::join!(ends(shared, ended, counts, last), rest(shared, said, counted));
}

/// Writes how attempts ended, until `last` is given and none is left.
async fn ends<C>(
    shared: &Arc<Shared<C>>,
    mut ended: mpsc::UnboundedReceiver<Result>,
    counts: mpsc::UnboundedSender<Written>,
    mut last: watch::Receiver<bool>,
) {
    let most = if shared.engine.store().dialect() == Dialect::Sqlite { 1 } else { WRITES };
    let mut group = Vec::with_capacity(GROUP);
    let mut writing = FuturesUnordered::new();
    let mut ending = false;
    while !(ending && ended.is_empty() && group.is_empty() && writing.is_empty()) {
        // The first goes at once; beside it only whole groups do, so that groups stay large.
        if !group.is_empty() && (writing.is_empty() || group.len() == GROUP && writing.len() < most) {
            writing.push(write(shared, std::mem::replace(&mut group, Vec::with_capacity(GROUP))));
        }
        let room = GROUP - group.len();
        tokio::select! {
            Some(written) = writing.next() => {
                note(shared, &written);
                let _ = counts.send(written);
            }
            _ = ended.recv_many(&mut group, room), if room > 0 => {}
            () = until_true(&mut last), if !ending => ending = true,
        }
    }
}

/// Writes what jobs say, and the counts of what has ended, until there are no more ends.
async fn rest<C>(
    shared: &Arc<Shared<C>>,
    mut said: mpsc::UnboundedReceiver<Word>,
    mut counted: mpsc::UnboundedReceiver<Written>,
) {
    let mut tally = Tally::default();
    let mut words = Words::default();
    let mut turns = interval(WORDS);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut round = 0;
    loop {
        tokio::select! {
            biased;
            _ = turns.tick() => {
                gather(&mut said, &mut words);
                speak(shared, &mut words).await;
                round += 1;
                if round % COUNTS == 0 {
                    count(shared, &mut tally).await;
                }
            }
            written = counted.recv() => match written {
                Some(written) => written.add_to(&mut tally),
                None => break,
            },
        }
    }
    gather(&mut said, &mut words);
    speak(shared, &mut words).await;
    count(shared, &mut tally).await;
}

/// Ends that are written, or could not be; what statistics want of those that are.
struct Written {
    at: Option<DateTime<Utc>>,
    results: Vec<Result>,
}

impl Written {
    fn add_to(&self, tally: &mut Tally) {
        let Some(at) = self.at else { return };
        let milliseconds = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        for one in &self.results {
            let counted = Counted {
                org: one.ended.org,
                queue: &one.queue,
                kind: &one.kind,
                outcome: one.outcome,
                wait_ms: milliseconds(one.wait),
                run_ms: milliseconds(one.run),
            };
            tally.add(at, &counted);
        }
    }
}

/// Writes a group; tries again while any of its leases may still hold.
async fn write<C>(shared: &Arc<Shared<C>>, results: Vec<Result>) -> Written {
    let engine = &shared.engine;
    let until = {
        let held = shared.held();
        let deadline =
            |one: &Result| held.get(&(one.ended.org, one.ended.id)).map(|holding| holding.deadline);
        results.iter().filter_map(deadline).max().unwrap_or_else(Instant::now)
    };
    let ended: Vec<&Ended> = results.iter().map(|one| &one.ended).collect();
    let mut pause = Duration::from_millis(100);
    let at = loop {
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
                break Some(now);
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
                break None;
            }
        }
    };
    Written { at, results }
}

/// Tells whoever waits for what was written, and lets go of it.
fn note<C>(shared: &Arc<Shared<C>>, written: &Written) {
    let mut rooms = HashSet::new();
    let mut wake = false;
    let mut held = shared.held();
    for Result { ended, kind, outcome, wait, run, .. } in &written.results {
        if held.get(&(ended.org, ended.id)).is_some_and(|holding| holding.fence == ended.fence) {
            held.remove(&(ended.org, ended.id));
        }
        if written.at.is_none() {
            continue;
        }
        if let Some(observer) = &shared.observer {
            observer.finished(kind, *outcome, *wait, *run);
        }
        if ended.lane {
            rooms.insert(kind.as_str());
        }
        wake |= ended.in_flow;
    }
    drop(held);
    rooms.into_iter().for_each(|kind| drop(shared.room.send(kind.to_owned())));
    if wake {
        shared.engine.wake(Notice::Ready);
    }
    // Claiming pauses when too many ends wait to be written.
    shared.freed.send_modify(|count| *count = count.wrapping_add(1));
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
