//! The audit trail: who did what to what, when, from where, with the value of each field before
//! and after. Rows are written in the transaction of the change, and no API changes or deletes one.
//!
//! Each organisation has a trail, and the installation has one of its own ([`platform`]) for what
//! concerns all of it or nobody's organisation. What is committed is sealed into a chain ([`seal`]), which
//! [`verify`] reads again.

pub mod days;
mod mark;
pub mod platform;
pub mod seal;
pub mod verify;

use std::sync::atomic::{AtomicU64, Ordering};

use base::{Id, Result};
use chrono::{DateTime, NaiveTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, Value as Column,
    sea_query::{Expr, ExprTrait, Order, Query},
};
use serde_json::{Map, Value, json};
use store::{Mode, Opening, Role, Table, Tx, schema::TableDdl};

use crate::{ActorKind, App, Cx, Origin, api::Operation};

/// The audit table.
pub const MIGRATION: store::Migration = store::Migration {
    name: "0002_audit",
    up: |ddl| columns_of(ddl.tenant_rows("audit_entry")).append_only().create(),
    down: |ddl| ddl.drop_tables(&["audit_entry"]),
};

/// What both trails say of an event.
fn columns_of(table: TableDdl<'_>) -> TableDdl<'_> {
    table
        .timestamp("at")
        .text("actor_kind", 16)
        .uuid_null("actor_id")
        .text("actor_name", 160)
        .text("action", 160)
        .text("target_type", 64)
        .uuid_null("target_id")
        .text("target_name", 300)
        .text("outcome", 16)
        .text("ip", 64)
        .text("user_agent", 400)
        .text("request_id", 128)
        .json_null("changes")
        .text("search_key", 600)
        .index(&["at"])
        .index(&["target_id", "at"])
        .index(&["actor_id", "at"])
}

/// The table.
pub mod entity {
    use sea_orm::entity::prelude::*;

    /// One audit entry.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_entry")]
    pub struct Model {
        /// Id.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        /// Organisation.
        pub org_id: Uuid,
        /// When.
        pub at: DateTimeUtc,
        /// user, api_key, cli or system.
        pub actor_kind: String,
        /// Who.
        pub actor_id: Option<Uuid>,
        /// The name at that time.
        pub actor_name: String,
        /// `module:name:action`.
        pub action: String,
        /// What kind of thing: `identity.post`.
        pub target_type: String,
        /// Which one.
        pub target_id: Option<Uuid>,
        /// Its name at that time.
        pub target_name: String,
        /// ok, denied or failed.
        pub outcome: String,
        /// From where.
        pub ip: String,
        /// With what.
        pub user_agent: String,
        /// Under which request id.
        pub request_id: String,
        /// `{field: {before, after}}`.
        pub changes: Option<Json>,
        /// What `search=` looks at.
        pub search_key: String,
    }

    /// No relations: an entry outlives what it tells of.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

static WRITTEN: AtomicU64 = AtomicU64::new(0);

/// How many entries this process has written, those included that a roll-back took away again.
pub fn written() -> u64 {
    WRITTEN.load(Ordering::Relaxed)
}

/// What happened.
#[derive(Clone, Debug, Default)]
pub struct Event {
    /// `module:name:action`.
    pub action: String,
    /// `identity.post`.
    pub target_type: String,
    /// Which one.
    pub target_id: Option<Id>,
    /// Its name.
    pub target_name: String,
    /// `{field: {before, after}}`.
    pub changes: Map<String, Value>,
    /// `ok` unless said otherwise.
    pub outcome: Option<&'static str>,
}

impl Event {
    /// An event about one thing.
    pub fn new(action: impl Into<String>, target_type: impl Into<String>) -> Self {
        Self { action: action.into(), target_type: target_type.into(), ..Self::default() }
    }
    /// The thing.
    #[must_use]
    pub fn target(mut self, id: Id, name: impl Into<String>) -> Self {
        self.target_id = Some(id);
        self.target_name = name.into();
        self
    }
    /// One field before and after.
    #[must_use]
    pub fn change(mut self, field: &str, before: Value, after: Value) -> Self {
        self.changes.insert(field.to_owned(), json!({ "before": before, "after": after }));
        self
    }
}

/// Who acts where there is no request's actor.
#[derive(Clone, Debug)]
pub struct Who {
    /// Kind.
    pub kind: ActorKind,
    /// User, if one.
    pub id: Option<Id>,
    /// Name.
    pub name: String,
}

impl Who {
    /// The product itself.
    pub fn system() -> Self {
        Self { kind: ActorKind::System, id: None, name: "system".into() }
    }
}

/// Records what a request's caller did, in his transaction.
pub async fn record(cx: &Cx, mut event: Event) -> Result<()> {
    let tx = cx.tx()?;
    for (field, before, after) in cx.take_notes() {
        event.changes.insert(field, json!({ "before": before, "after": after }));
    }
    write(tx, cx.now(), who(cx), &cx.origin, event).await
}

/// Records what a request's caller did to an organisation as a whole, in his transaction: there, and
/// in the installation's trail.
pub async fn record_and_tell(cx: &Cx, event: Event) -> Result<()> {
    record(cx, event.clone()).await?;
    write_platform(cx.tx()?, cx.now(), who(cx), &cx.origin, event).await
}

/// Who a request's caller is.
pub fn who(cx: &Cx) -> Who {
    match cx.actor() {
        Ok(actor) => Who { kind: actor.kind(), id: Some(actor.id), name: actor.name.clone() },
        Err(_) => Who::system(),
    }
}

/// Records an event where the transaction works: in its organisation's trail, or, when it has none, in
/// the installation's.
pub async fn write(tx: &Tx, now: DateTime<Utc>, who: Who, origin: &Origin, event: Event) -> Result<()> {
    insert(tx, tx.org(), now, who, origin, event).await
}

/// Records an event in the trail of one of several organisations that a system transaction is about.
pub async fn write_in(
    tx: &Tx,
    org: Id,
    now: DateTime<Utc>,
    who: Who,
    origin: &Origin,
    event: Event,
) -> Result<()> {
    insert(tx, Some(org), now, who, origin, event).await
}

/// Records an event in the installation's trail, whatever organisation the transaction works for.
pub async fn write_platform(
    tx: &Tx,
    now: DateTime<Utc>,
    who: Who,
    origin: &Origin,
    event: Event,
) -> Result<()> {
    insert(tx, None, now, who, origin, event).await
}

async fn insert(
    tx: &Tx,
    org: Option<Id>,
    now: DateTime<Utc>,
    who: Who,
    origin: &Origin,
    event: Event,
) -> Result<()> {
    let short = |text: &str, most: usize| -> String { text.chars().take(most).collect() };
    let search = base::text::fold(&format!("{} {} {}", who.name, event.target_name, event.action));
    let changes = (!event.changes.is_empty()).then(|| Value::Object(event.changes));
    let ip = origin.ip.map(|ip| ip.to_string()).unwrap_or_default();
    let mut columns: Vec<(&str, Column)> = vec![
        ("id", base::id::new(now).into()),
        ("at", now.into()),
        ("actor_kind", who.kind.as_str().into()),
        ("actor_id", who.id.into()),
        ("actor_name", short(&who.name, 160).into()),
        ("action", event.action.into()),
        ("target_type", event.target_type.into()),
        ("target_id", event.target_id.into()),
        ("target_name", short(&event.target_name, 300).into()),
        ("outcome", event.outcome.unwrap_or("ok").into()),
        ("ip", ip.into()),
        ("user_agent", origin.user_agent.as_str().into()),
        ("request_id", short(&origin.request_id, 128).into()),
        ("changes", changes.into()),
        ("search_key", short(&search, 600).into()),
    ];
    columns.extend(org.map(|org| ("org_id", org.into())));
    let statement = Query::insert()
        .into_table(if org.is_some() { "audit_entry" } else { platform::TABLE })
        .columns(columns.iter().map(|(name, _)| *name))
        .values_panic(columns.iter().map(|(_, value)| value.clone().into()))
        .to_owned();
    tx.execute(&statement).await?;
    WRITTEN.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// Records an event at once, in a transaction of its own; without organisation, in the installation's
/// trail.
pub async fn record_now(app: &App, org: Option<Id>, who: Who, origin: &Origin, event: Event) -> Result<()> {
    let tx = app.store().begin(Mode::Write, Opening::new(Role::App, org)).await?;
    write(&tx, app.now(), who, origin, event).await?;
    tx.commit().await
}

/// Records that a change was refused. A failure to do so is logged, not shown.
pub(crate) async fn record_denial(cx: &Cx, operation: &Operation) {
    let org = cx.actor().ok().and_then(|actor| actor.org);
    let action = operation.access.codes().first().map(|code| (*code).to_owned()).unwrap_or_default();
    let event = Event { outcome: Some("denied"), ..Event::new(action, operation.id.clone()) };
    if let Err(failure) = record_now(&cx.app, org, who(cx), &cx.origin, event).await {
        tracing::warn!(error = ?failure, "a denial could not be recorded");
    }
}

/// Entries deleted at a time: the writer is shared.
const ROUND: u64 = 1_000;

/// Deletes audit entries that have been kept for as long as the operator wants, in whole days (UTC); how many.
/// Of the chain the last link of each day stays, which holds what comes after.
pub async fn prune(app: &App) -> Result<u64> {
    let Some(days) = app.settings().audit_retention_days else { return Ok(0) };
    let before =
        (app.now() - chrono::Duration::days(days.into())).date_naive().and_time(NaiveTime::MIN).and_utc();
    let first = seal::day(before);
    mark::set(app, &**app.service::<std::sync::Arc<dyn base::Vault>>()?, &first).await?;
    let mut gone = 0;
    loop {
        let tx = app.system(Mode::Write).await?;
        // An entry that was committed around midnight goes with the day that its link belongs to.
        let kept = Query::select()
            .expr(Expr::val(1))
            .from(seal::LINKS)
            .and_where(Expr::col((seal::LINKS, "org_id")).equals(("audit_entry", "org_id")))
            .and_where(Expr::col((seal::LINKS, "id")).equals(("audit_entry", "id")))
            .and_where(Expr::col((seal::LINKS, "day")).gte(first.as_str()))
            .to_owned();
        // By id, since the primary key then leads to the oldest rows of all organisations.
        let round = Query::select()
            .column(("audit_entry", "id"))
            .from("audit_entry")
            .and_where(Expr::col(("audit_entry", "id")).lt(base::id::floor(before)))
            .and_where(Expr::col(("audit_entry", "at")).lt(before))
            .and_where(Expr::exists(kept).not())
            .order_by(("audit_entry", "id"), Order::Asc)
            .limit(ROUND)
            .to_owned();
        let rows = tx.query_all(&round).await?;
        let ids = rows.iter().map(|row| store::read::<Id>(row, "id")).collect::<Result<Vec<_>>>()?;
        if ids.is_empty() {
            break;
        }
        gone +=
            tx.delete_where::<entity::Entity>(Condition::all().add(entity::Column::Id.is_in(ids))).await?;
        tx.commit().await?;
    }
    seal::prune(app, &first).await?;
    Ok(gone)
}

/// Deletes the rows of an append-only log with `at` and an `id` made at that instant that are older than
/// [`Settings::audit_retention_days`](crate::Settings::audit_retention_days), in rounds; how many.
pub async fn expire<E: Table>(app: &App) -> Result<u64> {
    let Some(days) = app.settings().audit_retention_days else { return Ok(0) };
    let before = app.now() - chrono::Duration::days(days.into());
    let column =
        |name| E::column(name).ok_or_else(|| base::Error::internal(format!("a log has no column {name}")));
    let (id, at) = (column("id")?, column("at")?);
    let mut gone = 0;
    loop {
        let tx = app.system(Mode::Write).await?;
        // By id, since the primary key then leads to the oldest rows of all organisations.
        let round = Query::select()
            .column("id")
            .from(E::default().table_name())
            .and_where(Expr::col("id").lt(base::id::floor(before)))
            .and_where(Expr::col("at").lt(before))
            .order_by("id", Order::Asc)
            .limit(ROUND)
            .to_owned();
        let rows = tx.query_all(&round).await?;
        let Some(last) = rows.last() else { return Ok(gone) };
        let old = Condition::all().add(id.lte(store::read::<Id>(last, "id")?)).add(at.lt(before));
        gone += tx.delete_where::<E>(old).await?;
        tx.commit().await?;
    }
}
