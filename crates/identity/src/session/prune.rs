//! Forgetting: sessions, tokens and attempts that can decide nothing any more.

use base::{Id, Result};
use chrono::Duration;
use kernel::App;
use sea_orm::{ColumnTrait, Condition, QueryFilter, QuerySelect};
use store::Mode;

use crate::entity::{one_time_token, refresh_token, session, sign_in_attempt};

/// Ended sessions are kept this long, so that a replayed token is still recognised as one.
const SESSIONS: Duration = Duration::days(30);
/// Used tokens of sessions that go on; a replay after that is refused like an unknown token.
const USED: Duration = Duration::days(30);
/// Links that are spent or too old.
const LINKS: Duration = Duration::days(1);
/// Attempts count for half an hour at most.
const ATTEMPTS: Duration = Duration::days(1);
/// Sessions a round: the writer is shared.
const BATCH: u64 = 500;

/// Deletes what has expired. Safe to run on several nodes at once.
pub async fn prune(app: &App) -> Result<()> {
    let now = app.now();
    let tx = app.system(Mode::Write).await?;
    let attempts = Condition::all().add(sign_in_attempt::Column::At.lt(now - ATTEMPTS));
    tx.delete_where::<sign_in_attempt::Entity>(attempts).await?;
    let links = Condition::all().add(one_time_token::Column::ExpiresAt.lt(now - LINKS));
    tx.delete_where::<one_time_token::Entity>(links).await?;
    let used = Condition::all().add(refresh_token::Column::UsedAt.lt(now - USED));
    tx.delete_where::<refresh_token::Entity>(used).await?;
    crate::mail::prune(&tx, now).await?;
    tx.commit().await?;
    while prune_sessions(app).await? >= BATCH {}
    Ok(())
}

async fn prune_sessions(app: &App) -> Result<u64> {
    let before = app.now() - SESSIONS;
    let over = Condition::any()
        .add(session::Column::RevokedAt.lt(before))
        .add(session::Column::IdleExpiresAt.lt(before))
        .add(session::Column::ExpiresAt.lt(before));
    let tx = app.system(Mode::Write).await?;
    let rows = tx.all(tx.find::<session::Entity>().filter(over).limit(BATCH)).await?;
    let ids: Vec<Id> = rows.iter().map(|row| row.id).collect();
    if !ids.is_empty() {
        let tokens = Condition::all().add(refresh_token::Column::SessionId.is_in(ids.clone()));
        tx.delete_where::<refresh_token::Entity>(tokens).await?;
        tx.delete_where::<session::Entity>(Condition::all().add(session::Column::Id.is_in(ids))).await?;
    }
    tx.commit().await?;
    Ok(u64::try_from(rows.len()).unwrap_or_default())
}
