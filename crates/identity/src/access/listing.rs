//! The envelope and the parameters of hand-written lists, so that they look like the engine's.
//!
//! May import: serde, schemars, `kernel`'s list grammar.

use kernel::resource::{ListQuery, Page};
use schemars::JsonSchema;
use serde::Serialize;

/// One page of a list, as every list of the API is answered (decision 4.6).
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "{T}Page")]
pub struct Listed<T> {
    /// The records.
    pub items: Vec<T>,
    /// How many there are in all; absent with `count=none`.
    pub total: Option<u64>,
    /// Whether there are more than `total`.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub total_capped: bool,
    /// The page, from 1.
    pub page: u64,
    /// Records of a page.
    pub page_size: u64,
    /// Where the next page begins.
    pub next_cursor: Option<String>,
}

impl<T> Listed<T> {
    /// The answer to `query`: `page` says how much there is, `items` what is shown of it.
    pub fn of(query: &ListQuery, page: Page, items: Vec<T>) -> Self {
        Self {
            items,
            total: page.total,
            total_capped: page.capped,
            page: query.page,
            page_size: query.page_size,
            next_cursor: page.next_cursor,
        }
    }
}

/// The window of a list, for the document; read by [`ListQuery::parse_with`].
#[derive(Debug, JsonSchema)]
pub struct Window {
    /// Page, from 1.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub page: Option<u64>,
    /// Records of a page.
    #[schemars(range(min = 1, max = 200))]
    pub page_size: Option<u64>,
    /// `next_cursor` of the page before, instead of `page`.
    pub cursor: Option<String>,
    /// Columns by comma; `-` descends.
    pub sort: Option<String>,
}

/// The word that a list is searched for, for the document.
#[derive(Debug, JsonSchema)]
pub struct Search {
    /// Words to find; each must occur.
    #[schemars(length(max = 200))]
    pub search: Option<String>,
}
