//! Layer 4: the binary. Configuration, command line, wiring.

pub mod cli;
pub mod command;
pub mod config;
pub mod console;
pub mod edge;
pub mod logging;
pub mod metrics;
pub mod operation;
pub mod upkeep;
pub mod wiring;
pub mod worker;
