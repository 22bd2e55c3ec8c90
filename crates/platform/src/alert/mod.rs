//! Alerts: when something about jobs is wrong, somebody is told by mail or webhook.

pub mod dto;

use base::{Error, Result};
use jobs::store::entity::alert::{ActiveModel, Column, Entity};
use kernel::{Change, Cx, Draft, Meta, Resource, Sample, Spec, resource::apply};
use outbound::{GuardedClient, Purpose};
use sea_orm::{ActiveValue, ActiveValue::Set};
use serde_json::json;

use self::dto::{Channel, Create, Patch, View};

/// An alert.
pub struct Alert;

impl Resource for Alert {
    type Entity = Entity;
    type Create = Create;
    type Patch = Patch;
    type View = View;

    const META: Meta =
        Meta {
            module: "jobs", name: "job_alert", plural: "job-alerts", zh: "任务告警", en: "Job alerts"
        };

    fn spec() -> Spec {
        use Column as C;
        Spec::of::<Entity>(C::Name)
            .search([C::Name, C::Target])
            .filter([C::Name, C::Metric, C::Channel, C::Enabled, C::LastFiredAt])
            .sort([C::Name, C::Metric, C::LastFiredAt, C::CreatedAt])
            .order([(C::Name, false)])
            .unique([C::Name])
            .owner(C::CreatedBy)
    }

    fn samples() -> Vec<Sample> {
        vec![Sample {
            create: json!({
                "name": "Jobs are late {n}", "metric": "oldest_ready_seconds", "threshold": 300,
                "channel": "mail", "target": "ops@example.com",
            }),
            patch: json!({ "threshold": 600, "quiet_minutes": 30, "enabled": false }),
        }]
    }

    fn create(input: &Create) -> ActiveModel {
        ActiveModel {
            name: Set(input.name.clone()),
            metric: Set(input.metric.as_str().to_owned()),
            threshold: Set(input.threshold),
            channel: Set(input.channel.as_str().to_owned()),
            target: Set(input.target.clone()),
            enabled: Set(input.enabled),
            quiet_minutes: Set(input.quiet_minutes),
            last_fired_at: Set(None),
            last_value: Set(None),
            ..Default::default()
        }
    }

    fn patch(input: &Patch, draft: &mut Draft<Self>) {
        apply(&input.name, &mut draft.name);
        apply(&input.metric.map(|metric| metric.as_str().to_owned()), &mut draft.metric);
        apply(&input.threshold, &mut draft.threshold);
        apply(&input.channel.map(|channel| channel.as_str().to_owned()), &mut draft.channel);
        apply(&input.target, &mut draft.target);
        apply(&input.enabled, &mut draft.enabled);
        apply(&input.quiet_minutes, &mut draft.quiet_minutes);
    }

    async fn before_save(cx: &Cx, change: &mut Change<Self>) -> Result<()> {
        let old = change.old.as_ref();
        let text = |draft: &ActiveValue<String>, before: Option<&String>| match draft {
            ActiveValue::Set(value) | ActiveValue::Unchanged(value) => value.clone(),
            ActiveValue::NotSet => before.cloned().unwrap_or_default(),
        };
        let channel = text(&change.draft.channel, old.map(|row| &row.channel));
        let target = text(&change.draft.target, old.map(|row| &row.target));
        if channel == Channel::Webhook.as_str() {
            let checked = cx.app.service::<GuardedClient>()?.policy().check_url(Purpose::Webhook, &target);
            checked.map_err(|error| {
                Error::field("target", error.code().to_owned(), error.detail().to_owned())
            })?;
        } else if !validator::ValidateEmail::validate_email(&target) {
            return Err(Error::field("target", "invalid_email", "must be an e-mail address"));
        }
        Ok(())
    }
}
