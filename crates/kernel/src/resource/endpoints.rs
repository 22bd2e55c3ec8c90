//! Mounts the engine's routes of a resource, and describes them.

use std::sync::Arc;

use axum::response::Response;
use base::Result;
use futures_util::future::BoxFuture;
use http::Method;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::{
    Dynamic, Meta, Resource, Spec, bulk,
    dynamic::{Schemas, Typed},
    list, record,
};
use crate::{
    Api, Cx,
    api::{
        Accepted, Access, Answer, Handler, Mount, Operation,
        record::{binary, if_match, list_parameters, parameter},
    },
    sheet::XLSX,
    transfer::{self, ImportReport},
};

/// Every action of the engine.
const ACTIONS: [&str; 8] = ["list", "read", "create", "update", "delete", "purge", "export", "import"];

/// What a resource mounts: the engine's routes, fewer of them, or more.
pub struct Endpoints<'a> {
    api: &'a mut Api,
    meta: Meta,
    actions: Vec<&'static str>,
}

impl Endpoints<'_> {
    /// Keeps only these of the engine's actions.
    pub fn only(&mut self, actions: &[&'static str]) {
        self.actions.retain(|action| actions.contains(action));
    }
    /// Routes of the resource's own, each under `module:name:<action>`.
    pub fn mount(&mut self) -> Mount<'_> {
        self.api.guarded(self.meta.module, self.meta.name)
    }
}

/// Registers a resource: its schemas, its routes, its object-safe face.
pub(crate) fn register<R: Resource>(api: &mut Api) -> Arc<dyn Dynamic> {
    let mut endpoints = Endpoints { api, meta: R::META, actions: ACTIONS.to_vec() };
    R::endpoints(&mut endpoints);
    let actions = endpoints.actions;
    let schemas = Schemas { create: root::<R::Create>(), patch: root::<R::Patch>(), view: root::<R::View>() };
    let resource: Arc<dyn Dynamic> = Arc::new(Typed::<R>::new(schemas, actions.clone()));
    let bodies = Bodies {
        create: api.schema::<R::Create>(),
        patch: api.schema::<R::Patch>(),
        view: api.schema::<R::View>(),
    };
    mount(api, &resource, &actions, bodies);
    resource
}

/// A type's schema with its definitions inside.
fn root<T: JsonSchema>() -> Json {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.meta_schema = None);
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

struct Bodies {
    create: Json,
    patch: Json,
    view: Json,
}

/// Answers a request for something of a resource that is done later.
pub type Begin<A> = for<'a> fn(&'a Cx, Arc<dyn Dynamic>) -> BoxFuture<'a, Result<Accepted<A>>>;

/// One resource on its way into the document and the router.
struct Mounting<'a> {
    api: &'a mut Api,
    resource: &'a Arc<dyn Dynamic>,
    meta: Meta,
    view: Json,
    bodies: Bodies,
}

/// Mounts `POST …/export-job/` and `POST …/import-job/` on every resource that has the action: what they
/// ask for is done later, by whoever gives `export` and `import`, and they answer `A` at once.
pub(crate) fn mount_long<A: Serialize + JsonSchema + Send + 'static>(
    api: &mut Api,
    resources: &[Arc<dyn Dynamic>],
    export: Begin<A>,
    import: Begin<A>,
) {
    for resource in resources {
        let (meta, answer) = (*resource.meta(), api.schema::<A>());
        let bodies = Bodies { create: Json::Null, patch: Json::Null, view: Json::Null };
        let mut mounting = Mounting { api, resource, meta, view: answer, bodies };
        if resource.actions().contains(&"export") {
            let parameters = export_parameters(resource.spec());
            let summary = "export as CSV or XLSX in the background";
            let operation =
                mounting.add("export", "export_job", Method::POST, "/export-job", summary, move |cx, r| {
                    Box::pin(async move { export(cx, r).await?.respond(cx) })
                });
            operation.answer.status = 202;
            operation.parameters = parameters;
        }
        if resource.actions().contains(&"import") {
            let parameters = import_parameters(resource.spec());
            let summary = "import CSV or XLSX in the background";
            let operation =
                mounting.add("import", "import_job", Method::POST, "/import-job", summary, move |cx, r| {
                    Box::pin(async move { import(cx, r).await?.respond(cx) })
                });
            operation.answer.status = 202;
            operation.parameters = parameters;
            operation.body = tables();
            operation.body_limit = Some(transfer::LONG_BYTES);
            // The file is kept piece by piece before the job is enqueued.
            operation.detached = true;
        }
    }
}

fn tables() -> Vec<(String, Json)> {
    vec![("text/csv".into(), json!({ "type": "string" })), (XLSX.into(), binary())]
}

fn export_parameters(spec: &Spec) -> Vec<Json> {
    let mut parameters = list_parameters(spec, false);
    parameters.push(parameter("format", json!({ "enum": ["csv", "xlsx"] }), "File format; csv by default"));
    parameters
}

fn import_parameters(spec: &Spec) -> Vec<Json> {
    let mut parameters = vec![parameter("dry_run", json!({ "type": "boolean" }), "Check only")];
    let keys = keys(spec);
    if !keys.is_empty() {
        let about = "Field by which existing records are found";
        parameters.push(parameter("key", json!({ "type": "string", "enum": keys }), about));
    }
    parameters
}

