//! How the engine's routes are documented: parameters of lists, envelopes, the members of every record.

use serde_json::{Map, Value as Json, json};

use crate::{
    Api, Meta, Spec,
    resource::{Kind, SHOWN_STAMPS, query},
};

pub(crate) fn binary() -> Json {
    json!({ "type": "string", "format": "binary" })
}

pub(crate) fn parameter(name: &str, schema: Json, description: &str) -> Json {
    json!({ "name": name, "in": "query", "required": false, "description": description, "schema": schema })
}

pub(crate) fn if_match() -> Json {
    json!({
        "name": "If-Match", "in": "header", "required": false,
        "description": "The ETag of the version that is to be changed",
        "schema": { "type": "string", "pattern": "^(\\*|\"[0-9]{1,9}\")$" },
    })
}

/// The list grammar of one resource, parameter by parameter.
pub(crate) fn list_parameters(spec: &Spec, window: bool) -> Vec<Json> {
    let mut out = Vec::new();
    if window {
        out.push(parameter(
            "page",
            json!({ "type": "integer", "minimum": 1, "maximum": 1_000_000 }),
            "Page, from 1",
        ));
        out.push(parameter(
            "page_size",
            json!({ "type": "integer", "minimum": 1, "maximum": 200 }),
            "Rows of a page",
        ));
        out.push(parameter(
            "cursor",
            json!({ "type": "string" }),
            "`next_cursor` of the page before, instead of `page`",
        ));
        out.push(parameter("count", json!({ "enum": ["exact", "none"] }), "Count exactly, or not at all"));
    }
    if !spec.search.is_empty() {
        let about = format!("Words to find in {}", spec.search.join(", "));
        out.push(parameter("search", json!({ "type": "string", "maxLength": 200 }), &about));
    }
    let sorts: Vec<String> =
        spec.sort.iter().flat_map(|name| [(*name).to_owned(), format!("-{name}")]).collect();
    if !sorts.is_empty() {
        let items = json!({ "type": "array", "items": { "enum": sorts } });
        let mut sort = parameter("sort", items, "Columns by comma; `-` descends");
        sort["style"] = json!("form");
        sort["explode"] = json!(false);
        out.push(sort);
    }
    if spec.has("deleted_at") {
        out.push(parameter(
            "trash",
            json!({ "type": "boolean" }),
            "The trash instead; needs the permission delete",
        ));
    }
    for column in spec.filter.iter().filter_map(|name| spec.column(name)) {
        for operator in query::operators(column) {
            let name = if operator == "eq" && !query::RESERVED.contains(&column.name) {
                column.name.to_owned()
            } else {
                format!("{}__{operator}", column.name)
            };
            let schema = filter_schema(column.kind, operator);
            let mut filter = parameter(&name, schema, &format!("Filter: {operator}"));
            if operator == "in" {
                filter["style"] = json!("form");
                filter["explode"] = json!(false);
            }
            out.push(filter);
        }
    }
    out
}

fn filter_schema(kind: Kind, operator: &str) -> Json {
    use crate::resource::Kind::{Boolean, Instant, Integer, Json as JsonKind, Text, Uuid};
    match (operator, kind) {
        ("null", _) | (_, Boolean) => json!({ "type": "boolean" }),
        ("in", _) => {
            json!({ "type": "array", "items": filter_schema(kind, "eq"), "minItems": 1, "maxItems": 200 })
        }
        (_, JsonKind) => json!({ "type": "string" }),
        (_, Integer) => json!({ "type": "integer", "format": "int64" }),
        (_, Instant) => json!({ "type": "string", "format": "date-time" }),
        (_, Uuid) => json!({ "type": "string", "format": "uuid" }),
        (_, Text) => json!({ "type": "string" }),
    }
}

impl Api {
    /// The view with the members that the engine adds, under the view's own name.
    pub(crate) fn define_view(&mut self, meta: &Meta, spec: &Spec, view: &Json) -> Json {
        let name = format!("{}Record", capitalised(meta.name));
        let own = view["$ref"].as_str().and_then(|path| path.rsplit('/').next()).map(str::to_owned);
        let inner = own.and_then(|name| self.definition(&name).cloned()).unwrap_or_else(|| view.clone());
        let mut properties: Map<String, Json> = Map::new();
        let mut required: Vec<Json> = Vec::new();
        if spec.has("id") {
            properties.insert("id".into(), json!({ "type": "string", "format": "uuid" }));
            required.push("id".into());
        }
        properties.extend(inner["properties"].as_object().cloned().unwrap_or_default());
        required.extend(inner["required"].as_array().cloned().unwrap_or_default());
        for stamp in SHOWN_STAMPS.into_iter().filter(|stamp| spec.has(stamp)) {
            properties.insert(stamp.into(), stamp_schema(stamp));
            required.push(stamp.into());
        }
        self.define(&name, json!({ "type": "object", "properties": properties, "required": required }))
    }

    pub(crate) fn define_page(&mut self, meta: &Meta, view: &Json) -> Json {
        self.define(&format!("{}Page", capitalised(meta.name)), page_schema(view))
    }
}

/// The envelope of a list of `view`.
pub(crate) fn page_schema(view: &Json) -> Json {
    json!({
        "type": "object",
        "properties": {
            "items": { "type": "array", "items": view },
            "total": { "type": ["integer", "null"], "minimum": 0 },
            "total_capped": { "type": "boolean" },
            "page": { "type": "integer", "minimum": 1 },
            "page_size": { "type": "integer", "minimum": 1, "maximum": 200 },
            "next_cursor": { "type": ["string", "null"] },
        },
        "required": ["items", "total", "page", "page_size", "next_cursor"],
    })
}

fn stamp_schema(name: &str) -> Json {
    match name {
        "version" => json!({ "type": "integer", "minimum": 1 }),
        "created_at" | "updated_at" => json!({ "type": "string", "format": "date-time" }),
        "deleted_at" => json!({ "type": ["string", "null"], "format": "date-time" }),
        _ => json!({ "type": ["string", "null"], "format": "uuid" }),
    }
}

/// `audit_entry` → `AuditEntry`.
fn capitalised(name: &str) -> String {
    let word = |part: &str| {
        let mut letters = part.chars();
        letters
            .next()
            .map(|first| first.to_uppercase().chain(letters).collect::<String>())
            .unwrap_or_default()
    };
    name.split('_').map(word).collect()
}
