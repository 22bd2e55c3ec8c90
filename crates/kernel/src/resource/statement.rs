//! The SQL of lists: the only place where rows are narrowed, and it is not generic.

use base::{Error, Id, Result};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sea_orm::{
    QueryResult, Value,
    sea_query::{
        Alias, Condition, Expr, ExprTrait, Func, NullOrdering, Order, Query, SelectStatement, SimpleExpr,
    },
};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use store::{Dialect, Tx};

use super::{
    Kind, ListQuery, Spec,
    query::{Count, Filter, Operator},
    spec::SEARCH_KEY,
    value,
};
use crate::access::Reach;

/// Above this many rows a total is not counted on.
const COUNT_CAP: u64 = 10_000;

/// Which rows with regard to the trash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trash {
    /// Those outside.
    Without,
    /// Those inside.
    Only,
    /// All.
    With,
}

/// A select of a resource's records: organisation, trash and data scope applied.
pub(crate) fn scoped(tx: &Tx, spec: &Spec, user: Id, reach: &Reach, trash: Trash) -> Result<SelectStatement> {
    let mut select = Query::select();
    select.columns(spec.columns.iter().map(|column| column.name)).from(spec.table);
    narrow(&mut select, tx, spec, user, reach, trash)?;
    Ok(select)
}

/// Applies organisation, trash and data scope to a select over `spec`'s table.
pub(crate) fn narrow(
    select: &mut SelectStatement,
    tx: &Tx,
    spec: &Spec,
    user: Id,
    reach: &Reach,
    trash: Trash,
) -> Result<()> {
    if spec.has("org_id")
        && let Some(org) = tx.org_filter()?
    {
        select.and_where(Expr::col("org_id").eq(org));
    }
    if spec.has("deleted_at") {
        match trash {
            Trash::Without => select.and_where(Expr::col("deleted_at").is_null()),
            Trash::Only => select.and_where(Expr::col("deleted_at").is_not_null()),
            Trash::With => select,
        };
    }
    if let Some(condition) = within(spec, user, reach) {
        select.cond_where(condition);
    }
    Ok(())
}

/// The data scope as a condition. A resource without owner and department is not narrowed.
fn within(spec: &Spec, user: Id, reach: &Reach) -> Option<Condition> {
    let Reach::Some { departments, own } = reach else { return None };
    if spec.owner.is_none() && spec.dept.is_none() {
        return None;
    }
    let mut any = Condition::any();
    if let (Some(column), false) = (spec.dept, departments.is_empty()) {
        any = any.add(Expr::col(column).is_in(departments.iter().copied()));
    }
    if let (Some(column), true) = (spec.owner, own) {
        any = any.add(Expr::col(column).eq(user));
    }
    // No branch at all means no row, not every row.
    Some(if any.is_empty() { Condition::all().add(Expr::value(1).eq(0)) } else { any })
}

/// Applies search and filters.
pub(crate) fn filtered(select: &mut SelectStatement, dialect: Dialect, query: &ListQuery) {
    for word in &query.search {
        select.and_where(contains(dialect, SEARCH_KEY, word.as_str().into()));
    }
    for filter in &query.filters {
        select.and_where(compare(dialect, filter));
    }
}

fn compare(dialect: Dialect, filter: &Filter) -> SimpleExpr {
    let column = || Expr::col(filter.column);
    let first = || filter.values.first().cloned().unwrap_or(Value::Bool(None));
    match filter.operator {
        Operator::Eq => column().eq(first()),
        Operator::Ne => column().ne(first()).or(column().is_null()),
        Operator::In => column().is_in(filter.values.iter().cloned()),
        Operator::Gt => column().gt(first()),
        Operator::Gte => column().gte(first()),
        Operator::Lt => column().lt(first()),
        Operator::Lte => column().lte(first()),
        Operator::Contains => contains(dialect, filter.column, first()),
        Operator::Null => match filter.values.first() {
            Some(Value::Bool(Some(true))) => column().is_null(),
            _ => column().is_not_null(),
        },
    }
}

