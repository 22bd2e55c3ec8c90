//! `tenon idgen`: its commands, their options and their help.

use base::Id;
use clap::{Args, Subcommand};

/// Commands about ids.
#[derive(Clone, Debug, Subcommand)]
pub enum IdgenCommand {
    /// Take over databases and counters from a running KXY ID service; its Redis is only read.
    #[command(after_help = "Example:\n  tenon idgen import-kxy --redis redis://127.0.0.1:6379/0 --dry-run")]
    ImportKxy(ImportKxyArgs),
    /// Look whether two callers ever got the same id; keys of which that is true are put into quarantine.
    #[command(after_help = "Example:\n  tenon idgen check")]
    Check,
    /// Who got an id.
    #[command(after_help = "Example:\n  tenon idgen owner shop:orders:invoice:id 1505")]
    Owner(OwnerArgs),
}

/// Options of `idgen import-kxy`.
#[derive(Args, Clone, Debug)]
pub struct ImportKxyArgs {
    /// Its Redis.
    #[arg(long, value_name = "URL")]
    pub redis: String,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Also make its administrator a platform administrator here, with the password that he has. Its
    /// `DES_KEY` is expected in the environment as `KXY_DES_KEY`.
    #[arg(long)]
    pub with_administrator: bool,
    /// Ids left out above everything that is known.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(i64).range(0..=1_000_000_000_000))]
    pub margin: i64,
    /// The organisation that gets them [default: the first one].
    #[arg(long, value_name = "ID")]
    pub organization: Option<Id>,
}

/// Options of `idgen owner`.
#[derive(Args, Clone, Debug)]
pub struct OwnerArgs {
    /// The name of the key.
    pub key: String,
    /// The id.
    pub id: i64,
    /// The organisation that owns the key [default: the first one].
    #[arg(long, value_name = "ID")]
    pub organization: Option<Id>,
}
