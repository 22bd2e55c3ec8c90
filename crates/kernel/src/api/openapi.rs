//! The OpenAPI 3.1 document, written from the operations.

use http::Method;
use serde_json::{Map, Value, json};

use super::{Access, Api, Operation};
use crate::http::{idempotency, problem::Problem};

impl Api {
    /// The document. `title` is the product's name, `version` that of the build.
    pub fn openapi(&mut self, title: &str, version: &str) -> Value {
        let problem = self.schema::<Problem>();
        let mut paths: Map<String, Value> = Map::new();
        for operation in &self.operations {
            let item = paths.entry(operation.path.clone()).or_insert_with(|| json!({}));
            item[operation.method.as_str().to_ascii_lowercase()] = describe(operation);
        }
        paths.sort_keys();
        let mut schemas = self.generator.definitions().clone();
        schemas.sort_keys();
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": title,
                "version": version,
                "description": "Every path may be called with or without a trailing slash.",
                "license": { "name": "MIT", "identifier": "MIT" },
            },
            "servers": [{ "url": "/" }],
            "paths": paths,
            "components": {
                "schemas": schemas,
                "responses": {
                    "Problem": {
                        "description": "What went wrong (RFC 9457)",
                        "content": { "application/problem+json": { "schema": problem } },
                    },
                    "Refusal": {
                        "description": "What went wrong, in the form of an older service, or as a problem where \
                                        the request did not come that far",
                        "content": {
                            "application/json": { "schema": { "type": "object" } },
                            "application/problem+json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["type", "title", "status", "code", "detail", "request_id"],
                                    "properties": {
                                        "type": { "type": "string" },
                                        "title": { "type": "string" },
                                        "status": { "type": "integer" },
                                        "code": { "type": "string" },
                                        "detail": {
                                            "description": "a sentence, or what is wrong, thing by thing",
                                            "type": ["string", "array"],
                                        },
                                        "request_id": { "type": "string" },
                                        "errors": { "type": "array" },
                                    },
                                },
                            },
                        },
                    },
                },
                "securitySchemes": {
                    "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
                    "password": {
                        "type": "oauth2",
                        "flows": { "password": { "tokenUrl": "/api/auth/token", "scopes": {} } },
                    },
                    "apiKey": { "type": "apiKey", "in": "header", "name": "X-API-Key" },
                },
            },
        })
    }
}

fn describe(operation: &Operation) -> Value {
    let mut parameters: Vec<Value> = path_parameters(&operation.path);
    parameters.extend(operation.parameters.iter().cloned());
    if operation.takes_idempotency_key() {
        parameters.push(idempotency::parameter());
    }
    let mut out = json!({
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "responses": responses(operation),
    });
    match &operation.access {
        Access::Public => out["security"] = json!([]),
        Access::SignedIn => out["x-access"] = json!("signed_in"),
        Access::Permission(code) => out["x-permission"] = json!(code),
        Access::AnyOf(codes) => out["x-permission"] = json!(codes),
    }
    if operation.access != Access::Public {
        out["security"] = json!([{ "bearer": [] }, { "password": [] }, { "apiKey": [] }]);
    }
    if !parameters.is_empty() {
        out["parameters"] = Value::Array(parameters);
    }
    if !operation.body.is_empty() {
        let content: Map<String, Value> =
            operation.body.iter().map(|(kind, schema)| (kind.clone(), json!({ "schema": schema }))).collect();
        out["requestBody"] = json!({ "required": true, "content": content });
    }
    out
}

fn path_parameters(path: &str) -> Vec<Value> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    names
        .map(|name| {
            let schema = match name {
                "token" => json!({ "type": "string", "minLength": 1 }),
                // Any text stands for no record there.
                "guid" => json!({ "type": "string", "minLength": 1 }),
                _ => json!({ "type": "string", "format": "uuid" }),
            };
            json!({ "name": name, "in": "path", "required": true, "schema": schema })
        })
        .collect()
}

/// The statuses that follow from what the operation is, and those it names itself.
fn responses(operation: &Operation) -> Value {
    let mut out = Map::new();
    let mut success = json!({ "description": "Success" });
    if !operation.answer.content.is_empty() {
        let content: Map<String, Value> = operation
            .answer
            .content
            .iter()
            .map(|(kind, schema)| (kind.clone(), json!({ "schema": schema })))
            .collect();
        success["content"] = Value::Object(content);
    }
    out.insert(operation.answer.status.to_string(), success);
    let mut statuses = vec![400, 422, 429, 500, 503];
    if operation.access != Access::Public {
        statuses.extend([401, 403]);
    }
    if operation.path.contains('{') {
        statuses.push(404);
    }
    if operation.method != Method::GET {
        statuses.push(409);
    }
    if !operation.body.is_empty() {
        statuses.extend([413, 415]);
    }
    if matches!(operation.method, Method::PUT | Method::PATCH | Method::DELETE) {
        statuses.push(412);
    }
    statuses.extend(&operation.problems);
    statuses.sort_unstable();
    statuses.dedup();
    let refused = match operation.refusal {
        None => json!({ "$ref": "#/components/responses/Problem" }),
        Some(_) => json!({ "$ref": "#/components/responses/Refusal" }),
    };
    for status in statuses {
        out.insert(status.to_string(), refused.clone());
    }
    Value::Object(out)
}
