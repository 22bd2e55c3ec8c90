//! Layer 3: organisations, people, sign-in and roles.
//!
//! May import `base`, `store`, `kernel` and `outbound`. Other product crates meet this one through
//! the kernel's ports, never by name.

pub mod authority;
pub mod credential;
pub mod entity;
pub mod migration;
pub mod resource;
pub mod service;

pub use authority::Authority;
pub use migration::MIGRATIONS;
pub use service::{Identity, Settings};

use kernel::Api;

/// Registers everything that this crate offers over HTTP.
pub fn mount(api: &mut Api) {
    api.resource::<resource::post::Post>();
    api.resource::<resource::department::Department>();
    api.resource::<resource::role::Role>();
    api.resource::<resource::user::User>();
    api.resource::<resource::menu::Menu>();
    api.resource::<resource::audit_entry::AuditEntry>();
    api.resource::<resource::sign_in::SignIn>();
}
