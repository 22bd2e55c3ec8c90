//! Guessing is slow: five failures in fifteen minutes lock an account for the address they came
//! from, fifty lock the address out (decision 5.4).
//!
//! Attempts are rows that are added and never changed, so nothing is lost between nodes. A lock is
//! counted again after the password was worked on, under the lock of the user's row, so parallel
//! guesses get no more than five answers.

use base::{Error, Result};
use chrono::{DateTime, Duration, Utc};
use kernel::{App, Origin};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use store::Tx;

use crate::{
    account,
    entity::{
        app_user,
        sign_in_attempt::{ActiveModel, Column, Entity},
    },
};

/// Failures count this long, and a lock lasts as long.
const WINDOW: Duration = Duration::minutes(15);
/// Failures that lock an account for an address.
const PAIR_MAX: usize = 5;
/// Failures that lock an address out.
const ADDRESS_MAX: u64 = 50;
/// Attempts of a locked pair count for the address only; no account has this key.
const NO_ACCOUNT: &str = "";

/// Who knocks, and from where.
pub(super) struct Knock {
    account: String,
    address: String,
}

impl Knock {
    /// Unknown names are counted as known ones are; a known account is one, by whichever of its names.
    pub(super) fn new(user: Option<&app_user::Model>, typed: &str, origin: &Origin) -> Self {
        let account = user.map_or_else(|| account::sign_in_key(typed), |user| user.username_key.clone());
        Self { account, address: origin.network() }
    }
}

/// 429 for an address with too many failures, whatever it asks for.
pub(super) async fn admit_address(tx: &Tx, knock: &Knock, now: DateTime<Utc>) -> Result<()> {
    let failures = tx
        .find::<Entity>()
        .filter(Column::Ip.eq(knock.address.as_str()))
        .filter(Column::Failed.eq(true))
        .filter(Column::At.gt(now - WINDOW))
        .order_by_desc(Column::At)
        .limit(ADDRESS_MAX);
    let failures = tx.all(failures).await?;
    match failures.last() {
        Some(oldest) if u64::try_from(failures.len()).unwrap_or_default() >= ADDRESS_MAX => {
            let left = (oldest.at + WINDOW - now).num_seconds().saturating_add(1);
            Err(Error::too_many("too_many_attempts", "too many failed attempts; wait a little")
                .retry_after(u32::try_from(left).unwrap_or(1)))
        }
        _ => Ok(()),
    }
}

/// Whether the account is locked for this address.
pub(super) async fn is_locked(tx: &Tx, knock: &Knock, now: DateTime<Utc>) -> Result<bool> {
    let rows = tx
        .find::<Entity>()
        .filter(Column::AccountKey.eq(knock.account.as_str()))
        .filter(Column::Ip.eq(knock.address.as_str()))
        // The first of five failures may be as old as the window before the lock.
        .filter(Column::At.gt(now - WINDOW - WINDOW))
        .order_by_desc(Column::At)
        .limit(200);
    let rows = tx.all(rows).await?;
    // From the newest back to the last success.
    let failures: Vec<DateTime<Utc>> = rows.iter().take_while(|row| row.failed).map(|row| row.at).collect();
    let locks = |five: &[DateTime<Utc>]| match five {
        [newest, .., oldest] => *newest - *oldest <= WINDOW && now < *newest + WINDOW,
        _ => false,
    };
    Ok(failures.windows(PAIR_MAX).any(locks))
}

/// Writes an attempt down. One that met a lock does not make the lock longer.
pub(super) async fn note(app: &App, tx: &Tx, knock: &Knock, failed: bool, locked: bool) -> Result<()> {
    let account = if locked { NO_ACCOUNT } else { knock.account.as_str() };
    tx.insert(ActiveModel {
        id: Set(app.new_id()),
        account_key: Set(account.to_owned()),
        ip: Set(knock.address.clone()),
        failed: Set(failed),
        at: Set(app.now()),
    })
    .await
}
