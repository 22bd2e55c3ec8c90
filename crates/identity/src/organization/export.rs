//! Everything that an organisation owns, as one download: a JSON document on each line.
//!
//! Read in keyset pages, each its own transaction that verifies the owner anew, so that an export
//! holds neither a connection nor the memory for long. May import: `kernel`, this crate's tables.

use base::{Error, Id, Result};
use futures_util::future::BoxFuture;
use kernel::{
    Api, Cx,
    api::File,
    audit::Event,
    download::{Piece, Source, Taking},
};
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query};
use serde_json::json;
use store::{Mode, Tx};

use super::{
    View, ownership,
    tables::{self, TenantTable},
};
use crate::session::slug;

/// Rows read at a time.
const PAGE: u64 = 500;

pub(super) fn mount(api: &mut Api) {
    let lines = json!({ "type": "string", "description": "`{\"table\", \"row\"}` on each line" });
    api.signed_in("identity")
        .get(
            "organization.export",
            "/api/organizations/{id}/export",
            "Download all data, line by line",
            export,
        )
        .detached()
        .problems(&[403, 404])
        .answers(200, vec![("application/x-ndjson".to_owned(), lines)]);
}

/// `GET /api/organizations/{id}/export/`: an owner only; passwords, digests and keys stay here.
async fn export(cx: &Cx) -> Result<File> {
    let mut own = cx.again(Mode::Write).await?;
    let row = ownership::owned(&own).await?;
    own.commit().await?;
    let event =
        Event::new("identity:organization:export", "identity.organization").target(row.id, row.name.clone());
    let taking = Taking::new(cx, event, "ndjson")?;
    let name = format!("{}.ndjson", slug(&row));
    let head = line("organization", &json!(View::of(row, true)))?;
    let mut tables = tables::all(&cx.app);
    // What is referred to comes first, so that a reader can take the lines in order.
    tables.reverse();
    let reader = Reader { cx: own, head: Some(head), tables, at: 0, after: None, rows: 0, done: false };
    Ok(File { name, content_type: "application/x-ndjson", body: taking.stream(reader) })
}

fn line(table: &str, row: &serde_json::Value) -> Result<Vec<u8>> {
    let mut text = serde_json::to_vec(&json!({ "table": table, "row": row })).map_err(Error::internal)?;
    text.push(b'\n');
    Ok(text)
}

/// Reads table by table, page by page.
struct Reader {
    cx: Cx,
    head: Option<Vec<u8>>,
    tables: Vec<TenantTable>,
    at: usize,
    after: Option<Id>,
    rows: u64,
    done: bool,
}

impl Source for Reader {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Piece>>> {
        Box::pin(async move {
            if let Some(head) = self.head.take() {
                return Ok(Some(Piece { bytes: head.into(), rows: 0 }));
            }
            let before = self.rows;
            let lines = self.lines().await?;
            Ok(lines.map(|lines| Piece { bytes: lines.into(), rows: self.rows - before }))
        })
    }
}

impl Reader {
    /// The next lines. The last one says that nothing is missing, since a broken download looks
    /// like a short one.
    async fn lines(&mut self) -> Result<Option<Vec<u8>>> {
        while let Some(table) = self.tables.get(self.at).copied() {
            let mut cx = self.cx.again(Mode::Read).await?;
            if !cx.actor()?.effective.is_owner() {
                return Err(Error::forbidden("owner_only", "only an owner may do this"));
            }
            let lines = self.page(&cx, table).await?;
            cx.commit().await?;
            if !lines.is_empty() {
                return Ok(Some(lines));
            }
            self.at += 1;
            self.after = None;
        }
        if std::mem::replace(&mut self.done, true) {
            return Ok(None);
        }
        let mut end =
            serde_json::to_vec(&json!({ "complete": true, "rows": self.rows })).map_err(Error::internal)?;
        end.push(b'\n');
        Ok(Some(end))
    }

    async fn page(&mut self, cx: &Cx, table: TenantTable) -> Result<Vec<u8>> {
        let rows = read(cx.tx()?, table, self.after).await?;
        let mut lines = Vec::new();
        for raw in &rows {
            let row = tables::row(&cx.app, table.name, raw)?;
            self.after = Some(store::read(raw, "id")?);
            self.rows += 1;
            lines.extend(line(table.name, &row.into())?);
        }
        Ok(lines)
    }
}

async fn read(tx: &Tx, table: TenantTable, after: Option<Id>) -> Result<Vec<sea_orm::QueryResult>> {
    let mut select = Query::select();
    select
        .expr(Expr::cust("*"))
        .from(table.name)
        .and_where(Expr::col("org_id").eq(tx.require_org()?))
        .order_by("id", Order::Asc)
        .limit(PAGE);
    if let Some(after) = after {
        select.and_where(Expr::col("id").gt(after));
    }
    tx.query_all(&select).await
}
