//! The tree of departments as ids, for data scopes and for moving a department.

use std::collections::{BTreeSet, HashMap};

use base::{Id, Result};
use store::Tx;

use super::entity;

/// Which department lies directly below which.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    children: HashMap<Id, Vec<Id>>,
}

impl Tree {
    /// The organisation's tree. What lies in the trash keeps its place, so that whoever reached it
    /// before sees it there and can bring it back; below it lies only what is in the trash as well.
    pub async fn load(tx: &Tx) -> Result<Self> {
        let mut children: HashMap<Id, Vec<Id>> = HashMap::new();
        for row in tx.all(tx.find_with_trash::<entity::Entity>()).await? {
            if let Some(parent) = row.parent_id {
                children.entry(parent).or_default().push(row.id);
            }
        }
        Ok(Self { children })
    }

    /// A department and every one below it.
    pub fn below(&self, root: Id) -> BTreeSet<Id> {
        let mut found = BTreeSet::new();
        let mut open = vec![root];
        while let Some(id) = open.pop() {
            // A circle cannot be saved; should one be restored by hand, this still ends.
            if found.insert(id) {
                open.extend(self.children.get(&id).into_iter().flatten());
            }
        }
        found
    }
}
