//! One job from near: its attempts, its lines, its files, and all of that as it happens.

use std::time::Duration;

use base::{Error, Id, Result};
use bytes::Bytes;
use futures_util::stream;
use jobs::{
    Engine, State,
    store::entity::{attempt, file, log},
};
use kernel::{
    Cx, Json, Model,
    api::{Events, File},
    resource::require_record,
};
use schemars::JsonSchema;
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use store::Mode;

use super::{
    Job, NAME,
    dto::{All, Attempt, Detail, Line},
    files_of, load,
};
use crate::transfer::{self, own};

/// Lines in one answer.
const LINES: u64 = 1_000;
/// How often a stream looks for news.
const LOOK: Duration = Duration::from_millis(500);
/// A stream ends after this long and is asked for again, so that a server that stops waits for nobody.
const LIFE: Duration = Duration::from_secs(10);

pub(super) async fn attempts(cx: &Cx) -> Result<Json<All<Attempt>>> {
    let id = cx.id("id")?;
    require_record(cx, NAME, "read", id).await?;
    let tx = cx.tx()?;
    let of = tx.find::<attempt::Entity>().filter(attempt::Column::JobId.eq(id));
    let rows = tx.all(of.order_by_asc(attempt::Column::Fence)).await?;
    Ok(Json(All { items: rows.into_iter().map(Attempt::from).collect() }))
}

/// From where lines are wanted.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct After {
    /// Lines after this one.
    #[serde(default)]
    pub after: Option<i64>,
}

async fn lines_after(cx: &Cx, id: Id, after: i64) -> Result<Vec<Line>> {
    let tx = cx.tx()?;
    let of = tx.find::<log::Entity>().filter(log::Column::JobId.eq(id)).filter(log::Column::Seq.gt(after));
    let rows = tx.all(of.order_by_asc(log::Column::Seq).limit(LINES)).await?;
    Ok(rows.into_iter().map(Line::from).collect())
}

pub(super) async fn logs(cx: &Cx) -> Result<Json<All<Line>>> {
    let id = cx.id("id")?;
    let After { after } = cx.query()?;
    require_record(cx, NAME, "read", id).await?;
    Ok(Json(All { items: lines_after(cx, id, after.unwrap_or(-1)).await? }))
}

/// How somebody comes to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// With a permission for jobs.
    Jobs,
    /// As whoever asked for that export or import.
    Own,
}

impl Door {
    /// The job, where the caller may see it; 404 otherwise.
    async fn open(self, cx: &Cx, id: Id) -> Result<Model<Job>> {
        match self {
            Self::Jobs => {
                require_record(cx, NAME, "read", id).await?;
                load(cx, id).await
            }
            Self::Own => own::find(cx, id).await,
        }
    }
}

struct Watch {
    cx: Cx,
    door: Door,
    id: Id,
    shown: String,
    seq: i64,
    until: tokio::time::Instant,
    ended: bool,
}

pub(super) async fn events(cx: &Cx) -> Result<Events> {
    watch(cx, Door::Jobs).await
}

/// The job of the path as it changes.
pub(crate) async fn watch(cx: &Cx, door: Door) -> Result<Events> {
    let id = cx.id("id")?;
    let mut first = cx.again(Mode::Read).await?;
    door.open(&first, id).await?;
    first.commit().await?;
    let until = tokio::time::Instant::now() + LIFE;
    let watch = Watch { cx: first, door, id, shown: String::new(), seq: -1, until, ended: false };
    let news = stream::unfold(watch, |mut watch| async move {
        loop {
            if watch.ended || tokio::time::Instant::now() >= watch.until {
                return None;
            }
            // Somebody who may no longer see it, or a database that is away: the stream ends, and the next one is refused.
            let news = watch.look().await.ok()?;
            if !news.is_empty() {
                return Some((Ok::<_, std::io::Error>(Bytes::from(news)), watch));
            }
            tokio::time::sleep(LOOK).await;
        }
    });
    Ok(Events::of(news))
}

impl Watch {
    /// What is new since the last look, verified anew each time.
    async fn look(&mut self) -> Result<String> {
        let mut cx = self.cx.again(Mode::Read).await?;
        let row = self.door.open(&cx, self.id).await?;
        let lines = lines_after(&cx, self.id, self.seq).await?;
        let files = files_of(&cx, &row).await?;
        cx.commit().await?;
        let mut out = String::new();
        if let Some(last) = lines.last() {
            self.seq = last.seq;
        }
        for line in &lines {
            out += &event("log", line)?;
        }
        let over = State::parse(&row.state).is_some_and(State::is_final);
        let mut detail = Detail::from(row);
        detail.view.files = files;
        let shown = event("job", &detail)?;
        if shown != self.shown {
            out += &shown;
            self.shown = shown;
        }
        if over {
            out += "event: end\ndata: {}\n\n";
            self.ended = true;
        }
        Ok(out)
    }
}

fn event(name: &str, data: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string(data).map_err(Error::internal)?;
    Ok(format!("event: {name}\ndata: {text}\n\n"))
}

pub(super) async fn download(cx: &Cx) -> Result<File> {
    fetch(cx, Door::Jobs).await
}

/// The file of the path.
pub(crate) async fn fetch(cx: &Cx, door: Door) -> Result<File> {
    let (id, file_id) = (cx.id("id")?, cx.id("file_id")?);
    let mut first = cx.again(Mode::Read).await?;
    let row = door.open(&first, id).await?;
    if transfer::is_one(&row.kind) {
        // A file is as good as the records in it: whoever may see the job need not be allowed to.
        own::find(&first, id).await?;
    }
    let tx = first.tx()?;
    let sought = tx
        .find::<file::Entity>()
        .filter(file::Column::Id.eq(file_id))
        .filter(file::Column::JobId.eq(id))
        .filter(file::Column::IsInput.eq(false));
    let found = tx.one(sought).await?.ok_or_else(Error::missing)?;
    first.commit().await?;
    let (org, again) = (row.org_id, first);
    let pieces = stream::try_unfold((again, 0), move |(cx, seq)| async move {
        let mut next = cx.again(Mode::Read).await.map_err(std::io::Error::other)?;
        let engine = next.app.service::<Engine>().map_err(std::io::Error::other)?.clone();
        let tx = next.tx().map_err(std::io::Error::other)?;
        let piece = engine.read_piece(tx, org, file_id, seq).await.map_err(std::io::Error::other)?;
        next.commit().await.map_err(std::io::Error::other)?;
        Ok::<_, std::io::Error>(piece.map(|piece| (Bytes::from(piece), (next, seq + 1))))
    });
    let content_type = if found.content_type.starts_with("text/csv") {
        "text/csv; charset=utf-8"
    } else if found.name.ends_with(".xlsx") {
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    } else {
        "application/octet-stream"
    };
    Ok(File::streamed(found.name, content_type, pieces))
}
