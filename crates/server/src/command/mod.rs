//! The commands that need more than the configuration, one file each.
//!
//! A command reads its settings, opens what it needs through [`parts`] and says what it did on
//! standard output; what went wrong is one line on standard error and an exit code
//! ([`crate::cli::Failure`]).

pub mod audit;
mod columns;
pub mod createsuperuser;
pub mod db;
pub mod doctor;
pub mod idgen;
pub mod jobs;
pub mod keys;
mod listener;
pub mod members;
pub mod migrate;
pub mod openapi;
pub mod parts;
mod process;
pub mod rls;
mod schema;
pub mod serve;
pub mod user;
pub mod worker;
