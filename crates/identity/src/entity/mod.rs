//! Tables without a resource of their own. Those of resources lie with their resource.

pub mod api_key;
pub mod app_user;
pub mod letter;
pub mod membership_post;
pub mod membership_role;
pub mod one_time_token;
pub mod organization;
pub mod refresh_token;
pub mod role_department;
pub mod session;
pub mod setting;
pub mod sign_in_attempt;
pub mod signing_key;
