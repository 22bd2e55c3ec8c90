//! The one integration binary: everything with HTTP or SQL, in process, on the database that
//! `TEST_DATABASE` names.

#![recursion_limit = "256"]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on must stop")]

mod account_flows;
mod account_recovery;
mod anonymising;
mod audit_seal;
#[path = "../../../../tests/stand_ins/authentik/double.rs"]
mod authentik_double;
mod body_limits;
mod caps;
mod contract;
mod credential;
mod credential_envelope;
mod credential_jwt;
mod document;
mod edge_rules;
mod escalation;
mod exports;
mod idempotency;
mod ids_access;
mod ids_failures;
mod ids_failures_columns;
mod ids_failures_databases;
mod ids_failures_tables;
mod ids_flood;
mod ids_generators;
mod ids_journal;
mod ids_keys;
mod ids_moving;
mod ids_support;
mod ids_tables;
mod ids_wire;
mod kernel_rules;
mod key_rules;
mod members;
mod members_adopting;
mod members_authentik;
mod members_calls;
mod members_clients;
mod members_clients_admin;
mod members_clients_changed;
mod members_ends;
mod members_grants;
mod members_issuer;
mod members_leaving;
mod members_me;
mod members_meters;
mod members_snapshots;
mod members_support;
mod membership_flows;
mod membership_rules;
mod overlap;
mod platform_routes;
mod platform_trail;
mod readme;
mod retention;
mod session_rules;
mod sign_in_flows;
mod sign_in_traces;
#[path = "../../../../tests/stand_ins/oidc_issuer/process.rs"]
mod stand_in;
mod support;
mod sweep;
mod tenancy;
mod transfer;
mod webhooks;
mod webhooks_keeping;
mod webhooks_support;
mod webhooks_trouble;
