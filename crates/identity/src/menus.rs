//! The sidebar: the console's pages, as the organisation has ordered, named and extended them.
//!
//! A page exists in code; a row of the table `menu` can rename, move, reorder or hide it, and can
//! add headings and links. Nobody is shown what he may not open. May import: `kernel`, the menu's
//! table.

use std::collections::{HashMap, HashSet};

use base::Result;
use kernel::{Api, Cx, Json};
use schemars::JsonSchema;
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder};
use serde::Serialize;

use crate::resource::menu::{
    Kind,
    entity::{self, Column},
};

/// Routes.
pub fn mount(api: &mut Api) {
    api.signed_in("auth").get("menus", "/api/auth/menus", "Your menu: what you may open, in order", menus);
}

/// An entry that exists in code.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// Key; also the page that a row of the table names.
    pub key: &'static str,
    /// The console's page; a heading has none.
    pub page: Option<&'static str>,
    /// Title in Chinese.
    pub title_zh: &'static str,
    /// Title in English.
    pub title_en: &'static str,
    /// Icon.
    pub icon: &'static str,
    /// Place among its siblings.
    pub sort: i32,
    /// Shown to holders only.
    pub permission: Option<&'static str>,
    /// The heading above.
    pub parent: Option<&'static str>,
    /// Makes sense inside an organisation only.
    pub member: bool,
}

const fn heading(
    key: &'static str,
    zh: &'static str,
    en: &'static str,
    icon: &'static str,
    sort: i32,
) -> Item {
    Item {
        key,
        page: None,
        title_zh: zh,
        title_en: en,
        icon,
        sort,
        permission: None,
        parent: None,
        member: false,
    }
}

const fn page(
    key: &'static str,
    titles: (&'static str, &'static str),
    icon: &'static str,
    sort: i32,
    parent: &'static str,
    permission: &'static str,
) -> Item {
    let (title_zh, title_en) = titles;
    let (permission, parent) = (Some(permission), Some(parent));
    Item { key, page: Some(key), title_zh, title_en, icon, sort, permission, parent, member: true }
}

/// The pages of this crate, and the one that everybody begins at.
pub const ITEMS: &[Item] = &[
    Item {
        key: "home",
        page: Some("home"),
        title_zh: "首页",
        title_en: "Home",
        icon: "home",
        sort: 0,
        permission: None,
        parent: None,
        member: false,
    },
    heading("identity", "组织与权限", "People and access", "users", 10),
    page("identity.users", ("成员", "Members"), "users", 10, "identity", "identity:user:list"),
    page("identity.roles", ("角色", "Roles"), "key", 20, "identity", "identity:role:list"),
    page(
        "identity.departments",
        ("部门", "Departments"),
        "share",
        30,
        "identity",
        "identity:department:list",
    ),
    page("identity.posts", ("岗位", "Posts"), "postcard", 40, "identity", "identity:post:list"),
    page("identity.menus", ("菜单", "Menus"), "menu", 50, "identity", "identity:menu:list"),
    Item {
        key: "identity.organization",
        page: Some("identity.organization"),
        title_zh: "组织设置",
        title_en: "Organisation",
        icon: "building",
        sort: 60,
        permission: None,
        parent: Some("identity"),
        member: true,
    },
    heading("security", "安全与审计", "Security", "lock", 20),
    page(
        "identity.audit_entries",
        ("审计日志", "Audit log"),
        "tickets",
        10,
        "security",
        "identity:audit_entry:list",
    ),
    page("identity.sign_ins", ("登录日志", "Sign-ins"), "lock", 20, "security", "identity:sign_in:list"),
    page(
        "identity.sessions",
        ("在线会话", "Who is online"),
        "monitor",
        30,
        "security",
        "identity:session:list",
    ),
];

/// One entry of the menu.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "MenuNode")]
pub struct Node {
    /// The row's id, or the key where there is no row.
    pub id: String,
    /// The key of an entry that exists in code.
    pub key: Option<String>,
    /// Group, page or link.
    pub kind: Kind,
    /// Title in Chinese.
    pub title_zh: String,
    /// Title in English.
    pub title_en: String,
    /// Icon.
    pub icon: Option<String>,
    /// The console's page.
    pub page: Option<String>,
    /// Where a link leads.
    pub url: Option<String>,
    /// Place among its siblings.
    pub sort: i32,
    /// Not shown, but may be opened.
    pub hidden: bool,
    /// Entries below.
    pub children: Vec<Node>,
}

/// The menu.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MenuTree")]
pub struct Tree {
    /// Entries of the top level.
    pub items: Vec<Node>,
}

