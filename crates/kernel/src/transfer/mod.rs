//! Records as files: exports and imports of every resource, in one request or by a job of another crate.
//!
//! May import: the Resource engine, the sheets, the audit trail. Only the engine's routes and whoever
//! runs the jobs use it.

mod export;
mod import;

pub(crate) use self::{
    export::export,
    import::{BYTES, LONG_BYTES, import},
};
pub use self::{
    export::{Asked, Sink, write_export},
    import::{Import, ImportOptions, ImportReport, RowError, Step, Twins, check_file, key_column, take_back},
};
