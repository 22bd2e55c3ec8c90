//! The envelope of hand-written lists, and what the document says of their search, so that they look like the engine's.
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

/// The word that a list is searched for, for the document.
#[derive(Debug, JsonSchema)]
pub struct Search {
    /// Words to find; each must occur.
    #[schemars(length(max = 200))]
    pub search: Option<String>,
}
