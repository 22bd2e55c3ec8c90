//! The sign-in log of an organisation's members, to read and to export.

pub mod entity;

use base::{Id, Timestamp};
use kernel::{
    Draft, Meta, Model, Resource, Sample, Spec,
    resource::{Endpoints, Never},
};
use schemars::JsonSchema;
use serde::Serialize;

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
    /// Why it failed: password, locked, disabled.
    pub reason: String,
    /// From where.
    pub ip: String,
    /// With what.
    pub user_agent: String,
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
