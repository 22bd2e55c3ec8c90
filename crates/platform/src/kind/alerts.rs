//! Looking whether somebody has to be told: once a minute, over every organisation.

use std::sync::Arc;

use base::{Id, Result};
use chrono::{DateTime, TimeDelta, Utc};
use jobs::{
    Arguments, Engine, Failure, Job, NewJob, Policy, Run, State, Words,
    store::entity::{alert, schedule},
};
use kernel::{
    App,
    port::{Notice, NoticeText, Postman},
};
use schemars::JsonSchema;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Mode, Opening, Role, Tx};

use super::http_call::{HttpCall, Verb};
use crate::alert::dto::{Channel, Metric};

/// Checks every alert.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckAlerts {}

impl Arguments for CheckAlerts {
    const KIND: &'static str = "jobs.check_alerts";
    const TITLE: Words = Words { zh: "检查任务告警", en: "Check job alerts" };
    const ABOUT: Words = Words {
        zh: "检查各组织的任务告警，需要时发邮件或调用 Webhook。",
        en: "Looks at every organisation's job alerts and tells whom they name.",
    };

    fn policy() -> Policy {
        Policy {
            queue: "maintenance",
            max_attempts: 1,
            keep: std::time::Duration::from_hours(24),
            ..Policy::default()
        }
    }
}

impl Job<App> for CheckAlerts {
    type Output = usize;

    async fn run(self, app: App, _: Run) -> Result<usize, Failure> {
        let tx = app.system(Mode::Read).await?;
        let watching = tx.find::<alert::Entity>().filter(alert::Column::Enabled.eq(true));
        let alerts = tx.all(watching).await?;
        tx.commit().await?;
        let mut fired = 0;
        for row in alerts {
            fired += usize::from(check(&app, &row).await?);
        }
        Ok(fired)
    }
}

/// Checks one alert in a unit of work of its organisation; whether it told somebody.
async fn check(app: &App, row: &alert::Model) -> Result<bool> {
    let engine = app.service::<Engine>()?;
    let tx = app.store().begin(Mode::Write, Opening::new(Role::System, Some(row.org_id))).await?;
    let now = engine.now(&tx).await?;
    let value = measure(app, &tx, now, row).await?;
    let quiet = TimeDelta::minutes(row.quiet_minutes.into());
    let rested = row.last_fired_at.is_none_or(|at| at + quiet <= now);
    let fires = value >= row.threshold && rested;
    let mut seen = alert::ActiveModel { last_value: Set(Some(value)), ..Default::default() };
    if fires {
        tell(app, &tx, now, row, value).await?;
        seen.last_fired_at = Set(Some(now));
    }
    tx.update_where(seen, Condition::all().add(alert::Column::Id.eq(row.id))).await?;
    tx.commit().await?;
    Ok(fires)
}

async fn measure(app: &App, tx: &Tx, now: DateTime<Utc>, row: &alert::Model) -> Result<i64> {
    let engine = app.service::<Engine>()?;
    let org: Id = row.org_id;
    match Metric::parse(&row.metric) {
        Some(Metric::OldestReadySeconds) => {
            let depths = engine.depths(tx, Some(org)).await?;
            let oldest =
                depths.iter().filter(|depth| depth.state == State::Ready).filter_map(|depth| depth.oldest);
            Ok(oldest.min().map_or(0, |at| (now - at).num_seconds().max(0)))
        }
        Some(Metric::DeadCount) => {
            let depths = engine.depths(tx, Some(org)).await?;
            Ok(depths.iter().filter(|depth| depth.state == State::Dead).map(|depth| depth.count).sum())
        }
        Some(Metric::MissedTicks) => {
            let schedules = tx.all(tx.find::<schedule::Entity>()).await?;
            Ok(schedules.iter().map(|schedule| schedule.missed).sum())
        }
        Some(Metric::IdsLow) => {
            let keys = crate::ids::Ids::of(app)?.engine().alarms(crate::ids::LOW_DAYS).await?;
            Ok(i64::try_from(keys.iter().filter(|one| one.key.org == org).count()).unwrap_or(i64::MAX))
        }
        None => Ok(0),
    }
}

async fn tell(app: &App, tx: &Tx, now: DateTime<Utc>, row: &alert::Model, value: i64) -> Result<()> {
    match Channel::parse(&row.channel) {
        Some(Channel::Webhook) => {
            let body = json!({
                "alert": row.name, "metric": row.metric, "value": value, "threshold": row.threshold,
                "organization": row.org_id, "at": base::time::format(now),
            });
            let call = HttpCall {
                url: row.target.clone(),
                method: Verb::Post,
                headers: None,
                body: Some(body),
                timeout_seconds: 15,
            };
            let job = NewJob::of(row.org_id, &call)?.tag("alert");
            app.service::<Engine>()?.enqueue(tx, job).await.map(drop)
        }
        _ => {
            let (name, threshold) = (&row.name, row.threshold);
            let (zh, en) = match Metric::parse(&row.metric) {
                Some(Metric::OldestReadySeconds) | None => (
                    format!("最久的任务已等待 {value} 秒"),
                    format!("the oldest job has been waiting for {value} s"),
                ),
                Some(Metric::DeadCount) => {
                    (format!("有 {value} 个任务已失败终止"), format!("{value} jobs are dead"))
                }
                Some(Metric::IdsLow) => (
                    format!("有 {value} 个号段即将用尽、已用尽或被隔离"),
                    format!("{value} keys of ids run low, are exhausted or are in quarantine"),
                ),
                Some(Metric::MissedTicks) => {
                    (format!("定时计划共错过 {value} 次"), format!("schedules have missed {value} times"))
                }
            };
            let page = if row.metric == Metric::IdsLow.as_str() { "ids/keys?state=low" } else { "jobs" };
            let notice = Notice {
                zh: NoticeText {
                    subject: format!("任务告警：{name}"),
                    lines: vec![
                        format!("{zh}，阈值为 {threshold}。"),
                        format!("{} 分钟内不会重复提醒。", row.quiet_minutes),
                    ],
                },
                en: NoticeText {
                    subject: format!("Job alert: {name}"),
                    lines: vec![
                        format!("Now {en}; the threshold is {threshold}."),
                        format!("You will not hear of it again within {} minutes.", row.quiet_minutes),
                    ],
                },
                link: Some(format!("{}/{page}", app.settings().base_url.trim_end_matches('/'))),
                locale: None,
            };
            app.service::<Arc<dyn Postman>>()?.notify(app, tx, &row.target, notice).await
        }
    }
}
