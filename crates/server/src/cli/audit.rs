//! `tenon audit`: its commands, their options and their help.

use base::Id;
use clap::{Args, Subcommand};

/// Commands about the audit trails.
#[derive(Clone, Debug, Subcommand)]
pub enum AuditCommand {
    /// Whether the sealed trails are as they were written: nothing changed, removed, or inserted later.
    #[command(
        after_help = "Ends with 1 when something is wrong.\n\nExample:\n  tenon audit verify\n  tenon audit verify --organization 019… --expect 5f0c…"
    )]
    Verify(AuditVerifyArgs),
}

/// Options of `audit verify`.
#[derive(Args, Clone, Debug)]
pub struct AuditVerifyArgs {
    /// One organisation's trail only [default: every organisation's, and the installation's].
    #[arg(long, value_name = "ID")]
    pub organization: Option<Id>,
    /// The installation's trail only.
    #[arg(long, conflicts_with = "organization")]
    pub installation: bool,
    /// A head that was noted down earlier, which the one trail must still contain.
    #[arg(long, value_name = "HASH")]
    pub expect: Option<String>,
    /// Answer in JSON.
    #[arg(long)]
    pub json: bool,
}
