//! What the console is told of a resource: `GET /api/meta/`.

use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use base::{Error, Result};
use schemars::JsonSchema;

use crate::{
    Cx,
    resource::{Dynamic, Kind, SHOWN_STAMPS, query},
};

/// One field of a resource.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Field {
    /// Name.
    pub name: String,
    /// string, integer, number, boolean, datetime, uuid, enum, array or json.
    #[serde(rename = "type")]
    pub kind: String,
    /// The values of an enum.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Whether it can be null.
    pub nullable: bool,
    /// Filter operators.
    pub filter: Vec<String>,
    /// Whether a list can be sorted by it.
    pub sort: bool,
    /// Whether `search=` looks at it.
    pub search: bool,
    /// Whether a create takes it.
    pub create: bool,
    /// Whether a PATCH takes it.
    pub update: bool,
    /// Whether a create needs it.
    pub required: bool,
    /// The resource that it refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The longest text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u64>,
}

/// Titles in the console's languages.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Titles {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// One resource.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ResourceMeta {
    /// `identity.post`.
    pub name: String,
    /// `identity`.
    pub module: String,
    /// `/api/posts/`.
    pub path: String,
    /// Titles.
    pub titles: Titles,
    /// Fields.
    pub columns: Vec<Field>,
    /// Fields by which an import can find records.
    pub unique: Vec<String>,
    /// Action → permission.
    pub actions: Map<String, Json>,
    /// The actions that the caller may take.
    pub can: Vec<String>,
}

/// The schema that a `$ref` or an `allOf`/`anyOf` of one stands for.
fn resolve<'a>(definitions: &'a Map<String, Json>, schema: &'a Json) -> &'a Json {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return definitions.get(name).map_or(schema, |target| resolve(definitions, target));
    }
    for key in ["allOf", "anyOf", "oneOf"] {
        if let Some(list) = schema[key].as_array()
            && let Some(first) = list.iter().find(|one| one["type"] != json!("null"))
            && first.get("const").is_none()
        {
            return resolve(definitions, first);
        }
    }
    schema
}

fn enum_values(schema: &Json) -> Vec<String> {
    let plain = schema["enum"].as_array().into_iter().flatten();
    let described = schema["oneOf"].as_array().into_iter().flatten().map(|one| &one["const"]);
    plain.chain(described).filter_map(Json::as_str).map(str::to_owned).collect()
}

fn kind(schema: &Json, column: Option<Kind>) -> &'static str {
    if !enum_values(schema).is_empty() {
        return "enum";
    }
    match column {
        Some(Kind::Integer) => return "integer",
        Some(Kind::Boolean) => return "boolean",
        Some(Kind::Instant) => return "datetime",
        Some(Kind::Uuid) => return "uuid",
        Some(Kind::Json) => return "json",
        _ => {}
    }
    let types = match &schema["type"] {
        Json::String(one) => vec![one.as_str()],
        Json::Array(many) => many.iter().filter_map(Json::as_str).collect(),
        _ => vec![],
    };
    match (types.into_iter().find(|t| *t != "null"), schema["format"].as_str()) {
        (Some("string"), Some("uuid")) => "uuid",
        (Some("string"), Some("date-time")) => "datetime",
        (Some("string"), _) => "string",
        (Some("integer"), _) => "integer",
        (Some("number"), _) => "number",
        (Some("boolean"), _) => "boolean",
        (Some("array"), _) => "array",
        _ => "json",
    }
}

