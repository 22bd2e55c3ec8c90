//! The object-safe face of a [`Resource`], so that the engine's handlers are compiled once.
//!
//! A record crosses the seam as a [`Row`] and a change as an [`AnyChange`]; both are taken apart
//! again in this file only.

use std::{any::Any, marker::PhantomData};

use base::{Error, Id, Result};
use futures_util::future::BoxFuture;
use sea_orm::{
    ActiveModelTrait, EntityTrait, FromQueryResult, IdenStatic, IntoActiveModel, Iterable, ModelTrait,
    QueryResult, Value,
};
use serde_json::{Map, Value as Json};
use store::Table;

use super::{Change, Input, Meta, Model, Resource, Sample, Spec, value};
use crate::{Cx, http::decode};

/// A record, erased.
pub struct Row {
    values: Vec<(&'static str, Value)>,
    model: Box<dyn Any + Send + Sync>,
}

impl Row {
    /// A column's value.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.values.iter().find(|(column, _)| *column == name).map(|(_, value)| value)
    }
    /// A column as JSON.
    pub(crate) fn json(&self, name: &str) -> Json {
        self.get(name).map(value::to_json).unwrap_or_default()
    }
    /// Every column.
    pub(crate) fn values(&self) -> &[(&'static str, Value)] {
        &self.values
    }
    /// The id.
    pub(crate) fn id(&self) -> Id {
        match self.get("id") {
            Some(Value::Uuid(Some(id))) => *id,
            _ => Id::nil(),
        }
    }
    /// The version; 0 where records have none.
    pub(crate) fn version(&self) -> i64 {
        self.json("version").as_i64().unwrap_or_default()
    }
    /// A text column.
    pub(crate) fn text(&self, name: &str) -> String {
        self.json(name).as_str().unwrap_or_default().to_owned()
    }
}

/// A change, erased.
pub struct AnyChange(Box<dyn Any + Send + Sync>);

/// JSON Schemas of a resource's types.
#[derive(Clone, Debug)]
pub struct Schemas {
    /// Body of a create or PUT.
    pub create: Json,
    /// Body of a PATCH.
    pub patch: Json,
    /// What is shown, without the engine's own members.
    pub view: Json,
}

/// What the engine asks of a resource.
pub trait Dynamic: Send + Sync {
    /// Names.
    fn meta(&self) -> &'static Meta;
    /// Columns.
    fn spec(&self) -> &Spec;
    /// Schemas.
    fn schemas(&self) -> &Schemas;
    /// The actions that are mounted.
    fn actions(&self) -> &[&'static str];
    /// Examples.
    fn samples(&self) -> Vec<Sample>;
    /// A row as read.
    fn row(&self, raw: &QueryResult) -> Result<Row>;
    /// A new record from a body.
    fn create(&self, body: Json) -> Result<AnyChange>;
    /// A changed record from the body of a PUT.
    fn replace(&self, body: Json, old: &Row) -> Result<AnyChange>;
    /// A changed record from the body of a PATCH.
    fn patch(&self, body: Json, old: &Row) -> Result<AnyChange>;
    /// Sets a column of the record that will be written, if it has it.
    fn set(&self, change: &mut AnyChange, column: &str, value: Value) -> Result<()>;
    /// The columns that will be written.
    fn values(&self, change: &AnyChange) -> Result<Vec<(&'static str, Value)>>;
    /// Hook.
    fn before_save<'a>(&'a self, cx: &'a Cx, change: &'a mut AnyChange) -> BoxFuture<'a, Result<()>>;
    /// Hook.
    fn after_save<'a>(&'a self, cx: &'a Cx, change: &'a AnyChange, row: &'a Row)
    -> BoxFuture<'a, Result<()>>;
    /// Hook.
    fn before_delete<'a>(&'a self, cx: &'a Cx, row: &'a Row, purge: bool) -> BoxFuture<'a, Result<()>>;
    /// Hook.
    fn before_restore<'a>(&'a self, cx: &'a Cx, row: &'a Row) -> BoxFuture<'a, Result<()>>;
    /// What is shown of a page of records.
    fn render<'a>(&'a self, cx: &'a Cx, rows: Vec<Row>) -> BoxFuture<'a, Result<Vec<Json>>>;
}

pub(super) struct Typed<R: Resource> {
    spec: Spec,
    schemas: Schemas,
    actions: Vec<&'static str>,
    of: PhantomData<fn() -> R>,
}

impl<R: Resource> Typed<R> {
    pub(super) fn new(schemas: Schemas, actions: Vec<&'static str>) -> Self {
        Self { spec: R::spec(), schemas, actions, of: PhantomData }
    }

    fn change<'a>(&self, any: &'a AnyChange) -> Result<&'a Change<R>> {
        any.0.downcast_ref().ok_or_else(|| Error::internal("a change of another resource"))
    }
    fn change_mut<'a>(&self, any: &'a mut AnyChange) -> Result<&'a mut Change<R>> {
        any.0.downcast_mut().ok_or_else(|| Error::internal("a change of another resource"))
    }
    fn model<'a>(&self, row: &'a Row) -> Result<&'a Model<R>> {
        row.model.downcast_ref().ok_or_else(|| Error::internal("a row of another resource"))
    }
}

