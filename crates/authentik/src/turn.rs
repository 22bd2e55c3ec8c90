//! Turns: calls about the same user follow each other within this process.
//!
//! Across processes the uniqueness of names at Authentik decides who makes a user, and the other one finds
//! him; so a lock that every node shares would only save a round.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

/// Locks by name, kept as long as somebody has or awaits them.
#[derive(Default)]
pub(crate) struct Turns {
    held: Mutex<HashMap<String, Weak<Turn<()>>>>,
}

impl Turns {
    /// Waits until nobody else works under that name.
    pub(crate) async fn take(&self, name: &str) -> OwnedMutexGuard<()> {
        let turn = {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            held.retain(|_, turn| turn.strong_count() > 0);
            match held.get(name).and_then(Weak::upgrade) {
                Some(turn) => turn,
                None => {
                    let turn = Arc::new(Turn::new(()));
                    held.insert(name.to_owned(), Arc::downgrade(&turn));
                    turn
                }
            }
        };
        turn.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_is_had_by_one_at_a_time_and_is_forgotten_then() {
        let turns = Turns::default();
        let first = turns.take("ann").await;
        let _other = turns.take("bob").await;
        let mut second = Box::pin(turns.take("ann"));
        let soon = std::time::Duration::from_millis(20);
        assert!(tokio::time::timeout(soon, &mut second).await.is_err());
        drop(first);
        drop(second.await);
        let _third = turns.take("carol").await;
        let names: Vec<_> = turns.held.lock().unwrap().keys().cloned().collect();
        assert!(!names.contains(&"ann".to_owned()) && names.len() == 2, "{names:?}");
    }
}
