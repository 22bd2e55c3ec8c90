//! Programs on the wire: as they are shown, made and changed, by people and by other programs.

use base::{Error, FieldError, Id, Result, Timestamp};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use validator::{Validate, ValidationError};

use super::{SCOPES, admit, list};
use crate::{
    entity::client::Model,
    fields::{is_name, present},
};

/// A program.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberClient")]
pub struct View {
    id: Id,
    /// What it sends as `X-Client-Key`.
    client_key: String,
    /// Its name.
    name: String,
    /// The beginning of its key.
    key_prefix: String,
    /// Whether its key is taken.
    active: bool,
    /// What it may do.
    scopes: Vec<String>,
    /// Modules of which it may give and take, or `module:action`.
    may_grant: Vec<String>,
    /// Origins from which browsers may use it; null: any.
    allow_origins: Option<Vec<String>>,
    /// Networks from which it may call; null: any.
    allow_ips: Option<Vec<String>>,
    /// Paths that it may call, whole or ending in `/*`; null: any.
    allow_paths: Option<Vec<String>>,
    /// Calls in a minute; 0 for no limit.
    calls_per_minute: i32,
    /// When it ends.
    expires_at: Option<Timestamp>,
    /// When it called last.
    last_used_at: Option<Timestamp>,
    /// Until when the key before this one is taken.
    previous_until: Option<Timestamp>,
    /// Who made it.
    made_by: String,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// A row as it is shown: without its hashes.
pub fn view(row: &Model) -> Result<View> {
    Ok(View {
        id: row.id,
        client_key: row.client_key.clone(),
        name: row.name.clone(),
        key_prefix: row.key_prefix.clone(),
        active: row.active,
        scopes: list(row.scopes.as_ref())?.unwrap_or_default(),
        may_grant: list(row.may_grant.as_ref())?.unwrap_or_default(),
        allow_origins: list(row.allow_origins.as_ref())?,
        allow_ips: list(row.allow_ips.as_ref())?,
        allow_paths: list(row.allow_paths.as_ref())?,
        calls_per_minute: row.calls_per_minute,
        expires_at: row.expires_at.map(Timestamp),
        last_used_at: row.last_used_at.map(Timestamp),
        previous_until: row.previous_until.map(Timestamp),
        made_by: row.made_by.clone(),
        created_at: Timestamp(row.created_at),
        updated_at: Timestamp(row.updated_at),
    })
}

/// A program to be made.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MemberClientNew")]
pub struct New {
    /// Its name.
    #[validate(length(min = 1, max = 120))]
    name: String,
    /// What it sends as `X-Client-Key`, for ever; found by itself where it is absent.
    #[validate(length(min = 3, max = 64), custom(function = is_client_key))]
    #[schemars(regex(pattern = "^[A-Za-z0-9_-]+$"))]
    client_key: Option<String>,
    /// Whether its key is taken.
    active: Option<bool>,
    /// What it may do.
    #[validate(length(max = 20))]
    scopes: Option<Vec<String>>,
    /// Modules of which it may give and take, or `module:action`.
    #[validate(length(max = 200))]
    may_grant: Option<Vec<String>>,
    /// Origins from which browsers may use it; null: any.
    allow_origins: Option<Vec<String>>,
    /// Networks from which it may call; null: any.
    allow_ips: Option<Vec<String>>,
    /// Paths that it may call, whole or ending in `/*`; null: any.
    allow_paths: Option<Vec<String>>,
    /// Calls in a minute; 0 for no limit, absent: 600.
    #[validate(range(min = 0, max = 1_000_000))]
    calls_per_minute: Option<i32>,
    /// When it ends; null: never.
    expires_at: Option<DateTime<Utc>>,
}

fn is_client_key(text: &str) -> std::result::Result<(), ValidationError> {
    let fits = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    if fits { Ok(()) } else { Err(ValidationError::new("invalid_format")) }
}

impl New {
    /// The wished name in `X-Client-Key`, and the rest.
    pub fn wish(self) -> (Option<String>, Wish) {
        let wish = Wish {
            name: Some(self.name),
            active: self.active,
            scopes: self.scopes,
            may_grant: self.may_grant,
            allow_origins: Some(self.allow_origins),
            allow_ips: Some(self.allow_ips),
            allow_paths: Some(self.allow_paths),
            calls_per_minute: self.calls_per_minute,
            expires_at: Some(self.expires_at),
        };
        (self.client_key, wish)
    }
}

/// What is to change of a program; absent leaves what there is.
#[derive(Debug, Default, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MemberClientWish")]
pub struct Wish {
    /// Its name.
    #[validate(length(min = 1, max = 120))]
    pub name: Option<String>,
    /// Whether its key is taken.
    pub active: Option<bool>,
    /// What it may do.
    #[validate(length(max = 20))]
    pub scopes: Option<Vec<String>>,
    /// Modules of which it may give and take, or `module:action`.
    #[validate(length(max = 200))]
    pub may_grant: Option<Vec<String>>,
    /// Origins from which browsers may use it; null: any.
    #[serde(default, deserialize_with = "present")]
    pub allow_origins: Option<Option<Vec<String>>>,
    /// Networks from which it may call; null: any.
    #[serde(default, deserialize_with = "present")]
    pub allow_ips: Option<Option<Vec<String>>>,
    /// Paths that it may call, whole or ending in `/*`; null: any.
    #[serde(default, deserialize_with = "present")]
    pub allow_paths: Option<Option<Vec<String>>>,
    /// Calls in a minute; 0 for no limit.
    #[validate(range(min = 0, max = 1_000_000))]
    pub calls_per_minute: Option<i32>,
    /// When it ends; null: never.
    #[serde(default, deserialize_with = "present")]
    pub expires_at: Option<Option<DateTime<Utc>>>,
}

impl Wish {
    /// Lists as they are kept, or what is wrong with them.
    pub fn check(&mut self) -> Result<()> {
        let mut errors = Vec::new();
        let mut refuse = |field: String, code: &str, message: &str| {
            errors.push(FieldError::new(field, code.to_owned(), message.to_owned()));
        };
        for (at, scope) in self.scopes.iter().flatten().enumerate() {
            if !SCOPES.contains(&scope.as_str()) {
                refuse(format!("scopes.{at}"), "unknown_value", &format!("one of {}", SCOPES.join(", ")));
            }
        }
        for (at, grant) in self.may_grant.iter().flatten().enumerate() {
            let (module, action) =
                grant.split_once(':').map_or((grant.as_str(), None), |(m, a)| (m, Some(a)));
            if !is_name(module) || action.is_some_and(|action| !is_name(action)) {
                refuse(format!("may_grant.{at}"), "invalid_format", "must be a module, or module:action");
            }
        }
        for (at, origin) in self.allow_origins.iter_mut().flatten().flatten().enumerate() {
            match admit::origin_of(origin) {
                Some(clean) => *origin = clean,
                None => {
                    refuse(format!("allow_origins.{at}"), "invalid_format", "must be scheme://host[:port]")
                }
            }
        }
        for (at, net) in self.allow_ips.iter().flatten().flatten().enumerate() {
            if admit::parse_net(net).is_none() {
                refuse(format!("allow_ips.{at}"), "invalid_format", "must be an address or a network");
            }
        }
        for (at, path) in self.allow_paths.iter().flatten().flatten().enumerate() {
            if !path.starts_with('/') || path.trim_end_matches("/*").contains('*') {
                let message = "must be a path, whole or ending in /*";
                refuse(format!("allow_paths.{at}"), "invalid_format", message);
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(Error::fields(errors)) }
    }

    /// Changes a row.
    pub fn apply(&self, row: &mut Model) {
        let set = |field: &mut Option<sea_orm::JsonValue>, wish: &Option<Vec<String>>| {
            if let Some(list) = wish {
                *field = Some(json!(list));
            }
        };
        let set_or_clear = |field: &mut Option<sea_orm::JsonValue>, wish: &Option<Option<Vec<String>>>| {
            if let Some(list) = wish {
                *field = list.as_ref().map(|list| json!(list));
            }
        };
        if let Some(name) = &self.name {
            row.name.clone_from(name);
        }
        row.active = self.active.unwrap_or(row.active);
        set(&mut row.scopes, &self.scopes);
        set(&mut row.may_grant, &self.may_grant);
        set_or_clear(&mut row.allow_origins, &self.allow_origins);
        set_or_clear(&mut row.allow_ips, &self.allow_ips);
        set_or_clear(&mut row.allow_paths, &self.allow_paths);
        row.calls_per_minute = self.calls_per_minute.unwrap_or(row.calls_per_minute);
        row.expires_at = self.expires_at.unwrap_or(row.expires_at);
    }
}

/// Every program.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberClientList")]
pub struct List {
    /// By name.
    pub items: Vec<View>,
}

/// A program with its key, which is shown this once.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberClientWithKey")]
pub struct WithKey {
    /// The program.
    #[serde(flatten)]
    pub client: View,
    /// What it sends as `X-API-Key`.
    pub api_key: String,
}

/// How a key is replaced.
#[derive(Debug, Default, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MemberClientRotation")]
pub struct Rotation {
    /// For how many hours the present key goes on, 0 to 720.
    #[serde(default)]
    #[validate(range(min = 0, max = 720))]
    pub overlap_hours: i64,
}
