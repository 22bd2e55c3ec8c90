//! The tables that others may read: jobs, their attempts, lines and files, schedules, alerts.

pub mod alert;
pub mod attempt;
pub mod file;
pub mod job;
pub mod log;
pub mod schedule;
