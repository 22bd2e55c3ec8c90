//! Mounting handlers.

use std::{future::Future, sync::Arc};

use axum::response::Response;
use base::Result;
use futures_util::future::BoxFuture;
use http::Method;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use validator::Validate;

use super::AtHand;
use super::{Access, Answer, Api, Handler, Operation, record::list_parameters};
use crate::{Cx, Spec, http::decode};

/// A handler without a body: `async fn(&Cx) -> Result<impl Answer>`.
pub trait Handle<'a, Out>: Send + Sync + 'static {
    /// What it returns.
    type Future: Future<Output = Result<Out>> + Send + 'a;
    /// Runs it.
    fn run(&self, cx: &'a Cx) -> Self::Future;
}

impl<'a, F, Fut, Out> Handle<'a, Out> for F
where
    F: Fn(&'a Cx) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Out>> + Send + 'a,
{
    type Future = Fut;
    fn run(&self, cx: &'a Cx) -> Fut {
        self(cx)
    }
}

/// A handler with a JSON body: `async fn(&Cx, In) -> Result<impl Answer>`.
pub trait HandleBody<'a, In, Out>: Send + Sync + 'static {
    /// What it returns.
    type Future: Future<Output = Result<Out>> + Send + 'a;
    /// Runs it.
    fn run(&self, cx: &'a Cx, input: In) -> Self::Future;
}

impl<'a, F, Fut, In, Out> HandleBody<'a, In, Out> for F
where
    F: Fn(&'a Cx, In) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Out>> + Send + 'a,
{
    type Future = Fut;
    fn run(&self, cx: &'a Cx, input: In) -> Fut {
        self(cx, input)
    }
}

#[derive(Clone, Copy)]
pub(super) enum Rule {
    Public,
    SignedIn,
    Guarded(&'static str, &'static str),
}

/// Where routes of one access rule are mounted.
pub struct Mount<'a> {
    api: &'a mut Api,
    tag: &'static str,
    rule: Rule,
}

/// A mounted route, to be described further.
pub struct Route<'a> {
    api: &'a mut Api,
    at: usize,
}

macro_rules! with_body {
    ($($(#[$doc:meta])* $name:ident => $method:ident),* $(,)?) => { $(
        $(#[$doc])*
        pub fn $name<H, In, Out>(&mut self, name: &str, path: &str, summary: &str, handler: H) -> Route<'_>
        where
            H: for<'x> HandleBody<'x, In, Out>,
            In: DeserializeOwned + JsonSchema + Validate + Send + 'static,
            Out: Answer + 'static,
        {
            self.body_route(Method::$method, name, path, summary, handler)
        }
    )* };
}

macro_rules! without_body {
    ($($(#[$doc:meta])* $name:ident => $method:ident),* $(,)?) => { $(
        $(#[$doc])*
        pub fn $name<H, Out>(&mut self, name: &str, path: &str, summary: &str, handler: H) -> Route<'_>
        where
            H: for<'x> Handle<'x, Out>,
            Out: Answer + 'static,
        {
            self.plain_route(Method::$method, name, path, summary, handler)
        }
    )* };
}

impl<'a> Mount<'a> {
    pub(super) fn new(api: &'a mut Api, tag: &'static str, rule: Rule) -> Self {
        Self { api, tag, rule }
    }

    without_body! {
        /// `GET`. For guarded mounts `name` is the action, else the operation's id without its tag.
        get => GET,
        /// `DELETE`.
        delete => DELETE,
        /// `POST` without a body, or with one that the handler reads itself ([`Route::raw_body`]).
        act => POST,
        /// `PUT` with a body that the handler reads itself.
        set => PUT,
        /// `PATCH` with a body that the handler reads itself.
        amend => PATCH,
    }
    with_body! {
        /// `POST` with a body.
        post => POST,
        /// `PUT` with a body.
        put => PUT,
        /// `PATCH` with a body.
        patch => PATCH,
    }

    fn plain_route<H, Out>(
        &mut self,
        method: Method,
        name: &str,
        path: &str,
        summary: &str,
        handler: H,
    ) -> Route<'_>
    where
        H: for<'x> Handle<'x, Out>,
        Out: Answer + 'static,
    {
        let handler = Arc::new(handler);
        let run: Handler = Arc::new(move |cx: &Cx| {
            let handler = handler.clone();
            let future: BoxFuture<'_, Result<Response>> =
                Box::pin(async move { handler.run(cx).await?.respond(cx) });
            future
        });
        let answer = Out::describe(&mut self.api.generator);
        self.push(method, name, path, summary, run, Vec::new(), answer)
    }

    fn body_route<H, In, Out>(
        &mut self,
        method: Method,
        name: &str,
        path: &str,
        summary: &str,
        handler: H,
    ) -> Route<'_>
    where
        H: for<'x> HandleBody<'x, In, Out>,
        In: DeserializeOwned + JsonSchema + Validate + Send + 'static,
        Out: Answer + 'static,
    {
        let handler = Arc::new(handler);
        let run: Handler = Arc::new(move |cx: &Cx| {
            let handler = handler.clone();
            let future: BoxFuture<'_, Result<Response>> = Box::pin(async move {
                let input = decode::typed::<In>(decode::json(&cx.headers, cx.body())?)?;
                handler.run(cx, input).await?.respond(cx)
            });
            future
        });
        let answer = Out::describe(&mut self.api.generator);
        let body = vec![("application/json".to_owned(), self.api.schema::<In>())];
        self.push(method, name, path, summary, run, body, answer)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one route, named by the two callers above")]
    fn push(
        &mut self,
        method: Method,
        name: &str,
        path: &str,
        summary: &str,
        handler: Handler,
        body: Vec<(String, Value)>,
        answer: super::answer::Description,
    ) -> Route<'_> {
        let (id, access) = match self.rule {
            Rule::Public => (format!("{}.{name}", self.tag), Access::Public),
            Rule::SignedIn => (format!("{}.{name}", self.tag), Access::SignedIn),
            Rule::Guarded(module, resource) => {
                let code = format!("{module}:{resource}:{name}");
                (format!("{module}.{resource}.{name}"), Access::Permission(code))
            }
        };
        self.api.push(Operation {
            id,
            method,
            path: path.trim_end_matches('/').to_owned(),
            access,
            summary: summary.to_owned(),
            tag: self.tag.to_owned(),
            body_limit: None,
            detached: false,
            takes_table: false,
            parameters: Vec::new(),
            body,
            answer,
            problems: Vec::new(),
            refusal: None,
            observer: None,
            quick: None,
            handler,
        });
        let at = self.api.operations.len() - 1;
        Route { api: &mut *self.api, at }
    }
}

impl Route<'_> {
    fn operation(&mut self) -> &mut Operation {
        &mut self.api.operations[self.at]
    }
    /// Another operation id than the action's, where one permission has several routes.
    pub fn id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.operation().id);
        self
    }
    /// Query parameters, from the fields of a struct.
    pub fn query<Q: JsonSchema>(mut self) -> Self {
        let schema = schemars::generate::SchemaSettings::draft2020_12()
            .with(|s| {
                s.inline_subschemas = true;
                s.meta_schema = None;
            })
            .into_generator()
            .into_root_schema_for::<Q>()
            .to_value();
        let required: Vec<String> = serde_json::from_value(schema["required"].clone()).unwrap_or_default();
        for (name, mut field) in schema["properties"].as_object().cloned().unwrap_or_default() {
            let description = field.as_object_mut().and_then(|f| f.remove("description"));
            let parameter = json!({
                "name": name, "in": "query", "required": required.contains(&name),
                "description": description, "schema": field,
            });
            self.operation().parameters.push(parameter);
        }
        self
    }
    /// The grammar of a list over `spec`, parameter by parameter: window, search, sort and filters.
    pub fn lists(mut self, spec: &Spec) -> Self {
        self.operation().parameters.extend(list_parameters(spec, true));
        self
    }
    /// Query parameters as they are.
    pub fn parameters(mut self, parameters: Vec<Value>) -> Self {
        self.operation().parameters.extend(parameters);
        self
    }
    /// The permission of another action than the route's name says.
    pub fn needs(mut self, code: &str) -> Self {
        self.operation().access = Access::Permission(code.to_owned());
        self
    }
    /// One of these permissions; the handler checks which.
    pub fn needs_any(mut self, codes: Vec<String>) -> Self {
        self.operation().access = Access::AnyOf(codes);
        self
    }
    /// The handler begins its own transactions (slow hashing, streams).
    pub fn detached(mut self) -> Self {
        self.operation().detached = true;
        self
    }
    /// Bytes of a body.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.operation().body_limit = Some(bytes);
        self
    }
    /// A body that is a table of at most so many bytes, CSV or XLSX, which is read before the unit of work
    /// begins ([`Cx::table`]).
    pub fn table(mut self, bytes: usize) -> Self {
        let binary = json!({ "type": "string", "format": "binary" });
        let operation = self.operation();
        operation.takes_table = true;
        operation.body_limit = Some(bytes);
        operation.body = vec![
            ("text/csv".to_owned(), json!({ "type": "string" })),
            (crate::sheet::XLSX.to_owned(), binary),
        ];
        self
    }
    /// A body of these content types, read by the handler itself.
    pub fn raw_body(mut self, content: Vec<(String, Value)>) -> Self {
        self.operation().body = content;
        self
    }
    /// For a public route that is called very often: what it can answer from memory. Where it answers, no task
    /// is started for the request.
    pub fn quick<Out: Answer + 'static>(mut self, answer: fn(&Cx) -> AtHand<'_, Out>) -> Self {
        self.operation().quick = Some(Arc::new(move |cx| match answer(cx) {
            AtHand::Now(outcome) => AtHand::Now(outcome.and_then(|answer| answer.respond(cx))),
            AtHand::Soon(wait) => AtHand::Soon(Box::pin(async move { wait.await?.respond(cx) })),
            AtHand::No => AtHand::No,
        }));
        self
    }
    /// Refusals in a form of their own.
    pub fn refuses_as(mut self, refusal: super::Refusal) -> Self {
        self.operation().refusal = Some(refusal);
        self
    }
    /// Tells `observer` how each request ended.
    pub fn observed(mut self, observer: super::Observer) -> Self {
        self.operation().observer = Some(observer);
        self
    }
    /// Further problem statuses.
    pub fn problems(mut self, statuses: &[u16]) -> Self {
        self.operation().problems.extend_from_slice(statuses);
        self
    }
    /// An example body.
    pub fn example(mut self, example: Value) -> Self {
        if let Some((_, schema)) = self.operation().body.first_mut() {
            *schema = json!({ "allOf": [schema.clone()], "examples": [example] });
        }
        self
    }
    /// What success looks like, where the type does not say it.
    pub fn answers(mut self, status: u16, content: Vec<(String, Value)>) -> Self {
        let answer = &mut self.operation().answer;
        (answer.status, answer.content) = (status, content);
        self
    }
    /// Its answer carries tokens or secrets: it is kept nowhere, and `Idempotency-Key` is ignored.
    pub fn secret(mut self) -> Self {
        self.operation().answer.secret = true;
        self
    }
}
