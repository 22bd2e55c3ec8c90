//! What goes over the wire of lists of grants in the console.

use std::collections::HashMap;

use base::{Id, Timestamp};
use chrono::{DateTime, Utc};
use kernel::{
    access::{Grant, Granter, GranterKind, Tuple},
    port::Person,
    resource::{ListQuery, Page},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A member as these routes show him.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "GrantUser")]
pub struct UserView {
    /// The user.
    pub id: Id,
    /// Name to show.
    pub name: String,
    /// Sign-in name.
    pub username: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Whether he may work here.
    pub is_active: bool,
}

impl From<&Person> for UserView {
    fn from(person: &Person) -> Self {
        Self {
            id: person.id,
            name: person.name.clone(),
            username: person.username.clone(),
            email: person.email.clone(),
            is_active: person.active,
        }
    }
}

/// Who gave something.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "GrantGiver")]
pub struct GiverView {
    /// `user`, `program`, `system`, or `unknown` for what was given before this was kept.
    pub kind: &'static str,
    /// The user or the program.
    pub id: Option<Id>,
    /// His name; that of then, where he is no member.
    pub name: String,
}

impl GiverView {
    /// With the present names of those who are members.
    pub fn of(granter: &Granter, people: &HashMap<Id, Person>) -> Self {
        let person = granter.id.filter(|_| granter.kind == GranterKind::User).and_then(|id| people.get(&id));
        Self {
            kind: granter.kind.as_str(),
            id: granter.id,
            name: person.map_or_else(|| granter.name.clone(), |person| person.name.clone()),
        }
    }
}

/// A grant to a member.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberGrant")]
pub struct GrantView {
    /// Id.
    pub id: Id,
    /// Who holds it.
    pub user: UserView,
    /// What.
    #[serde(flatten)]
    pub tuple: Tuple,
    /// Why.
    pub reason: Option<String>,
    /// Until when; null: for ever.
    pub expires_at: Option<Timestamp>,
    /// Who gave it.
    pub granted_by: Option<GiverView>,
    /// Since when; null for what was given before this was kept.
    pub created_at: Option<Timestamp>,
}

/// One page of a list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "{T}List")]
pub struct Listed<T> {
    /// The records.
    pub items: Vec<T>,
    /// How many there are in all; null with `count=none`.
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
    /// The answer to a query with this window.
    pub fn of((page, page_size): (u64, u64), found: Page, items: Vec<T>) -> Self {
        Self {
            items,
            total: found.total,
            total_capped: found.capped,
            page,
            page_size,
            next_cursor: found.next_cursor,
        }
    }
}

/// The window of a query, which answers repeat.
pub fn window(query: &ListQuery) -> (u64, u64) {
    (query.page, query.page_size)
}

/// Which grants.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "MemberGrantQuery")]
pub struct GrantQuery {
    /// To this member.
    pub user_id: Option<Id>,
    /// With this type of scope.
    pub scope_type: Option<String>,
    /// In this scope.
    pub scope_id: Option<String>,
    /// Of this module.
    pub module: Option<String>,
    /// Of this action.
    pub action: Option<String>,
    /// Words, each of which is in the name, sign-in name or address of the member.
    #[schemars(length(max = 200))]
    pub search: Option<String>,
    /// Those that end before this instant.
    pub expires_before: Option<DateTime<Utc>>,
    /// Given by this user or program.
    pub granted_by: Option<Id>,
}

/// The parameters of [`GrantQuery`].
pub const GRANT_QUERY: [&str; 8] =
    ["user_id", "scope_type", "scope_id", "module", "action", "search", "expires_before", "granted_by"];

/// Who can do this?
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "WhoCanQuery")]
pub struct WhoCanQuery {
    /// What kind of scope.
    pub scope_type: String,
    /// Which.
    pub scope_id: String,
    /// Module.
    pub module: String,
    /// Action.
    pub action: String,
    /// Page, from 1.
    #[schemars(range(min = 1, max = 1_000_000))]
    #[expect(dead_code, reason = "for the document; lists read it")]
    page: Option<u64>,
    /// Members of a page, 20 by default.
    #[schemars(range(min = 1, max = 200))]
    #[expect(dead_code, reason = "for the document; lists read it")]
    page_size: Option<u64>,
    /// `exact` counts beyond 10,000, `none` does not count.
    #[schemars(extend("enum" = ["exact", "none"]))]
    #[expect(dead_code, reason = "for the document; lists read it")]
    count: Option<String>,
}

