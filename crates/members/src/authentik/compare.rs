//! Members none of whose accounts at Authentik may sign in any more, or is there, may not work here. Nobody is
//! enabled by it: whoever was disabled here was disabled for a reason that Authentik does not know.
//!
//! A member may have several accounts: an old one and a new one of the same name, or two with one address. So
//! members are judged when all accounts were seen, and each whom it would disable once more by himself: users
//! who were made, deleted or let in again meanwhile are on no page, or on one that was read already.
//!
//! An account counts as gone only when it was a member's before and is not found by its number and id
//! either; and where more are gone than people leave between two looks, somebody may have taken rights from
//! the token, so nobody is disabled for it.

use std::collections::{HashMap, HashSet};

use ::authentik::{Client, Known, User};
use base::{Error, Id, Result};
use chrono::{DateTime, Utc};
use jobs::{Arguments, Audience, Failure, Job, Policy, Run, Words};
use kernel::{
    App, Origin,
    audit::{self, Event, Who},
    port::ProfileChange,
};
use schemars::JsonSchema;
use sea_orm::{ColumnTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Mode, Opening, Role};

use super::{
    Authentik,
    account::{self, Model},
};
use crate::{
    entity::subject::{Column, Entity},
    issuer,
    service::{people, reading},
};

/// Seconds between two looks.
pub const EVERY: u32 = 900;
/// Pages of one look: a million users at least.
const PAGES: u32 = 100_000;
/// Accounts that may be gone at once, whatever share of all they are.
const FEW: usize = 5;
/// The share of all accounts that may be gone at once: one in so many.
const SHARE: usize = 10;
/// Members of one question to the database.
const CHUNK: usize = 500;

/// Compares members with their accounts at Authentik.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompareAuthentik {
    /// Disables members whose accounts are gone however many they are.
    #[serde(default)]
    pub even_many: bool,
}

impl Arguments for CompareAuthentik {
    const KIND: &'static str = "members.authentik_compare";
    const TITLE: Words = Words { zh: "比对 Authentik 账号", en: "Compare with Authentik" };
    const ABOUT: Words = Words {
        zh: "停用在 Authentik 中已停用或已删除的成员；从不启用任何人。",
        en: "Disables members whose account at Authentik is disabled or gone; enables nobody.",
    };
    const AUDIENCE: Audience = Audience::Platform;

    fn policy() -> Policy {
        Policy { queue: "maintenance", max_attempts: 1, concurrency: Some(1), ..Policy::default() }
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// Whether there is an Authentik.
    pub configured: bool,
    /// Users there.
    pub accounts: usize,
    /// Members whose account was found by what tokens call them.
    pub learnt: usize,
    /// Members who were disabled.
    pub disabled: usize,
    /// Accounts that are gone while another one of the member is there.
    pub forgotten: usize,
    /// Members who stay although they should not: last owners.
    pub kept: usize,
}

impl Job<App> for CompareAuthentik {
    type Output = Compared;

    async fn run(self, app: App, _: Run) -> Result<Compared, Failure> {
        Ok(compare(&app, self.even_many).await?)
    }
}

/// One look.
struct Look<'a> {
    app: &'a App,
    client: &'a Client,
    org: Id,
    issuer: Id,
    /// Accounts that were on a page.
    seen: HashSet<Id>,
    /// Members with an account that may sign in.
    working: HashSet<Id>,
    /// Members with an account that may not.
    idle: HashSet<Id>,
    so_far: Compared,
}

/// Compares the members of the first organisation with all users of Authentik.
///
/// Errors: 409 `too_many_gone`; 502, 503, 504.
pub async fn compare(app: &App, even_many: bool) -> Result<Compared> {
    let Some(client) = &Authentik::of(app)?.client else { return Ok(Compared::default()) };
    let Some(org) = app.directory().home(app).await? else { return Ok(Compared::default()) };
    let issuer = issuer::usual(app, org).await?;
    let begun = app.now();
    let so_far = Compared { configured: true, ..Compared::default() };
    let (seen, working, idle) = Default::default();
    let mut look = Look { app, client, org, issuer, seen, working, idle, so_far };
    let mut next = Some(1);
    while let Some(number) = next {
        let page = client.page(number).await?;
        look.page(&page.users).await?;
        next = page.next.filter(|next| *next > number && *next < PAGES);
    }
    let tx = reading(app, org).await?;
    let rows = account::all(&tx).await?;
    tx.commit().await?;
    look.judge(Accounts::of(rows, begun), even_many).await?;
    Ok(look.so_far)
}

/// What is written down of members' accounts, by member.
struct Accounts {
    begun: DateTime<Utc>,
    by_member: HashMap<Id, Vec<Model>>,
}

impl Accounts {
    fn of(rows: Vec<Model>, begun: DateTime<Utc>) -> Self {
        let mut by_member: HashMap<Id, Vec<Model>> = HashMap::new();
        for row in rows {
            by_member.entry(row.user_id).or_default().push(row);
        }
        Self { begun, by_member }
    }

    fn of_member(&self, member: Id) -> &[Model] {
        self.by_member.get(&member).map(Vec::as_slice).unwrap_or_default()
    }

    /// Those that were known before the look began: one that was made since may be on a page read before.
    fn old(&self) -> impl Iterator<Item = &Model> {
        self.by_member.values().flatten().filter(|row| row.created_at < self.begun)
    }
}

