//! What somebody may do in an organisation, and on which rows: roles ∪ direct grants, computed once
//! per access version and kept as a bitset with a reach per permission.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use base::{Id, Result};
use chrono::{DateTime, Utc};
use store::Tx;

use super::{Catalogue, Holder, Permission, grant};
use crate::App;

/// Which rows of a resource somebody reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Every row of the organisation.
    All,
    /// Rows of these departments, and the own rows if `own`.
    Some {
        /// Departments, already expanded.
        departments: Arc<BTreeSet<Id>>,
        /// Whether own rows belong to it.
        own: bool,
    },
}

impl Reach {
    fn union(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::Some { departments: a, own: x }, Self::Some { departments: b, own: y }) => {
                Self::Some { departments: Arc::new(a.union(b).copied().collect()), own: *x || *y }
            }
        }
    }
}

/// A role as it bears on one member: its data scope is already worked out.
#[derive(Clone, Debug)]
pub struct RoleStanding {
    /// The role.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// The rows it opens.
    pub reach: Reach,
}

/// What somebody is in an organisation.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Owners may do everything.
    pub owner: bool,
    /// Enabled roles.
    pub roles: Vec<RoleStanding>,
    /// Every role that is assigned, disabled ones included.
    pub assigned: Vec<Id>,
}

/// The effective set of one user in one organisation.
#[derive(Clone, Debug, Default)]
pub struct Effective {
    version: i64,
    bits: Vec<u64>,
    reach: HashMap<Permission, Reach>,
    owner: bool,
    member: bool,
    /// When the first of the permissions ends.
    until: Option<DateTime<Utc>>,
}

impl Effective {
    fn add(&mut self, permission: Permission, reach: &Reach) {
        let (word, bit) = (permission.0 as usize / 64, permission.0 % 64);
        if self.bits.len() <= word {
            self.bits.resize(word + 1, 0);
        }
        self.bits[word] |= 1 << bit;
        let merged = match self.reach.get(&permission) {
            Some(known) => known.union(reach),
            None => reach.clone(),
        };
        self.reach.insert(permission, merged);
    }
    /// Whether the permission is held.
    pub fn holds(&self, permission: Permission) -> bool {
        let (word, bit) = (permission.0 as usize / 64, permission.0 % 64);
        self.bits.get(word).is_some_and(|bits| bits & (1 << bit) != 0)
    }
    /// Which rows the permission reaches, if it is held.
    pub fn reach(&self, permission: Permission) -> Option<Reach> {
        self.reach.get(&permission).cloned()
    }
    /// The version of the access data that the set was worked out from.
    pub(crate) fn version(&self) -> i64 {
        self.version
    }
    /// Whether the user is an active member of the organisation (or works in none).
    pub fn is_member(&self) -> bool {
        self.member
    }
    /// Whether the user owns the organisation.
    pub fn is_owner(&self) -> bool {
        self.owner
    }
    /// Every permission held, in the order of the codes.
    pub fn codes<'a>(&'a self, catalogue: &'a Catalogue) -> Vec<&'a str> {
        let held = catalogue.iter().filter(|(permission, _)| self.holds(*permission));
        held.map(|(_, entry)| entry.code.as_str()).collect()
    }
    /// Every permission, over every row.
    pub(crate) fn everything(catalogue: &Catalogue) -> Self {
        let mut all = Self { member: true, owner: true, ..Self::default() };
        for (permission, _) in catalogue.iter() {
            all.add(permission, &Reach::All);
        }
        all
    }
    /// Only what an API key's scopes allow.
    pub(crate) fn limited(&self, catalogue: &Catalogue, scopes: &[String]) -> Self {
        let mut limited =
            Self { version: self.version, member: self.member, until: self.until, ..Self::default() };
        for permission in scopes.iter().filter_map(|code| catalogue.find(code)) {
            if let Some(reach) = self.reach.get(&permission) {
                limited.add(permission, reach);
            }
        }
        limited
    }
}

/// Why somebody holds a permission.
#[derive(Clone, Debug, PartialEq)]
pub enum Because {
    /// He owns the organisation.
    Owner,
    /// A role carries it: id and name.
    Role(Id, String),
    /// It was granted to him directly.
    Grant,
}

