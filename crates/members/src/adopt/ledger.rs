//! What was taken over before: a permission or a program that is gone here since was taken away on purpose, and
//! is not given again.

use std::collections::HashSet;

use base::{Id, Result};
use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter};
use sha2::{Digest, Sha256};
use store::Tx;

use crate::entity::adopted::{ActiveModel, Column, Entity};

/// Those of a group that were taken over before, and those that are now.
#[derive(Default)]
pub struct Ledger {
    before: HashSet<String>,
    now: Vec<String>,
}

/// The name of a row by what it says.
pub fn digest(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Ledger {
    /// Reads which of these were taken over.
    pub async fn read(tx: &Tx, digests: Vec<String>) -> Result<Self> {
        let rows = tx.all(tx.find::<Entity>().filter(Column::Digest.is_in(digests))).await?;
        Ok(Self { before: rows.into_iter().map(|row| row.digest).collect(), now: Vec::new() })
    }

    /// Whether it was taken over before.
    pub fn has(&self, digest: &str) -> bool {
        self.before.contains(digest)
    }

    /// Notes that it is taken over now.
    pub fn add(&mut self, digest: String) {
        if self.before.insert(digest.clone()) {
            self.now.push(digest);
        }
    }

    /// Writes what was noted.
    pub async fn write(self, tx: &Tx, new_id: impl Fn() -> Id, at: DateTime<Utc>) -> Result<()> {
        let org = tx.require_org()?;
        let row =
            |digest| ActiveModel { id: Set(new_id()), org_id: Set(org), digest: Set(digest), at: Set(at) };
        tx.insert_all(self.now.into_iter().map(row).collect()).await
    }
}