fn mount(api: &mut Api, resource: &Arc<dyn Dynamic>, actions: &[&'static str], bodies: Bodies) {
    let meta = *resource.meta();
    let view = api.define_view(&meta, resource.spec(), &bodies.view);
    let page = api.define_page(&meta, &view);
    let mut mounting = Mounting { api, resource, meta, view, bodies };
    for action in actions {
        match *action {
            "list" => mounting.list(page.clone()),
            "export" => mounting.export(),
            "create" => mounting.create(),
            "import" => mounting.import(),
            "read" => mounting.read(),
            "update" => mounting.update(),
            "delete" => mounting.delete(actions),
            "purge" => mounting.api.declare(&meta.permission("purge")),
            _ => {}
        }
    }
}

fn json_body(schema: Json) -> Vec<(String, Json)> {
    vec![("application/json".to_owned(), schema)]
}

impl Mounting<'_> {
    /// `id` is the operation's last word, `tail` what follows the collection's path.
    fn add(
        &mut self,
        action: &str,
        id: &str,
        method: Method,
        tail: &str,
        summary: &str,
        run: impl for<'a> Fn(&'a Cx, Arc<dyn Dynamic>) -> BoxFuture<'a, Result<Response>> + Send + Sync + 'static,
    ) -> &mut Operation {
        let resource = self.resource.clone();
        let handler: Handler = Arc::new(move |cx: &Cx| run(cx, resource.clone()));
        let meta = self.meta;
        self.api.push(Operation {
            id: format!("{}.{id}", meta.full_name()),
            method,
            path: format!("{}{tail}", meta.path()),
            access: Access::Permission(meta.permission(action)),
            summary: format!("{}: {summary}", meta.en),
            tag: meta.module.to_owned(),
            body_limit: None,
            detached: false,
            takes_table: false,
            parameters: Vec::new(),
            body: Vec::new(),
            answer: crate::api::plain(200, self.view.clone()),
            refusal: None,
            observer: None,
            quick: None,
            problems: Vec::new(),
            handler,
        })
    }

    fn list(&mut self, page: Json) {
        let parameters = list_parameters(self.resource.spec(), true);
        let operation =
            self.add("list", "list", Method::GET, "", "list", |cx, r| Box::pin(list::list(cx, r)));
        operation.answer = crate::api::plain(200, page);
        operation.parameters = parameters;
    }

    fn export(&mut self) {
        let parameters = export_parameters(self.resource.spec());
        let operation =
            self.add("export", "export", Method::GET, "/export", "export as CSV or XLSX", |cx, r| {
                Box::pin(transfer::export(cx, r))
            });
        operation.parameters = parameters;
        operation.answer.content = vec![("text/csv".into(), binary()), (XLSX.into(), binary())];
        operation.detached = true;
    }

    fn create(&mut self) {
        let body = with_examples(&self.bodies.create, self.resource, |sample| sample.create);
        let operation =
            self.add("create", "create", Method::POST, "", "create", |cx, r| Box::pin(record::create(cx, r)));
        operation.answer.status = 201;
        operation.body = json_body(body);
    }

    fn import(&mut self) {
        let report = self.api.schema::<ImportReport>();
        let parameters = import_parameters(self.resource.spec());
        let operation =
            self.add("import", "import", Method::POST, "/import", "import CSV or XLSX", |cx, r| {
                Box::pin(transfer::import(cx, r))
            });
        operation.body = tables();
        operation.body_limit = Some(transfer::BYTES);
        operation.takes_table = true;
        operation.answer = crate::api::plain(200, report);
        operation.parameters = parameters;
    }

    fn read(&mut self) {
        self.add("read", "read", Method::GET, "/{id}", "read", |cx, r| Box::pin(record::read(cx, r)));
    }

    fn update(&mut self) {
        let whole = self.bodies.create.clone();
        let operation = self.add("update", "replace", Method::PUT, "/{id}", "replace", |cx, r| {
            Box::pin(record::replace(cx, r))
        });
        operation.body = json_body(whole);
        operation.parameters = vec![if_match()];
        let part = with_examples(&self.bodies.patch, self.resource, |sample| sample.patch);
        let operation = self
            .add("update", "patch", Method::PATCH, "/{id}", "change", |cx, r| Box::pin(record::patch(cx, r)));
        operation.body = json_body(part);
        operation.parameters = vec![if_match()];
    }

    fn delete(&mut self, actions: &[&'static str]) {
        let purge =
            parameter("purge", json!({ "type": "boolean" }), "Delete for good; needs the permission purge");
        let operation =
            self.add("delete", "delete", Method::DELETE, "/{id}", "put into the trash", |cx, r| {
                Box::pin(record::delete(cx, r))
            });
        operation.answer = crate::api::empty(204);
        operation.parameters = vec![purge, if_match()];
        if self.resource.spec().has("deleted_at") {
            self.add("delete", "restore", Method::POST, "/{id}/restore", "take out of the trash", |cx, r| {
                Box::pin(record::restore_one(cx, r))
            });
        }
        let body = self.api.schema::<bulk::Bulk>();
        let answer = self.api.schema::<bulk::BulkAnswer>();
        let held = ["update", "delete", "purge"].into_iter().filter(|action| actions.contains(action));
        let codes = held.map(|action| self.meta.permission(action)).collect();
        let operation =
            self.add("delete", "bulk", Method::POST, "/bulk", "change or delete many", |cx, r| {
                Box::pin(bulk::bulk(cx, r))
            });
        operation.access = Access::AnyOf(codes);
        operation.body = json_body(body);
        operation.answer = crate::api::plain(200, answer);
    }
}

fn with_examples(schema: &Json, resource: &Arc<dyn Dynamic>, pick: fn(super::Sample) -> Json) -> Json {
    let examples: Vec<Json> = resource.samples().into_iter().map(pick).collect();
    if examples.is_empty() { schema.clone() } else { json!({ "allOf": [schema], "examples": examples }) }
}

fn keys(spec: &Spec) -> Vec<&'static str> {
    spec.unique.iter().filter(|set| set.len() == 1).filter_map(|set| set.first().copied()).collect()
}
