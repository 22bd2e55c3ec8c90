//! Operations: how modules mount routes, and what OpenAPI says of them.
//!
//! A route can only be mounted through [`Api::public`], [`Api::signed_in`] or [`Api::guarded`], so
//! each has an access rule; its input and output types are read off the handler, so the document
//! cannot drift from the code.

mod answer;
mod mount;
mod openapi;
pub(crate) mod record;

use std::sync::Arc;

use axum::response::Response;
use base::Result;
use futures_util::future::BoxFuture;
use http::Method;
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::Value;

pub use answer::{Accepted, Answer, Created, Description, Events, File, Json, NoContent, Page};
pub use mount::{Handle, HandleBody, Mount, Route};

use crate::{
    Cx,
    access::{Catalogue, Entry, Source},
    resource::{self, Registry, Resource},
};

/// Who may call an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// Anybody who is signed in.
    SignedIn,
    /// Holders of the permission.
    Permission(String),
    /// Holders of one of them; the handler checks which (bulk).
    AnyOf(Vec<String>),
}

impl Access {
    /// The permissions that are named.
    pub fn codes(&self) -> Vec<&str> {
        match self {
            Self::Public | Self::SignedIn => Vec::new(),
            Self::Permission(code) => vec![code],
            Self::AnyOf(codes) => codes.iter().map(String::as_str).collect(),
        }
    }
}

/// What runs when the guard has let a request through.
pub type Handler = Arc<dyn for<'a> Fn(&'a Cx) -> BoxFuture<'a, Result<Response>> + Send + Sync>;

/// One method on one path.
pub struct Operation {
    /// `identity.post.list`.
    pub id: String,
    /// Method.
    pub method: Method,
    /// Path template without a trailing slash: `/api/posts/{id}`.
    pub path: String,
    /// Who may call it.
    pub access: Access,
    /// One line.
    pub summary: String,
    /// Group in the document.
    pub tag: String,
    /// Bytes of a body, where the general limit does not fit.
    pub body_limit: Option<usize>,
    /// The handler begins its own transactions.
    pub detached: bool,
    /// The body is a table, which is read before the unit of work begins.
    pub takes_table: bool,
    /// Query parameters, as OpenAPI parameter objects.
    pub parameters: Vec<Value>,
    /// Content type → schema (and example) of the body.
    pub body: Vec<(String, Value)>,
    /// Status → (description, content type, schema) of success.
    pub answer: answer::Description,
    /// Further problem statuses than those that follow from the rest.
    pub problems: Vec<u16>,
    /// How a refusal looks, where clients of an older service expect their own form.
    pub refusal: Option<Refusal>,
    /// Who is told how requests ended.
    pub observer: Option<Observer>,
    /// Answers from memory, where that is all that is needed; tried before the request becomes a task.
    pub(crate) quick: Option<Quick>,
    pub(crate) handler: Handler,
}

/// What an operation can do for a request from memory.
pub enum AtHand<'a, T> {
    /// All of it.
    Now(Result<T>),
    /// All but a wait, which may be broken off at any moment.
    Soon(BoxFuture<'a, Result<T>>),
    /// Nothing: the handler has to work.
    No,
}

/// Answers from memory.
pub(crate) type Quick = Arc<dyn for<'a> Fn(&'a Cx) -> AtHand<'a, Response> + Send + Sync>;

/// Writes an error in another form than [`crate::http::problem`]'s. It is given the request's id.
pub type Refusal = fn(&base::Error, &str) -> Response;

/// How a request ended.
pub struct Ended<'a> {
    /// What was asked for.
    pub operation: &'a Operation,
    /// The status of the answer.
    pub status: http::StatusCode,
    /// The code of a refusal.
    pub refused: Option<&'a str>,
    /// From the body to the answer, other attempts included.
    pub took: std::time::Duration,
}

