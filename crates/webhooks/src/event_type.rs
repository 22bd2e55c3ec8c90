//! What can be told: `/api/webhook-event-types/`.

use base::Result;
use kernel::{Api, Cx, Json, port::EventType};
use schemars::JsonSchema;
use serde::Serialize;

use crate::service::Webhooks;

/// A message that somebody asks for, to see whether the receiver answers.
pub const PING: EventType = EventType {
    name: "ping",
    title: ("测试消息", "Ping"),
    about: ("有人在控制台请求的测试消息。", "Somebody asked for a message to try the receiver out."),
};

/// Routes.
pub fn mount(api: &mut Api) {
    api.guarded("webhooks", "endpoint")
        .get("event_types", "/api/webhook-event-types", "Types of events that can be told", list)
        .needs("webhooks:endpoint:list");
}

/// A text in both languages.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookWords")]
pub struct Words {
    /// Chinese.
    zh: &'static str,
    /// English.
    en: &'static str,
}

/// A type of event.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookEventType")]
pub struct View {
    /// Stable name.
    name: &'static str,
    /// What people call it.
    title: Words,
    /// When it happens.
    about: Words,
}

/// All of them.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookEventTypeList")]
pub struct List {
    /// By name.
    items: Vec<View>,
}

async fn list(cx: &Cx) -> Result<Json<List>> {
    let words = |(zh, en)| Words { zh, en };
    let types = Webhooks::of(&cx.app)?.types();
    let view = |one: &EventType| View { name: one.name, title: words(one.title), about: words(one.about) };
    Ok(Json(List { items: types.iter().map(view).collect() }))
}
