//! The command line: its definitions, how commands fail, and the commands that need nothing
//! but the configuration.

mod args;
mod audit;
mod confirm;
mod failure;
mod idgen;
mod jobs;
mod members;
mod password;
mod show;
#[cfg(test)]
mod tests;

pub use args::{
    Cli, Command, ConfigArgs, CreateSuperuserArgs, DbCommand, DoctorArgs, KeysCommand, MigrateArgs,
    MigrateDirection, OpenapiArgs, RlsAction, RlsArgs, ServeArgs, UserCommand, UserNameArgs, WorkerArgs,
};
pub use audit::{AuditCommand, AuditVerifyArgs};
pub use confirm::confirm;
pub use failure::{Exit, Failure};
pub use idgen::{IdgenCommand, ImportKxyArgs, OwnerArgs};
pub use jobs::{JobIds, JobsCommand, JobsDrainArgs, JobsEnqueueArgs, JobsListArgs, JobsShowArgs};
pub use members::{AdoptArgs, MembersCommand};
pub use password::{NewPassword, new_password};
pub use show::{config, print, version};
