//! The Resource engine: typed outside, erased inside.
//!
//! A module says what a record is ([`Resource`]); the engine does the rest, once and not per
//! type: list with filters, sort, search and cursor, create, replace, patch, trash, restore,
//! purge, bulk, export, import, audit, and the description that the console and OpenAPI read.

mod bulk;
mod dynamic;
mod endpoints;
pub(crate) mod list;
pub(crate) mod query;
pub(crate) mod record;
mod spec;
pub(crate) mod statement;
pub(crate) mod value;

use std::{future::Future, sync::Arc};

use base::Result;
use schemars::JsonSchema;
use sea_orm::EntityTrait;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use store::Table;
use validator::Validate;

pub use crate::nullable::{Nullable, apply};
pub use bulk::{BulkAnswer, Outcome};
pub use dynamic::Dynamic;
pub(crate) use dynamic::SHOWN_STAMPS;
pub use endpoints::{Begin, Endpoints};
pub(crate) use endpoints::{mount_long, register};
pub use query::{Count, Filter, ListQuery, Operator};
pub use record::{create_record, etag, expect_version, patch_record, require_record};
pub use spec::{Column, Kind, Spec};
pub use statement::{Page, paginate};

use crate::Cx;

/// A record as read.
pub type Model<R> = <<R as Resource>::Entity as EntityTrait>::Model;
/// A record as it will be written.
pub type Draft<R> = <<R as Resource>::Entity as EntityTrait>::ActiveModel;

/// The names of a resource. URL, permissions, documents, audit and translations follow from them.
#[derive(Clone, Copy, Debug)]
pub struct Meta {
    /// `identity`.
    pub module: &'static str,
    /// `post`.
    pub name: &'static str,
    /// `posts`: the collection is `/api/posts/`.
    pub plural: &'static str,
    /// Title in Chinese.
    pub zh: &'static str,
    /// Title in English.
    pub en: &'static str,
}

impl Meta {
    /// `identity.post`.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.module, self.name)
    }
    /// `identity:post:<action>`.
    pub fn permission(&self, action: &str) -> String {
        format!("{}:{}:{action}", self.module, self.name)
    }
    /// `/api/posts`.
    pub fn path(&self) -> String {
        format!("/api/{}", self.plural)
    }
}

/// What is being saved.
pub struct Change<R: Resource> {
    /// The record before; `None` for a new one.
    pub old: Option<Model<R>>,
    /// The record as it will be written.
    pub draft: Draft<R>,
    /// What the caller sent.
    pub input: Input<R>,
}

/// What the caller sent.
pub enum Input<R: Resource> {
    /// A create or a PUT.
    Whole(R::Create),
    /// A PATCH.
    Part(R::Patch),
}

/// An example of a record, for the document and the contract suite.
#[derive(Clone, Debug)]
pub struct Sample {
    /// A body that creates one. `{n}` inside texts is replaced by a number, so that many can be made.
    pub create: serde_json::Value,
    /// A body that changes it.
    pub patch: serde_json::Value,
}

/// One kind of record: what the engine must know, and nothing else.
pub trait Resource: Sized + Send + Sync + 'static {
    /// The SeaORM entity.
    type Entity: Table;
    /// The body of a create or a PUT.
    type Create: DeserializeOwned + JsonSchema + Validate + Send + Sync + 'static;
    /// The body of a PATCH: absent keeps, `null` clears.
    type Patch: DeserializeOwned + JsonSchema + Validate + Send + Sync + 'static;
    /// What is shown, besides id, version and stamps, which the engine adds.
    type View: Serialize + JsonSchema + From<Model<Self>> + Send;

    /// The names.
    const META: Meta;

    /// Which columns do what.
    fn spec() -> Spec;
    /// Examples.
    fn samples() -> Vec<Sample>;
    /// A new record. The engine stamps it with id, organisation, version and times.
    fn create(input: &Self::Create) -> Draft<Self>;
    /// The changes of a PATCH.
    fn patch(input: &Self::Patch, draft: &mut Draft<Self>);

    /// Invariants of the record.
    fn before_save(_: &Cx, _: &mut Change<Self>) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }
    /// Other rows that follow from the record.
    fn after_save(_: &Cx, _: &Change<Self>, _: &Model<Self>) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }
    /// Whether it may go. `purge` says that it will be gone for good.
    fn before_delete(_: &Cx, _: &Model<Self>, _purge: bool) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }
    /// Whether it may come back from the trash.
    fn before_restore(_: &Cx, _: &Model<Self>) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }
    /// What is shown of a page of records; override to join names once per page.
    fn views(_: &Cx, rows: Vec<Model<Self>>) -> impl Future<Output = Result<Vec<Self::View>>> + Send {
        async { Ok(rows.into_iter().map(Self::View::from).collect()) }
    }
    /// Fewer routes, or more.
    fn endpoints(_: &mut Endpoints<'_>) {}
}

/// The input of a resource that nobody can create or change.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct Never {}

/// The registered resources.
#[derive(Clone, Default)]
pub struct Registry {
    list: Arc<Vec<Arc<dyn Dynamic>>>,
}

impl Registry {
    pub(crate) fn new(list: Vec<Arc<dyn Dynamic>>) -> Self {
        Self { list: Arc::new(list) }
    }
    /// Every resource.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Dynamic>> {
        self.list.iter()
    }
    /// The resource of that full name.
    pub fn find(&self, full_name: &str) -> Option<&Arc<dyn Dynamic>> {
        self.list.iter().find(|resource| resource.meta().full_name() == full_name)
    }
}
