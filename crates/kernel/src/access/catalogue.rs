//! Every permission that exists, interned: a permission is an index, a check one bit test.

use std::{collections::HashMap, sync::Arc};

use base::Result;
use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, Condition, entity::prelude::*};
use store::Tx;

/// A permission by its place in the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Permission(pub(crate) u32);

/// Where a permission comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A route that is mounted with it.
    Route,
    /// Declared by a module without a route of its own.
    Declared,
}

/// One permission of the catalogue.
#[derive(Clone, Debug)]
pub struct Entry {
    /// `module:name:action`.
    pub code: String,
    /// Module.
    pub module: String,
    /// Resource.
    pub name: String,
    /// Action.
    pub action: String,
    /// Where it comes from.
    pub source: Source,
}

/// The module whose permissions only platform administrators hold; no role can carry them.
pub const PLATFORM: &str = "platform";

impl Entry {
    /// Splits `module:name:action`.
    pub fn parse(code: &str, source: Source) -> Option<Self> {
        let mut parts = code.split(':');
        let (module, name, action) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || [module, name, action].iter().any(|part| part.is_empty()) {
            return None;
        }
        Some(Self {
            code: code.to_owned(),
            module: module.to_owned(),
            name: name.to_owned(),
            action: action.to_owned(),
            source,
        })
    }
    /// The tuple's module: `crm.lead`.
    pub fn tuple_module(&self) -> String {
        format!("{}.{}", self.module, self.name)
    }
    /// Whether only platform administrators hold it.
    pub fn is_platform(&self) -> bool {
        self.module == PLATFORM
    }
}

/// Every permission, fixed at start-up.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    shared: Arc<(Vec<Entry>, HashMap<String, u32>)>,
}

impl Catalogue {
    /// Interns entries in the order of their codes.
    pub fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort_by(|a, b| a.code.cmp(&b.code));
        entries.dedup_by(|a, b| a.code == b.code);
        let place =
            |(at, entry): (usize, &Entry)| (entry.code.clone(), u32::try_from(at).unwrap_or(u32::MAX));
        let index = entries.iter().enumerate().map(place).collect();
        Self { shared: Arc::new((entries, index)) }
    }
    /// The permission of that code.
    pub fn find(&self, code: &str) -> Option<Permission> {
        self.shared.1.get(code).copied().map(Permission)
    }
    /// The permission of a tuple.
    pub fn find_tuple(&self, module: &str, action: &str) -> Option<Permission> {
        let (module, name) = module.split_once('.')?;
        self.find(&format!("{module}:{name}:{action}"))
    }
    /// What a permission is.
    pub fn entry(&self, permission: Permission) -> &Entry {
        &self.shared.0[permission.0 as usize]
    }
    /// Every permission in the order of the codes.
    pub fn iter(&self) -> impl Iterator<Item = (Permission, &Entry)> {
        (0u32..).map(Permission).zip(self.shared.0.iter())
    }
    /// How many there are.
    pub fn len(&self) -> usize {
        self.shared.0.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.shared.0.is_empty()
    }
}

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "permission")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub code: String,
        pub module: String,
        pub name: String,
        pub action: String,
        pub source: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Writes the catalogue at start-up, so that other programs can read it. Nodes of different
/// versions may start at once: rows are added and never fought over.
pub async fn store_catalogue(tx: &Tx, now: DateTime<Utc>, catalogue: &Catalogue) -> Result<()> {
    let known: Vec<String> =
        tx.all(tx.find::<entity::Entity>()).await?.into_iter().map(|row| row.code).collect();
    let fresh: Vec<_> = catalogue
        .iter()
        .filter(|(_, entry)| !known.contains(&entry.code))
        .map(|(_, entry)| entity::ActiveModel {
            code: Set(entry.code.clone()),
            module: Set(entry.module.clone()),
            name: Set(entry.name.clone()),
            action: Set(entry.action.clone()),
            source: Set(if entry.source == Source::Route { "route" } else { "declared" }.into()),
        })
        .collect();
    let has_new = !fresh.is_empty() && !known.is_empty();
    tx.insert_all(fresh).await?;
    let gone: Vec<&String> = known.iter().filter(|code| catalogue.find(code).is_none()).collect();
    if !gone.is_empty() {
        let condition = Condition::all().add(entity::Column::Code.is_in(gone));
        tx.delete_where::<entity::Entity>(condition).await?;
    }
    if has_new {
        // Owners hold what is new, so what everybody may do has another version.
        super::version::bump_all(tx, now, "catalogue_changed").await?;
    }
    Ok(())
}