/// Adds the members that every view carries.
fn stamped(row_values: &[(&'static str, Value)], view: Json) -> Json {
    let get =
        |name: &str| row_values.iter().find(|(column, _)| *column == name).map(|(_, v)| value::to_json(v));
    let mut out = Map::new();
    if let Some(id) = get("id") {
        out.insert("id".to_owned(), id);
    }
    if let Json::Object(members) = view {
        out.extend(members);
    }
    for name in SHOWN_STAMPS {
        if let Some(stamp) = get(name) {
            out.insert(name.to_owned(), stamp);
        }
    }
    Json::Object(out)
}

/// The stamps that a view shows, where the record has them.
pub(crate) const SHOWN_STAMPS: [&str; 6] =
    ["version", "created_at", "updated_at", "created_by", "updated_by", "deleted_at"];

impl<R: Resource> Dynamic for Typed<R> {
    fn meta(&self) -> &'static Meta {
        const { &R::META }
    }
    fn spec(&self) -> &Spec {
        &self.spec
    }
    fn schemas(&self) -> &Schemas {
        &self.schemas
    }
    fn actions(&self) -> &[&'static str] {
        &self.actions
    }
    fn samples(&self) -> Vec<Sample> {
        R::samples()
    }

    fn row(&self, raw: &QueryResult) -> Result<Row> {
        let model = Model::<R>::from_query_result(raw, "").map_err(store::error)?;
        let columns = <R::Entity as EntityTrait>::Column::iter();
        let values = columns.map(|column| (column.as_str(), model.get(column))).collect();
        Ok(Row { values, model: Box::new(model) })
    }

    fn create(&self, body: Json) -> Result<AnyChange> {
        let input = decode::typed::<R::Create>(body)?;
        let draft = R::create(&input);
        Ok(AnyChange(Box::new(Change::<R> { old: None, draft, input: Input::Whole(input) })))
    }

    fn replace(&self, body: Json, old: &Row) -> Result<AnyChange> {
        let input = decode::typed::<R::Create>(body)?;
        let model = self.model(old)?.clone();
        let fresh = R::create(&input);
        let mut draft = model.clone().into_active_model();
        for column in <R::Entity as EntityTrait>::Column::iter() {
            if let sea_orm::ActiveValue::Set(value) = fresh.get(column) {
                draft.try_set(column, value).map_err(store::error)?;
            }
        }
        Ok(AnyChange(Box::new(Change::<R> { old: Some(model), draft, input: Input::Whole(input) })))
    }

    fn patch(&self, body: Json, old: &Row) -> Result<AnyChange> {
        let input = decode::typed::<R::Patch>(body)?;
        let model = self.model(old)?.clone();
        let mut draft = model.clone().into_active_model();
        R::patch(&input, &mut draft);
        Ok(AnyChange(Box::new(Change::<R> { old: Some(model), draft, input: Input::Part(input) })))
    }

    fn set(&self, change: &mut AnyChange, column: &str, value: Value) -> Result<()> {
        match R::Entity::column(column) {
            Some(column) => self.change_mut(change)?.draft.try_set(column, value).map_err(store::error),
            None => Ok(()),
        }
    }

    fn values(&self, change: &AnyChange) -> Result<Vec<(&'static str, Value)>> {
        let draft = &self.change(change)?.draft;
        let columns = <R::Entity as EntityTrait>::Column::iter();
        let set = columns.filter_map(|column| match draft.get(column) {
            sea_orm::ActiveValue::Set(value) => Some((column.as_str(), value)),
            _ => None,
        });
        Ok(set.collect())
    }

    fn before_save<'a>(&'a self, cx: &'a Cx, change: &'a mut AnyChange) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { R::before_save(cx, self.change_mut(change)?).await })
    }
    fn after_save<'a>(
        &'a self,
        cx: &'a Cx,
        change: &'a AnyChange,
        row: &'a Row,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { R::after_save(cx, self.change(change)?, self.model(row)?).await })
    }
    fn before_delete<'a>(&'a self, cx: &'a Cx, row: &'a Row, purge: bool) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { R::before_delete(cx, self.model(row)?, purge).await })
    }

    fn before_restore<'a>(&'a self, cx: &'a Cx, row: &'a Row) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { R::before_restore(cx, self.model(row)?).await })
    }

    fn render<'a>(&'a self, cx: &'a Cx, rows: Vec<Row>) -> BoxFuture<'a, Result<Vec<Json>>> {
        Box::pin(async move {
            let mut models = Vec::with_capacity(rows.len());
            let mut stamps = Vec::with_capacity(rows.len());
            for row in rows {
                let model = row.model.downcast::<Model<R>>();
                models.push(*model.map_err(|_| Error::internal("a row of another resource"))?);
                stamps.push(row.values);
            }
            let views = R::views(cx, models).await?;
            let shown = stamps.iter().zip(views).map(|(values, view)| {
                serde_json::to_value(view).map(|view| stamped(values, view)).map_err(Error::internal)
            });
            shown.collect()
        })
    }
}
