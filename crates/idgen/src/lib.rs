//! Layer 2, an engine: ranges of ids that are never issued twice, and the journal of who got which.
//!
//! A key is a counter of one organisation. Its row holds a *ceiling*: no id above it was ever given to
//! anybody, so a node that starts again goes on above the ceiling and never reissues what it cannot
//! account for. A *strict* key moves its ceiling with every allocation, which gives one rising order over
//! all nodes; a *buffered* key leases blocks to nodes, which issue from memory. The SQL database is the
//! truth. Where what it says cannot be right, the key is quarantined with a reason until somebody raises
//! it above everything that is known.
//!
//! This crate knows neither HTTP nor the tables whose keys it issues. May import `base` and the crate
//! `store`; SQL stands in [`store`] alone.

mod allocate;
mod block;
mod buffered;
mod control;
mod draw;
mod engine;
mod forecast;
mod id_type;
mod inspect;
mod key;
mod ledger;
mod line;
mod name;
pub mod number;
mod range;
mod repeat;
mod return_range;
mod run;
mod shared;
mod slot;
mod snowflake;
pub mod store;
mod strict;
pub mod ulid;
mod walk;
mod worker;

pub use allocate::{AtHand, Issued, Request};
pub use engine::{Engine, Options};
pub use forecast::{Forecast, Rate};
pub use id_type::IdType;
pub use inspect::{Finding, Span, Status, Use};
pub use key::{Counter, Key, MOST_IDS, Mode, NewKey, Reason, Settings, State};
pub use line::{Line, LineKind};
pub use name::KeyName;
pub use range::{Range, gaps};
pub use snowflake::{Layout, Parts};
pub use store::{MIGRATION, TENANT_TABLES};
