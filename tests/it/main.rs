//! Tests on a real server, on a real port, with real plugins.
//!
//! `cargo xtask test` first builds what they need: `target/plugins/*.wasm` and the `xinglin`
//! program. Tests that use a database have its name in their path: `cargo test -p xinglin-tests
//! sqlite::`.
#![allow(clippy::disallowed_methods, reason = "tasks of a test end with it")]

mod apps;
mod attachments;
mod audit;
mod bad_bodies;
mod bad_plugins;
mod capabilities;
mod cash;
mod cds_hooks;
mod chaos;
mod compartments;
mod compat;
mod conversations;
mod custody;
mod demonstration;
mod egress;
mod emergency_access;
mod export;
mod fhir;
mod fhir_clients;
mod fhir_examples;
mod fhir_tenants;
mod formulary;
mod fuzzed_openapi;
mod gateway;
mod heads;
mod histories;
mod identity;
mod insured;
mod journey;
mod killed;
mod ledger;
mod lifecycle;
mod measurements;
mod money;
mod passkeys;
mod pathway_care;
mod payers;
mod policies;
mod population;
mod practice;
mod python;
mod races;
mod records;
mod refunds;
mod refusals;
mod relations;
mod retention;
mod safety;
mod safety_contacts;
mod sealed;
mod secrets;
mod settlements;
mod shadow_demo;
mod smart;
mod sso;
mod stopping;
mod subscriptions;
mod support;
mod telemetry;
mod trust;
mod verification;