/// Is told how each request to an operation ended, before the answer leaves; it must not wait.
pub type Observer = fn(&Cx, &Ended<'_>);

/// An answer with a JSON body of that schema.
pub(crate) fn plain(status: u16, schema: Value) -> answer::Description {
    answer::Description::new(status, vec![("application/json".to_owned(), schema)])
}

/// An answer without a body.
pub(crate) fn empty(status: u16) -> answer::Description {
    answer::Description::new(status, Vec::new())
}

/// Collects operations, resources and declared permissions while the modules register.
pub struct Api {
    operations: Vec<Operation>,
    resources: Vec<Arc<dyn resource::Dynamic>>,
    declared: Vec<Entry>,
    generator: SchemaGenerator,
}

impl Default for Api {
    fn default() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Self {
            operations: Vec::new(),
            resources: Vec::new(),
            declared: Vec::new(),
            generator: settings.into_generator(),
        }
    }
}

impl Api {
    /// Routes that anybody may call. `tag` groups them in the document.
    pub fn public(&mut self, tag: &'static str) -> Mount<'_> {
        Mount::new(self, tag, mount::Rule::Public)
    }
    /// Routes for whoever is signed in.
    pub fn signed_in(&mut self, tag: &'static str) -> Mount<'_> {
        Mount::new(self, tag, mount::Rule::SignedIn)
    }
    /// Routes that need `module:name:<action>`.
    pub fn guarded(&mut self, module: &'static str, name: &'static str) -> Mount<'_> {
        Mount::new(self, module, mount::Rule::Guarded(module, name))
    }

    /// Registers a resource with its routes.
    ///
    /// # Panics
    /// When two resources share a plural or a name.
    pub fn resource<R: Resource>(&mut self) {
        let resource = resource::register::<R>(self);
        let meta = resource.meta();
        let taken = |other: &Arc<dyn resource::Dynamic>| {
            other.meta().plural == meta.plural || other.meta().full_name() == meta.full_name()
        };
        assert!(!self.resources.iter().any(taken), "two resources are called {}", meta.plural);
        self.resources.push(resource);
    }

    /// Mounts the background forms of export and import on every resource that is registered by now;
    /// `A` is what they answer.
    pub fn long_transfers<A: serde::Serialize + schemars::JsonSchema + Send + 'static>(
        &mut self,
        export: resource::Begin<A>,
        import: resource::Begin<A>,
    ) {
        let resources = self.resources.clone();
        resource::mount_long::<A>(self, &resources, export, import);
    }

    /// Declares a permission that no route carries.
    pub fn declare(&mut self, code: &str) {
        self.declared.extend(Entry::parse(code, Source::Declared));
    }

    /// The operations.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }
    /// Hands the operations over to the router.
    pub fn take_operations(&mut self) -> Vec<Arc<Operation>> {
        std::mem::take(&mut self.operations).into_iter().map(Arc::new).collect()
    }
    /// Every permission: those of routes, and those declared.
    pub fn catalogue(&self) -> Catalogue {
        let routes = self.operations.iter().flat_map(|operation| operation.access.codes());
        let mut entries: Vec<Entry> = routes.filter_map(|code| Entry::parse(code, Source::Route)).collect();
        entries.extend(self.declared.iter().cloned());
        Catalogue::new(entries)
    }
    /// The registered resources.
    pub fn registry(&self) -> Registry {
        Registry::new(self.resources.clone())
    }
    pub(crate) fn push(&mut self, operation: Operation) -> &mut Operation {
        let twice = |other: &Operation| {
            other.id == operation.id || (other.method == operation.method && other.path == operation.path)
        };
        assert!(!self.operations.iter().any(twice), "{} is mounted twice", operation.id);
        self.operations.push(operation);
        let last = self.operations.len() - 1;
        &mut self.operations[last]
    }
    pub(crate) fn schema<T: schemars::JsonSchema>(&mut self) -> Value {
        self.generator.subschema_for::<T>().to_value()
    }
    /// Adds a named schema that the engine composed, and returns a reference to it.
    pub(crate) fn define(&mut self, name: &str, schema: Value) -> Value {
        self.generator.definitions_mut().insert(name.to_owned(), schema);
        serde_json::json!({ "$ref": format!("#/components/schemas/{name}") })
    }
    pub(crate) fn definition(&self, name: &str) -> Option<&Value> {
        self.generator.definitions().get(name)
    }
}
