//! `GET /api/member-grants/export`: grants as comma-separated values, page by page, with no cell that a
//! spreadsheet would run as a formula.

use base::{Result, time};
use futures_util::future::BoxFuture;
use kernel::{
    Cx, access,
    api::File,
    audit::Event,
    download::{Piece, Source, Taking},
    resource::{Count, ListQuery},
    sheet::{Format, csv_rows, safe},
};
use store::Mode;

use super::{
    asked,
    dto::{GRANT_QUERY, GrantQuery, GrantView},
    page,
};

/// Rows read at a time.
const PAGE: u64 = 200;
/// The columns, which an import understands.
pub const COLUMNS: [&str; 10] = [
    "username",
    "email",
    "scope_type",
    "scope_id",
    "module",
    "action",
    "expires_at",
    "reason",
    "granted_by",
    "created_at",
];

/// Reads the query page by page. The caller is verified anew for each of them; no connection is held in between.
struct Csv {
    cx: Cx,
    query: ListQuery,
    begun: bool,
    done: bool,
}

impl Csv {
    async fn rows(&mut self) -> Result<Vec<GrantView>> {
        if self.done {
            return Ok(Vec::new());
        }
        let mut cx = self.cx.again(Mode::Read).await?;
        let asked = asked(&cx, cx.query::<GrantQuery>()?).await?;
        let (rows, found) = page(&cx, self.query.clone(), &asked).await?;
        cx.commit().await?;
        self.done = found.next_cursor.is_none();
        self.query.cursor = found.next_cursor;
        Ok(rows)
    }
}

fn cells(row: &GrantView) -> Vec<String> {
    let at = |at: &Option<base::Timestamp>| at.as_ref().map(|at| time::format(at.0)).unwrap_or_default();
    let cells = [
        row.user.username.clone(),
        row.user.email.clone().unwrap_or_default(),
        row.tuple.scope_type.clone(),
        row.tuple.scope_id.clone(),
        row.tuple.module.clone(),
        row.tuple.action.clone(),
        at(&row.expires_at),
        row.reason.clone().unwrap_or_default(),
        row.granted_by.as_ref().map(|giver| giver.name.clone()).unwrap_or_default(),
        at(&row.created_at),
    ];
    cells.iter().map(|cell| safe(cell)).collect()
}

impl Source for Csv {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Piece>>> {
        Box::pin(async move {
            if !std::mem::replace(&mut self.begun, true) {
                let head = COLUMNS.map(str::to_owned).to_vec();
                // The byte order mark makes spreadsheets read UTF-8.
                let bytes = [b"\xef\xbb\xbf".to_vec(), csv_rows(std::iter::once(head))].concat();
                return Ok(Some(Piece { bytes: bytes.into(), rows: 0 }));
            }
            while !self.done {
                let rows = self.rows().await?;
                if !rows.is_empty() {
                    let bytes = csv_rows(rows.iter().map(cells)).into();
                    return Ok(Some(Piece { bytes, rows: rows.len() as u64 }));
                }
            }
            Ok(None)
        })
    }
}

/// `GET /api/member-grants/export`.
pub async fn export(cx: &Cx) -> Result<File> {
    let mut query = ListQuery::parse_with(&access::grants_spec(), &cx.query_pairs(), &GRANT_QUERY)?;
    (query.page, query.page_size, query.cursor, query.count) = (1, PAGE, None, Count::None);
    // What is wrong with the query is said at once.
    asked(cx, cx.query::<GrantQuery>()?).await?;
    let taking = Taking::new(cx, Event::new("members:grant:export", "members.grant"), "csv")?;
    let mut own = cx.again(Mode::Read).await?;
    own.commit().await?;
    let body = taking.stream(Csv { cx: own, query, begun: false, done: false });
    Ok(File { name: "grants.csv".to_owned(), content_type: Format::Csv.content_type(), body })
}
