//! Layer 3: the authority on who may do what, for other systems.
//!
//! Sister systems ask for snapshots of what a member may do, back-office tools grant and revoke. Grants are
//! those of the kernel's access tables, which the console's roles and direct grants are in as well; this crate
//! adds who may ask ([`caller`], [`client`]), whose tokens are believed (`issuer`), how people are called
//! elsewhere (`subject`), what names there are (`term`), and the wire. May import `base`, `store`, `jobs`, `oidc`, `authentik` and `kernel`; people are reached through
//! the kernel's port `People`.

pub mod adopt;
mod authentik;
mod call;
pub mod caller;
pub mod client;
mod conditional;
mod entity;
mod feed;
mod fields;
mod grants;
mod head;
mod internal;
mod issuer;
mod keys;
mod me;
mod meter;
mod office;
pub mod permission;
mod problem;
mod relay;
pub mod service;
mod snapshot;
mod subject;
mod sweep;
mod term;

use jobs::{Declared, Registry};
use kernel::{Api, App};

pub use authentik::{Authentik, CompareAuthentik, Compared, compare};
pub use call::flush_calls;
pub use entity::{ACCOUNTS_MIGRATION, ADOPTED_MIGRATION, CALLS_MIGRATION, MIGRATION, RELAY_MIGRATION};
pub use grants::{RemindOfEnds, Reminded, remind};
pub use keys::{IssuerKeys, issuer_keys, warm_issuers};
pub use relay::{EVENT_TYPES, relay};
pub use service::{Members, Settings};
pub use sweep::{ExpireGrants, PruneCalls, expire};

/// The tables whose rows belong to organisations, in the order in which rows may be deleted.
pub const TENANT_TABLES: [&str; 9] = [
    "member_adopted",
    "member_account",
    "member_call",
    "member_call_hour",
    "member_relay",
    "member_term",
    "member_client",
    "member_subject",
    "member_issuer",
];

/// Routes.
pub fn mount(api: &mut Api) {
    internal::mount(api);
    authentik::mount(api);
    feed::mount(api);
    permission::mount(api);
    grants::mount(api);
    term::mount(api);
    client::mount(api);
    call::mount(api);
    issuer::mount(api);
    me::mount(api);
    office::mount(api);
}

/// Kinds of jobs.
pub fn register(registry: Registry<App>) -> Registry<App> {
    registry.with::<ExpireGrants>().with::<PruneCalls>().with::<RemindOfEnds>().with::<CompareAuthentik>()
}

/// Those that recur.
pub fn declared() -> base::Result<Vec<Declared>> {
    Ok(vec![
        Declared::every(30, "members.expire", &ExpireGrants {})?,
        Declared::every(3_600, "members.prune", &PruneCalls {})?,
        Declared::every(authentik::EVERY, "members.authentik_compare", &CompareAuthentik::default())?,
        Declared {
            expression: Some("0 6 * * *".to_owned()),
            every_seconds: None,
            ..Declared::every(86_400, "members.remind", &RemindOfEnds {})?
        },
    ])
}
