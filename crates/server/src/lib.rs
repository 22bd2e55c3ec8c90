//! Layer 4: the binary. Configuration, command line, wiring.

pub mod cli;
pub mod config;
pub mod logging;
pub mod metrics;
