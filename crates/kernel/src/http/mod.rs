//! HTTP at the edge of the kernel: the guard, reading bodies, writing problems.

pub mod decode;
pub mod guard;
pub mod idempotency;
pub mod origin;
pub mod problem;

pub use problem::{respond, status};
