//! Layer 3: organisations, people, sign-in and roles.

pub mod credential;