/// One held permission with its reasons.
#[derive(Clone, Debug)]
pub struct Held {
    /// The permission.
    pub permission: Permission,
    /// The rows it reaches.
    pub reach: Reach,
    /// Why.
    pub because: Vec<Because>,
    /// When one of the reasons ends, the first one.
    pub until: Option<DateTime<Utc>>,
}

/// What a user may do in the transaction's organisation at `now`, and why.
pub async fn explain(
    tx: &Tx,
    catalogue: &Catalogue,
    now: DateTime<Utc>,
    user: Id,
    standing: &Standing,
) -> Result<Vec<Held>> {
    let mut held: HashMap<Permission, Held> = HashMap::new();
    let mut add = |permission: Permission, reach: &Reach, because: Because, until: Option<DateTime<Utc>>| {
        held.entry(permission)
            .and_modify(|known| {
                known.reach = known.reach.union(reach);
                known.because.push(because.clone());
                known.until = earlier(known.until, until);
            })
            .or_insert_with(|| Held { permission, reach: reach.clone(), because: vec![because], until });
    };
    if standing.owner {
        for (permission, _) in catalogue.iter().filter(|(_, entry)| !entry.is_platform()) {
            add(permission, &Reach::All, Because::Owner, None);
        }
    }
    let mut holders: Vec<Holder> = standing.roles.iter().map(|role| Holder::Role(role.id)).collect();
    holders.push(Holder::User(user));
    for (holder, permission, until) in grant::held_by(tx, catalogue, now, &holders).await? {
        match holder {
            Holder::User(_) => add(permission, &Reach::All, Because::Grant, until),
            Holder::Role(id) => {
                for role in standing.roles.iter().filter(|role| role.id == id) {
                    add(permission, &role.reach, Because::Role(id, role.name.clone()), until);
                }
            }
        }
    }
    let mut all: Vec<Held> = held.into_values().collect();
    all.sort_by_key(|one| one.permission);
    Ok(all)
}

fn earlier(one: Option<DateTime<Utc>>, other: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    [one, other].into_iter().flatten().min()
}

/// Effective sets by user and organisation; an entry of another version is worked out anew.
pub struct EffectiveCache {
    sets: moka::sync::Cache<(Id, Option<Id>), Arc<Effective>>,
}

impl EffectiveCache {
    /// A cache for that many users.
    pub fn new(capacity: u64) -> Self {
        Self { sets: moka::sync::Cache::new(capacity) }
    }
}

/// The caller's effective set at `version`.
pub(crate) async fn load(
    app: &App,
    tx: &Tx,
    user: Id,
    version: i64,
    platform: bool,
) -> Result<Arc<Effective>> {
    let key = (user, tx.org());
    let cache = &app.effective().sets;
    let fresh = |set: &Arc<Effective>| {
        let is_over = set.until.is_some_and(|end| end <= app.now());
        set.version == version && set.holds_platform(app) == platform && !is_over
    };
    if let Some(set) = cache.get(&key).filter(fresh) {
        return Ok(set);
    }
    let set = Arc::new(compute(app, tx, user, version, platform).await?);
    cache.insert(key, set.clone());
    Ok(set)
}

/// The effective set as the transaction's own rows make it, what it has just written included; it is
/// nobody else's until the commit, so it is not cached.
pub(crate) async fn compute(app: &App, tx: &Tx, user: Id, version: i64, platform: bool) -> Result<Effective> {
    let mut set = Effective { version, member: tx.org().is_none(), ..Effective::default() };
    if tx.org().is_some()
        && let Some(standing) = app.directory().standing(tx, user).await?
    {
        set.member = true;
        set.owner = standing.owner;
        for held in explain(tx, app.catalogue(), app.now(), user, &standing).await? {
            set.until = earlier(set.until, held.until);
            if !app.catalogue().entry(held.permission).is_platform() {
                set.add(held.permission, &held.reach);
            }
        }
    }
    if platform {
        for (permission, _) in app.catalogue().iter().filter(|(_, entry)| entry.is_platform()) {
            set.add(permission, &Reach::All);
        }
    }
    Ok(set)
}

impl Effective {
    fn holds_platform(&self, app: &App) -> bool {
        app.catalogue().iter().any(|(permission, entry)| entry.is_platform() && self.holds(permission))
    }
}