/// `GET /api/auth/menus/`.
async fn menus(cx: &Cx) -> Result<Json<Tree>> {
    let tx = cx.tx()?;
    let select = tx.find::<entity::Entity>().order_by_asc(Column::Sort).order_by_asc(Column::Id);
    // Somebody who works in no organisation has no rows, and `find` answers none.
    let rows = tx.all(select.filter(Column::OrgId.eq(cx.actor()?.org))).await?;
    let member = cx.actor()?.org.is_some();
    Ok(Json(Tree { items: merge(ITEMS, rows, member, &|code| cx.can(code)) }))
}

/// Code and rows as one tree of what the caller may see.
fn merge(items: &[Item], rows: Vec<entity::Model>, member: bool, can: &dyn Fn(&str) -> bool) -> Vec<Node> {
    // An entry below something that exists but is kept from the caller is kept from him too; one
    // below something that does not exist any more moves to the top.
    let mut exists: HashSet<String> = items.iter().map(|item| item.key.to_owned()).collect();
    exists.extend(rows.iter().map(|row| row.id.to_string()));
    let allowed = |code: Option<&str>| code.is_none_or(can);
    let mut overrides: HashMap<String, entity::Model> = HashMap::new();
    let mut below: HashMap<Option<String>, Vec<Node>> = HashMap::new();
    let mut place = |parent: Option<String>, node: Node| {
        below.entry(parent.filter(|parent| exists.contains(parent))).or_default().push(node);
    };
    for row in rows {
        let page = row.page.as_deref().filter(|_| row.kind == Kind::Page);
        let known = page.and_then(|page| items.iter().find(|item| item.page == Some(page)));
        match known {
            // The first row that names a page decides; a second one would show the page twice.
            Some(item) => {
                overrides.entry(item.key.to_owned()).or_insert(row);
            }
            None if allowed(row.permission.as_deref()) => {
                place(row.parent_id.map(|id| id.to_string()), added(row));
            }
            None => {}
        }
    }
    for item in items.iter().filter(|item| allowed(item.permission) && (member || !item.member)) {
        match overrides.remove(item.key) {
            Some(row) if !allowed(row.permission.as_deref()) => {}
            Some(row) => place(row.parent_id.map(|id| id.to_string()), overridden(item, row)),
            None => place(item.parent.map(str::to_owned), plain(item)),
        }
    }
    grow(None, &mut below)
}

/// The entries below one, with everything below them; headings with nothing below are left out.
/// Each list is taken out of the map, so rows that point at each other in a circle end here.
fn grow(parent: Option<String>, below: &mut HashMap<Option<String>, Vec<Node>>) -> Vec<Node> {
    let mut nodes = below.remove(&parent).unwrap_or_default();
    for node in &mut nodes {
        let mut children = grow(Some(node.id.clone()), below);
        // A row that overrides a page has an id of its own; others may still lie below the key.
        if let Some(key) = node.key.clone().filter(|key| *key != node.id) {
            children.extend(grow(Some(key), below));
        }
        sort(&mut children);
        node.children = children;
    }
    nodes.retain(|node| node.kind != Kind::Group || !node.children.is_empty());
    sort(&mut nodes);
    nodes
}

fn sort(nodes: &mut [Node]) {
    nodes.sort_by(|a, b| (a.sort, &a.title_en, &a.id).cmp(&(b.sort, &b.title_en, &b.id)));
}

fn plain(item: &Item) -> Node {
    Node {
        id: item.key.to_owned(),
        key: Some(item.key.to_owned()),
        kind: if item.page.is_some() { Kind::Page } else { Kind::Group },
        title_zh: item.title_zh.to_owned(),
        title_en: item.title_en.to_owned(),
        icon: Some(item.icon.to_owned()),
        page: item.page.map(str::to_owned),
        url: None,
        sort: item.sort,
        hidden: false,
        children: Vec::new(),
    }
}

fn added(row: entity::Model) -> Node {
    Node {
        id: row.id.to_string(),
        key: None,
        kind: row.kind,
        title_zh: row.title_zh,
        title_en: row.title_en,
        icon: row.icon,
        page: row.page.filter(|_| row.kind == Kind::Page),
        url: row.url.filter(|_| row.kind == Kind::Link),
        sort: row.sort,
        hidden: row.hidden,
        children: Vec::new(),
    }
}

fn overridden(item: &Item, row: entity::Model) -> Node {
    let icon = row.icon.clone().or_else(|| Some(item.icon.to_owned()));
    Node { key: Some(item.key.to_owned()), icon, ..added(row) }
}
