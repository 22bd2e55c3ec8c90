//! Keys: their routes.

mod act;
pub mod dto;
mod look;
mod seen;

use base::{Error, Id, Result};
use idgen::{Key, KeyName, store::entity::key};
use kernel::{Api, Cx};
use serde_json::json;

use self::look::{JournalQuery, ListQuery, OwnerQuery, UsageQuery};
use super::service::reading;

/// What the audit trail calls it.
pub const NAME: &str = "ids.key";
const PATH: &str = "/api/id-keys";

/// Routes. The engine has its own units of work, so that none of them works in the caller's.
pub fn mount(api: &mut Api) {
    let mut own = api.guarded("ids", "key");
    own.get("list", PATH, "Keys, how far they are used and how long they last", look::list)
        .query::<ListQuery>()
        .detached();
    own.post("create", PATH, "Make a key", act::create)
        .detached()
        .problems(&[409])
        .example(json!({ "name": "shop:orders:invoice:id", "in_use": "1500", "id_type": "i32" }));
    own.get("read", "/api/id-keys/{id}", "A key", look::read).detached();
    own.patch("update", "/api/id-keys/{id}", "Change how a key works", act::update)
        .detached()
        .example(json!({ "mode": "strict", "sync": true }));
    own.get("journal", "/api/id-keys/{id}/journal", "Who got which ids", look::journal)
        .needs("ids:key:read")
        .query::<JournalQuery>()
        .detached();
    own.get("spans", "/api/id-keys/{id}/spans", "Ids of which no line speaks", look::spans)
        .needs("ids:key:read")
        .detached();
    own.get("owner", "/api/id-keys/{id}/owner", "Who got this id", look::owner)
        .needs("ids:key:read")
        .query::<OwnerQuery>()
        .detached();
    own.get("usage", "/api/id-keys/{id}/usage", "How much of a key was used, when and by whom", look::usage)
        .needs("ids:key:read")
        .query::<UsageQuery>()
        .detached();
    own.post("raise", "/api/id-keys/{id}/raise", "Issue no id up to this one any more", act::raise)
        .needs("ids:key:update")
        .detached()
        .example(json!({ "to": "5000" }));
    own.post("rename", "/api/id-keys/{id}/rename", "Give a key another name, with its counter", act::rename)
        .needs("ids:key:update")
        .detached()
        .example(json!({ "name": "shop:orders:invoice:id" }));
    own.post("return", "/api/id-keys/{id}/return", "Hand the newest range back unused", act::give_back)
        .needs("ids:key:update")
        .detached()
        .example(json!({ "start": "1", "end": "10" }));
    own.act("revive", "/api/id-keys/{id}/revive", "Take a key up again that was given up", act::revive)
        .needs("ids:key:update")
        .detached();
    own.post(
        "quarantine",
        "/api/id-keys/{id}/quarantine",
        "Stop a key until it is released",
        act::quarantine,
    )
    .needs("ids:key:operate")
    .detached()
    .example(json!({ "reason": "the table was restored from a backup" }));
    own.post("release", "/api/id-keys/{id}/release", "Let a key go on above an id", act::release)
        .needs("ids:key:operate")
        .detached()
        .example(json!({ "at_least": "5000" }));
    own.act("check", "/api/id-keys/{id}/check", "Whether two lines claim the same ids", act::check)
        .needs("ids:key:operate")
        .detached();
    own.act("retire", "/api/id-keys/{id}/retire", "Give a key up; its name stays taken", act::retire)
        .needs("ids:key:delete")
        .detached();
}

/// The key of the path.
async fn load(cx: &Cx) -> Result<Key> {
    find(cx, cx.id("id")?).await
}

async fn find(cx: &Cx, id: Id) -> Result<Key> {
    let tx = reading(cx).await?;
    let row = tx.get::<key::Entity>(id).await?;
    tx.commit().await?;
    Key::of(row)
}

/// A key's name from what was sent.
fn name_of(name: Option<&str>, parts: Option<&dto::Parts>) -> Result<KeyName> {
    match (name, parts) {
        (Some(name), None) => KeyName::new(name),
        (None, Some(parts)) => {
            KeyName::of_column([&parts.system_code, &parts.database, &parts.table, &parts.field])
        }
        _ => Err(Error::field("name", "required", "give a name or its parts, not both")),
    }
    .map_err(|error| match error.field_errors().first() {
        Some(one) => Error::field("name", one.code.clone(), one.message.clone()),
        None => error,
    })
}
