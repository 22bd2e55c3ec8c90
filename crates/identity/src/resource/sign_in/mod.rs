//! The sign-in log of an organisation's members, to read and to export: who entered it, and what
//! failed for accounts that could have. What members do elsewhere is not in it (decision 2.5).

pub mod entity;

use std::collections::HashMap;

use base::{Id, Result, Timestamp};
use chrono::{DateTime, Utc};
use kernel::{
    Draft, Meta, Model, Resource, Sample, Spec,
    resource::{Endpoints, Never},
};
use schemars::JsonSchema;
use sea_orm::{
    QueryResult,
    sea_query::{Expr, ExprTrait, Query},
};
use serde::Serialize;
use store::Tx;

use self::entity::Column;

/// A sign-in, or an attempt.
pub struct SignIn;

impl Resource for SignIn {
    type Entity = entity::Entity;
    type Create = Never;
    type Patch = Never;
    type View = View;

    const META: Meta =
        Meta { module: "identity", name: "sign_in", plural: "sign-ins", zh: "登录日志", en: "Sign-ins" };

    fn spec() -> Spec {
        Spec::of::<entity::Entity>(Column::Username)
            .search([Column::Username])
            .filter([
                Column::At,
                Column::UserId,
                Column::Username,
                Column::Outcome,
                Column::Reason,
                Column::Ip,
            ])
            .sort([Column::At, Column::Username, Column::Outcome])
            .order([(Column::At, true)])
            .owner(Column::UserId)
    }

    fn samples() -> Vec<Sample> {
        Vec::new()
    }
    fn create(_: &Never) -> Draft<Self> {
        Draft::<Self>::default()
    }
    fn patch(_: &Never, _: &mut Draft<Self>) {}

    fn endpoints(endpoints: &mut Endpoints<'_>) {
        endpoints.only(&["list", "read", "export"]);
    }
}

/// A sign-in as shown.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SignIn")]
pub struct View {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub user_id: Id,
    /// The name that was used.
    pub username: String,
    /// ok or failed.
    pub outcome: String,
    /// Why it failed: password, locked, disabled, organization (one that is not open to the person).
    pub reason: String,
    /// From where.
    pub ip: String,
    /// With what.
    pub user_agent: String,
}

/// When each of these members last entered the transaction's organisation.
pub async fn last_entered(tx: &Tx, users: &[Id]) -> Result<HashMap<Id, Timestamp>> {
    let select = Query::select()
        .column("user_id")
        .expr_as(Expr::col("at").max(), "last")
        .from("sign_in")
        .and_where(Expr::col("org_id").eq(tx.require_org()?))
        .and_where(Expr::col("user_id").is_in(users.iter().copied()))
        .and_where(Expr::col("outcome").eq("ok"))
        .group_by_col("user_id")
        .to_owned();
    let rows = tx.query_all(&select).await?;
    let pair = |row: &QueryResult| {
        let last: DateTime<Utc> = store::read(row, "last")?;
        Ok((store::read(row, "user_id")?, last.into()))
    };
    rows.iter().map(pair).collect()
}

impl From<Model<SignIn>> for View {
    fn from(row: Model<SignIn>) -> Self {
        Self {
            at: row.at.into(),
            user_id: row.user_id,
            username: row.username,
            outcome: row.outcome,
            reason: row.reason,
            ip: row.ip,
            user_agent: row.user_agent,
        }
    }
}
