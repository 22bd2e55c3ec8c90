//! Layer 0: the vocabulary every other crate speaks.
//!
//! Errors with stable codes, the clock, ids, timestamps, secrets and text
//! normalisation. Nothing here does I/O beyond reading the clock and the
//! operating system's randomness, and nothing here knows HTTP or SQL.
//! May import: serde, schemars and small leaf crates.

pub mod clock;
pub mod error;
pub mod id;
pub mod random;
pub mod secret;
pub mod text;
pub mod time;

pub use clock::{Clock, ManualClock, SystemClock};
pub use error::{Error, FieldError, Kind, Result};
pub use id::Id;
pub use secret::{Secret, SecretBytes, Vault};
pub use time::Timestamp;