/// Position instead of LIKE: nothing in the text is a wildcard, and case counts on every database.
fn contains(dialect: Dialect, column: &'static str, text: Value) -> SimpleExpr {
    let function = if dialect == Dialect::Postgres { "strpos" } else { "instr" };
    Func::cust(Alias::new(function)).arg(Expr::col(column)).arg(Expr::value(text)).gt(0)
}

/// The full order: what was asked for, then the id. NULL comes last everywhere.
fn order(spec: &Spec, query: &ListQuery) -> Vec<(&'static str, bool)> {
    let mut order: Vec<_> = query.sort.iter().copied().filter(|(name, _)| *name != "id").collect();
    let down = query.sort.first().is_some_and(|(_, down)| *down);
    if spec.has("id") {
        order.push(("id", down));
    }
    order
}

fn ordered(select: &mut SelectStatement, dialect: Dialect, spec: &Spec, order: &[(&'static str, bool)]) {
    for (name, down) in order {
        let direction = if *down { Order::Desc } else { Order::Asc };
        let nullable = spec.column(name).is_some_and(|column| column.nullable);
        match (nullable, dialect) {
            (true, Dialect::Postgres) => {
                select.order_by_with_nulls(*name, direction, NullOrdering::Last);
            }
            (true, _) => {
                select.order_by_expr(Expr::col(*name).is_null(), Order::Asc).order_by(*name, direction);
            }
            (false, _) => {
                select.order_by(*name, direction);
            }
        }
    }
}

/// One page of rows.
pub struct Page {
    /// Rows.
    pub rows: Vec<QueryResult>,
    /// Total, if it was counted.
    pub total: Option<u64>,
    /// Whether the total is only a lower bound.
    pub capped: bool,
    /// Where the next page begins.
    pub next_cursor: Option<String>,
}

/// Runs a narrowed select as a list: search, filters, order, window, total.
pub async fn paginate(tx: &Tx, spec: &Spec, mut select: SelectStatement, query: &ListQuery) -> Result<Page> {
    filtered(&mut select, tx.dialect(), query);
    let (total, capped) = total(tx, &select, query).await?;
    let order = order(spec, query);
    let print = fingerprint(query);
    if let Some(cursor) = &query.cursor {
        let after = Cursor::decode(cursor, &print, spec, &order)?;
        select.cond_where(beyond(spec, &order, &after));
    } else {
        select.offset((query.page - 1) * query.page_size);
    }
    ordered(&mut select, tx.dialect(), spec, &order);
    select.limit(query.page_size + 1);
    let mut rows = tx.query_all(&select).await?;
    let most = usize::try_from(query.page_size).unwrap_or(usize::MAX);
    let more = rows.len() > most;
    rows.truncate(most);
    let next_cursor = match rows.last() {
        Some(last) if more => Some(Cursor::encode(last, &print, spec, &order)?),
        _ => None,
    };
    Ok(Page { rows, total, capped, next_cursor })
}

async fn total(tx: &Tx, select: &SelectStatement, query: &ListQuery) -> Result<(Option<u64>, bool)> {
    if query.count == Count::None {
        return Ok((None, false));
    }
    let mut inner = select.clone();
    inner.clear_selects().expr(Expr::val(1));
    if query.count == Count::Capped {
        inner.limit(COUNT_CAP + 1);
    }
    let outer =
        Query::select().expr_as(Expr::cust("COUNT(*)"), "n").from_subquery(inner, "counted").to_owned();
    let row = tx.query_one(&outer).await?;
    let n: i64 = row.map(|row| store::read(&row, "n")).transpose()?.unwrap_or_default();
    let n = u64::try_from(n).unwrap_or_default();
    match query.count {
        Count::Capped if n > COUNT_CAP => Ok((Some(COUNT_CAP), true)),
        _ => Ok((Some(n), false)),
    }
}

/// What a cursor is bound to: another sort or filter makes it worthless.
fn fingerprint(query: &ListQuery) -> String {
    let text = format!("{:?}|{:?}|{:?}|{}", query.sort, query.search, query.filters, query.trash);
    URL_SAFE_NO_PAD.encode(&Sha256::digest(text.as_bytes())[..9])
}

struct Cursor;

impl Cursor {
    fn encode(row: &QueryResult, print: &str, spec: &Spec, order: &[(&'static str, bool)]) -> Result<String> {
        let mut key = vec![Json::from(print)];
        for (name, _) in order {
            let kind = spec.column(name).map_or(Kind::Text, |column| column.kind);
            key.push(read_json(row, name, kind)?);
        }
        let bytes = serde_json::to_vec(&key).map_err(Error::internal)?;
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    fn decode(text: &str, print: &str, spec: &Spec, order: &[(&'static str, bool)]) -> Result<Vec<Value>> {
        let invalid = || Error::field("cursor", "invalid_cursor", "is not a cursor of this API");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
        let key: Vec<Json> = serde_json::from_slice(&bytes).map_err(|_| invalid())?;
        let (found, values) = key.split_first().ok_or_else(invalid)?;
        if found.as_str() != Some(print) || values.len() != order.len() {
            let detail = "the cursor belongs to another sort, search or filter; begin without a cursor";
            return Err(Error::invalid("cursor_mismatch", detail));
        }
        let kind = |name: &str| spec.column(name).map_or(Kind::Text, |column| column.kind);
        let read = |((name, _), json): (&(&'static str, bool), &Json)| value::from_json(kind(name), json);
        order.iter().zip(values).map(read).collect::<Option<_>>().ok_or_else(invalid)
    }
}

/// A column's value as a cursor carries it.
fn read_json(row: &QueryResult, name: &str, kind: Kind) -> Result<Json> {
    Ok(match kind {
        Kind::Text => store::read::<Option<String>>(row, name)?.into(),
        Kind::Integer => match store::read::<Option<i64>>(row, name) {
            Ok(n) => n.into(),
            Err(_) => store::read::<Option<i32>>(row, name)?.into(),
        },
        Kind::Boolean => store::read::<Option<bool>>(row, name)?.into(),
        Kind::Uuid => store::read::<Option<Id>>(row, name)?.map(|id| id.to_string()).into(),
        Kind::Instant => {
            store::read::<Option<chrono::DateTime<chrono::Utc>>>(row, name)?.map(base::time::format).into()
        }
        Kind::Json => Json::Null,
    })
}

/// The rows after a key: greater in the first column, or equal there and greater in the second, …
fn beyond(spec: &Spec, order: &[(&'static str, bool)], key: &[Value]) -> Condition {
    let mut any = Condition::any();
    for at in 0..order.len() {
        let mut all = Condition::all();
        for ((name, _), value) in order.iter().zip(key).take(at) {
            all = all.add(same(name, value));
        }
        let ((name, down), value) = (order[at], &key[at]);
        let nullable = spec.column(name).is_some_and(|column| column.nullable);
        let after = match (is_null(value), down) {
            // NULL is last: nothing comes after it.
            (true, _) => Expr::value(1).eq(0),
            (false, false) => Expr::col(name).gt(value.clone()),
            (false, true) => Expr::col(name).lt(value.clone()),
        };
        let after = if nullable && !is_null(value) { after.or(Expr::col(name).is_null()) } else { after };
        any = any.add(all.add(after));
    }
    any
}

fn same(name: &'static str, value: &Value) -> SimpleExpr {
    if is_null(value) { Expr::col(name).is_null() } else { Expr::col(name).eq(value.clone()) }
}

fn is_null(value: &Value) -> bool {
    value::to_json(value) == Json::Null
}