impl WhoCanQuery {
    /// Its own parameters.
    pub const NAMES: [&'static str; 4] = ["scope_type", "scope_id", "module", "action"];

    /// The tuple.
    pub fn tuple(self) -> Tuple {
        let Self { scope_type, scope_id, module, action, .. } = self;
        Tuple { scope_type, scope_id, module, action }
    }
}

/// A role by its name.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "GrantRole")]
pub struct RoleView {
    /// The role.
    pub id: Id,
    /// Its name.
    pub name: String,
}

/// Why somebody has a permission.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "GrantOrigin")]
pub struct Origin {
    /// `owner`, `role` or `grant`.
    pub kind: &'static str,
    /// The role that carries it.
    pub role: Option<RoleView>,
    /// The grant, to him or to the role.
    pub grant_id: Option<Id>,
    /// Who gave it.
    pub granted_by: Option<GiverView>,
    /// Since when.
    pub granted_at: Option<Timestamp>,
    /// Why.
    pub reason: Option<String>,
    /// Until when.
    pub expires_at: Option<Timestamp>,
}

impl Origin {
    /// He owns the organisation.
    pub fn owner() -> Self {
        Self {
            kind: "owner",
            role: None,
            grant_id: None,
            granted_by: None,
            granted_at: None,
            reason: None,
            expires_at: None,
        }
    }

    /// A grant, to him or to a role.
    pub fn of(grant: &Grant, role: Option<RoleView>, people: &HashMap<Id, Person>) -> Self {
        Self {
            kind: if role.is_some() { "role" } else { "grant" },
            role,
            grant_id: Some(grant.id),
            granted_by: grant.terms.granted_by.as_ref().map(|granter| GiverView::of(granter, people)),
            granted_at: grant.granted_at.map(Timestamp),
            reason: grant.terms.reason.clone(),
            expires_at: grant.terms.expires_at.map(Timestamp),
        }
    }
}

/// Somebody who has a permission.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "GrantHolder")]
pub struct HolderView {
    /// Who.
    pub user: UserView,
    /// Why, every reason.
    pub origins: Vec<Origin>,
}

/// One page of those who have a permission.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "GrantHolders")]
pub struct Holders {
    /// By sign-in name.
    pub items: Vec<HolderView>,
    /// How many there are in all; null with `count=none`.
    pub total: Option<u64>,
    /// Whether there are more than `total`.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub total_capped: bool,
    /// The page, from 1.
    pub page: u64,
    /// Members of a page.
    pub page_size: u64,
}

impl Holders {
    /// The answer to a query with this window.
    pub fn of((page, page_size): (u64, u64), found: Page, items: Vec<HolderView>) -> Self {
        Self { items, total: found.total, total_capped: found.capped, page, page_size }
    }
}

/// One permission that a member has.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberPermission")]
pub struct PermissionView {
    /// Where and what.
    #[serde(flatten)]
    pub tuple: Tuple,
    /// When the last of the reasons ends; null: never.
    pub expires_at: Option<Timestamp>,
    /// Why, every reason.
    pub origins: Vec<Origin>,
}

/// What a member may do.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MemberAccess")]
pub struct AccessView {
    /// Who. Whoever may not work has no permissions.
    pub user: UserView,
    /// Whether he owns the organisation, and so has all of its permissions.
    pub is_owner: bool,
    /// The version of what he may do.
    pub version: i64,
    /// In the order of their tuples.
    pub permissions: Vec<PermissionView>,
}

/// Which part of what a member may do.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MemberAccessQuery")]
pub struct AccessQuery {
    /// Words, each of which is in the tuple or in the name of a role.
    #[schemars(length(max = 200))]
    pub search: Option<String>,
    /// With this type of scope.
    pub scope_type: Option<String>,
    /// Of this module.
    pub module: Option<String>,
}
