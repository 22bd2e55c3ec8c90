//! `tenon members`: its commands, their options and their help.

use base::Id;
use clap::{Args, Subcommand};

/// Commands about the authority on members.
#[derive(Clone, Debug, Subcommand)]
pub enum MembersCommand {
    /// Take over users, permissions and programs of an older member platform; its database is only read.
    #[command(
        after_help = "Example:\n  tenon members adopt --from postgres://reader:secret@127.0.0.1:5432/member --dry-run"
    )]
    Adopt(AdoptArgs),
}

/// Options of `members adopt`.
#[derive(Args, Clone, Debug)]
pub struct AdoptArgs {
    /// Its PostgreSQL database.
    #[arg(long, value_name = "URL")]
    pub from: String,
    /// The schema in which its tables are.
    #[arg(long, default_value = "public")]
    pub schema: String,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// The issuer whose names its users have, as its tokens write it [default: the organisation's first one].
    #[arg(long, value_name = "URL")]
    pub issuer: Option<String>,
    /// Let its programs grant the modules that are taken over, where it has no scopes for them. Without this
    /// they may do nothing until they are given scopes.
    #[arg(long)]
    pub grant_modules: bool,
    /// The organisation that gets them [default: the first one].
    #[arg(long, value_name = "ID")]
    pub organization: Option<Id>,
}