impl Look<'_> {
    async fn page(&mut self, users: &[User]) -> Result<()> {
        self.so_far.accounts += users.len();
        let mut accounts: Vec<(Id, String, &User)> = Vec::with_capacity(users.len());
        for user in users {
            accounts.push((account::id_of(user)?, self.client.sub_mode().name_of(user), user));
        }
        let ids: Vec<Id> = accounts.iter().map(|(id, ..)| *id).collect();
        self.seen.extend(&ids);
        let tx = reading(self.app, self.org).await?;
        let rows = account::of_accounts(&tx, &ids).await?;
        let of_issuer = tx.find::<Entity>().filter(Column::IssuerId.eq(self.issuer));
        let subs = accounts.iter().map(|(_, sub, _)| sub.as_str());
        let named = tx.all(of_issuer.filter(Column::Sub.is_in(subs))).await?;
        tx.commit().await?;
        for (id, sub, user) in accounts {
            let row = rows.iter().find(|row| row.account_id == id);
            let named = named.iter().find(|named| named.sub == sub);
            let Some(member) = row.map(|row| row.user_id).or(named.map(|named| named.user_id)) else {
                continue;
            };
            if row.is_none() {
                self.learn(user, member).await;
            }
            let members = if user.is_active { &mut self.working } else { &mut self.idle };
            members.insert(member);
        }
        Ok(())
    }

    /// Writes down whose an account is, so that it is missed when it is gone.
    async fn learn(&mut self, account: &User, member: Id) {
        let work = async {
            let tx = self.begin().await?;
            account::add(self.app, &tx, account, member).await?;
            tx.commit().await
        };
        match work.await {
            Ok(()) => self.so_far.learnt += 1,
            // Somebody else has just done it, or the next look will.
            Err(error) => tracing::warn!(?error, "an account at Authentik could not be noted"),
        }
    }

    /// Those of these members who may work.
    async fn active(&self, members: Vec<Id>) -> Result<Vec<Id>> {
        let mut active = Vec::new();
        for members in members.chunks(CHUNK) {
            let tx = reading(self.app, self.org).await?;
            let found = people(self.app)?.find(&tx, members).await?;
            tx.commit().await?;
            active.extend(found.into_iter().filter(|person| person.active).map(|person| person.id));
        }
        Ok(active)
    }

    async fn begin(&self) -> Result<store::Tx> {
        self.app.store().begin(Mode::Write, Opening::new(Role::System, Some(self.org))).await
    }

    async fn disable(&mut self, member: Id, account: &'static str) {
        let work = async {
            let tx = self.begin().await?;
            let change = ProfileChange { active: Some(false), ..ProfileChange::default() };
            let changed = people(self.app)?.change(self.app, &tx, member, change).await?;
            if !changed.is_empty() {
                let name = people(self.app)?.find(&tx, &[member]).await?.pop().map(|person| person.name);
                let event = Event::new("members:authentik:disable", "identity.user")
                    .target(member, name.unwrap_or_default())
                    .change("is_active", json!(true), json!(false))
                    .change("account", json!(null), json!(account));
                audit::write(&tx, self.app.now(), Who::system(), &Origin::nowhere(), event).await?;
            }
            tx.commit().await.map(|()| !changed.is_empty())
        };
        match work.await {
            Ok(is_new) => self.so_far.disabled += usize::from(is_new),
            Err(error) => {
                self.so_far.kept += usize::from(error.code() == "last_owner");
                tracing::warn!(?error, %member, "a member without an account at Authentik stays active");
            }
        }
    }

    /// Disables the members without an account that may sign in.
    async fn judge(&mut self, accounts: Accounts, even_many: bool) -> Result<()> {
        let idle = self.idle.difference(&self.working).copied().collect();
        for member in self.active(idle).await? {
            self.judge_one(&accounts, member).await?;
        }
        let known = accounts.old().count();
        let (unseen, spare): (Vec<&Model>, Vec<&Model>) = accounts
            .old()
            .filter(|row| !self.seen.contains(&row.account_id))
            .partition(|row| !self.working.contains(&row.user_id) && !self.idle.contains(&row.user_id));
        let members: HashSet<Id> = unseen.iter().map(|row| row.user_id).collect();
        let absent = self.active(members.into_iter().collect()).await?;
        let gone = unseen.iter().filter(|row| absent.contains(&row.user_id)).count();
        if gone > FEW.max(known / SHARE) && !even_many {
            let detail = format!(
                "{gone} of {known} accounts are not to be seen at Authentik; nobody was disabled for it. Look \
                 whether the token may view all users, or run this job with even_many"
            );
            return Err(Error::conflict("too_many_gone", detail));
        }
        for member in absent {
            self.judge_one(&accounts, member).await?;
        }
        for row in spare {
            if self.find(row).await?.is_none() {
                self.forget(row).await;
            }
        }
        Ok(())
    }

    /// Disables a member unless one of his accounts may sign in after all.
    async fn judge_one(&mut self, accounts: &Accounts, member: Id) -> Result<()> {
        let mut is_there = self.idle.contains(&member);
        for row in accounts.of_member(member) {
            match self.find(row).await? {
                Some(user) if user.is_active => return Ok(()),
                found => is_there |= found.is_some(),
            }
        }
        self.disable(member, if is_there { "inactive" } else { "gone" }).await;
        Ok(())
    }

    async fn find(&self, row: &Model) -> Result<Option<User>> {
        let known = Known { pk: Some(row.account_pk), uuid: Some(row.account_id.to_string()) };
        self.client.find_known(&known).await
    }

    async fn forget(&mut self, row: &Model) {
        let work = async {
            let tx = self.begin().await?;
            account::forget(&tx, row).await?;
            tx.commit().await
        };
        match work.await {
            Ok(()) => self.so_far.forgotten += 1,
            // The next look will.
            Err(error) => tracing::warn!(?error, "an account that is gone could not be forgotten"),
        }
    }
}