/// The fields of a resource: those of its view and those that only a body takes.
pub fn fields(resource: &dyn Dynamic) -> Vec<Field> {
    let schemas = resource.schemas();
    let empty = Map::new();
    let properties = |schema: &Json| schema["properties"].as_object().cloned().unwrap_or_default();
    let definitions = schemas.view["$defs"].as_object().unwrap_or(&empty);
    let (view, create, patch) =
        (properties(&schemas.view), properties(&schemas.create), properties(&schemas.patch));
    let required: Vec<String> =
        serde_json::from_value(schemas.create["required"].clone()).unwrap_or_default();
    let spec = resource.spec();
    let stamps = ["id"].into_iter().chain(SHOWN_STAMPS).filter(|name| spec.has(name));
    let mut names: Vec<String> = stamps.clone().take(1).map(str::to_owned).collect();
    names.extend(view.keys().cloned());
    names.extend(create.keys().filter(|name| !view.contains_key(*name)).cloned());
    names.extend(stamps.skip(1).map(str::to_owned));
    let describe = |name: String| {
        let column = spec.column(&name);
        let null = Json::Null;
        let shown = create.get(&name).or_else(|| view.get(&name)).unwrap_or(&null);
        let create_definitions = schemas.create["$defs"].as_object().unwrap_or(definitions);
        let schema =
            resolve(if create.contains_key(&name) { create_definitions } else { definitions }, shown);
        let filterable = column.filter(|column| spec.filter.contains(&column.name));
        let operators = filterable.map(query::operators).unwrap_or_default();
        let reference = spec.references.iter().find(|(column, _)| *column == name);
        Field {
            kind: kind(schema, column.map(|column| column.kind)).to_owned(),
            values: enum_values(schema),
            nullable: column.is_none_or(|column| column.nullable),
            filter: operators.into_iter().map(str::to_owned).collect(),
            sort: spec.sort.contains(&name.as_str()),
            search: spec.search.contains(&name.as_str()),
            create: create.contains_key(&name),
            update: patch.contains_key(&name),
            required: required.contains(&name),
            reference: reference.map(|(_, target)| (*target).to_owned()),
            max_length: schema["maxLength"].as_u64(),
            name,
        }
    };
    names.into_iter().map(describe).collect()
}

/// The columns of an export.
pub(crate) fn view_columns(resource: &dyn Dynamic) -> Vec<String> {
    let spec = resource.spec();
    let view = resource.schemas().view["properties"].as_object().cloned().unwrap_or_default();
    let id = spec.has("id").then(|| "id".to_owned());
    let stamps = SHOWN_STAMPS.into_iter().filter(|name| spec.has(name)).map(str::to_owned);
    id.into_iter().chain(view.keys().cloned()).chain(stamps).collect()
}

impl Field {
    /// A cell of a table as the JSON of this field.
    pub(crate) fn parse(&self, cell: &str) -> Result<Json> {
        let wrong = |expected: &str| Error::field(&self.name, "invalid_value", format!("must be {expected}"));
        // What an export made harmless comes back as it was.
        let cell = crate::sheet::unguarded(cell);
        match self.kind.as_str() {
            "integer" => cell.parse::<i64>().map(Json::from).map_err(|_| wrong("an integer")),
            "number" => cell.parse::<f64>().map(Json::from).map_err(|_| wrong("a number")),
            "boolean" => match cell.to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "是" => Ok(true.into()),
                "false" | "0" | "no" | "否" => Ok(false.into()),
                _ => Err(wrong("true or false")),
            },
            "array" => Ok(cell.split(',').map(str::trim).filter(|part| !part.is_empty()).collect()),
            "json" => serde_json::from_str(cell).map_err(|_| wrong("JSON")),
            _ => Ok(cell.into()),
        }
    }
}

/// What one caller is told of every resource that he may use at all.
pub fn describe(cx: &Cx) -> Vec<ResourceMeta> {
    let of = |resource: &std::sync::Arc<dyn Dynamic>| {
        let meta = resource.meta();
        let held = |action: &&&str| cx.can(&meta.permission(action));
        let can: Vec<String> = resource.actions().iter().filter(held).map(|a| (*a).to_owned()).collect();
        let unique = resource.spec().unique.iter().filter(|set| set.len() == 1);
        ResourceMeta {
            name: meta.full_name(),
            module: meta.module.to_owned(),
            path: format!("{}/", meta.path()),
            titles: Titles { zh: meta.zh.to_owned(), en: meta.en.to_owned() },
            columns: fields(&**resource),
            unique: unique.flatten().map(|name| (*name).to_owned()).collect(),
            actions: resource
                .actions()
                .iter()
                .map(|action| ((*action).to_owned(), meta.permission(action).into()))
                .collect(),
            can,
        }
    };
    cx.app.registry().iter().map(of).filter(|meta| !meta.can.is_empty()).collect()
}
