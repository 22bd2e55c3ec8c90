//! Layer 3: organisations, people, sign-in and roles.
//!
//! May import `base`, `store`, `kernel`, `outbound` and the engine `jobs`, into which it enqueues. Other product crates meet this one through
//! the kernel's ports, never by name.

pub mod access;
pub mod account;
pub mod api_key;
pub mod audit_seal;
pub mod authority;
pub mod credential;
pub mod email;
pub mod entity;
pub mod invitation;
pub mod kind;
pub mod mail;
pub mod menus;
pub mod migration;
pub mod organization;
pub mod password;
pub mod people;
pub mod platform;
pub mod profile;
pub mod resource;
pub mod service;
pub mod session;
pub mod setup;
pub mod sign_in;

pub use authority::Authority;
pub use migration::MIGRATIONS;
pub use people::Members;
pub use service::{Identity, Settings};

use kernel::Api;

/// Registers everything that this crate offers over HTTP.
pub fn mount(api: &mut Api) {
    setup::mount(api);
    sign_in::mount(api);
    session::mount(api);
    profile::mount(api);
    password::mount(api);
    email::mount(api);
    api_key::mount(api);
    access::mount(api);
    menus::mount(api);
    invitation::mount(api);
    organization::mount(api);
    platform::mount(api);
    audit_seal::mount(api);
    api.resource::<resource::post::Post>();
    api.resource::<resource::department::Department>();
    api.resource::<resource::role::Role>();
    api.resource::<resource::user::User>();
    api.resource::<resource::menu::Menu>();
    api.resource::<resource::audit_entry::AuditEntry>();
    api.resource::<resource::sign_in::SignIn>();
}
