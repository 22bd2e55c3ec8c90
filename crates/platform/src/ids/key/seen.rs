//! What one sees of a key's past, on the wire. Ids are text.

use base::{Id, Timestamp};
use idgen::{Line, Span};
use schemars::JsonSchema;
use serde::Serialize;

/// A line of the journal as shown.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IdLine")]
pub struct LineView {
    /// Id.
    pub id: Id,
    /// issued, returned, skipped or dropped.
    pub kind: String,
    /// The first id.
    pub start: String,
    /// The last id.
    pub end: String,
    /// How many.
    pub count: String,
    /// In how many calls.
    pub calls: i64,
    /// When.
    pub at: Timestamp,
    /// Who asked.
    pub caller: Option<String>,
    /// In which request.
    pub request_id: Option<String>,
    /// Which node did it.
    pub node: Id,
}

impl From<Line> for LineView {
    fn from(line: Line) -> Self {
        Self {
            id: line.id,
            kind: line.kind.as_str().to_owned(),
            start: line.range.start().to_string(),
            end: line.range.end().to_string(),
            count: line.range.count().to_string(),
            calls: line.calls,
            at: line.at.into(),
            caller: line.caller,
            request_id: line.request_id,
            node: line.node,
        }
    }
}

/// Lines of the journal.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IdLines")]
pub struct Lines {
    /// By their first ids.
    pub items: Vec<LineView>,
    /// Where the next ones begin.
    pub next: Option<String>,
}

/// Ids of which no line speaks.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IdSpan")]
pub struct SpanView {
    /// The first id.
    pub start: String,
    /// The last id.
    pub end: String,
    /// The node that leased them.
    pub node: Option<Id>,
    /// When it did.
    pub leased_at: Option<Timestamp>,
    /// Whether it lives and holds them still.
    pub held: bool,
}

impl From<Span> for SpanView {
    fn from(span: Span) -> Self {
        Self {
            start: span.range.start().to_string(),
            end: span.range.end().to_string(),
            node: span.node,
            leased_at: span.leased_at.map(Into::into),
            held: span.is_held,
        }
    }
}

/// Spans.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IdSpans")]
pub struct Spans {
    /// Lowest first, a thousand at most.
    pub items: Vec<SpanView>,
}

/// Who has an id.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IdOwner")]
pub struct Owner {
    /// issued, returned, skipped, dropped, held, unattributed, before or free.
    pub state: String,
    /// The line that says so.
    pub line: Option<LineView>,
    /// The span that it lies in.
    pub span: Option<SpanView>,
}

/// Ids with two owners.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IdFindings")]
pub struct Findings {
    /// A thousand at most.
    pub findings: Vec<FindingView>,
}

/// Ids with two owners.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IdFinding")]
pub struct FindingView {
    /// The later line.
    pub line: Id,
    /// The first id.
    pub start: String,
    /// The last id.
    pub end: String,
}

/// Use over time.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IdUsage")]
pub struct Usage {
    /// In the order of time, empty ones included.
    pub buckets: Vec<Bucket>,
    /// The most frequent callers, a hundred at most.
    pub callers: Vec<CallerUse>,
}

/// A minute or an hour.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IdUsageBucket")]
pub struct Bucket {
    /// When it begins.
    pub at: Timestamp,
    /// Ids.
    pub ids: String,
    /// Calls.
    pub calls: i64,
}

/// What a caller used.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IdCallerUse")]
pub struct CallerUse {
    /// Who.
    pub caller: Option<String>,
    /// Ids.
    pub ids: String,
    /// Calls.
    pub calls: i64,
}
