//! Calls of plugins, with domain types; one file for each interface.

mod capitation;
mod claims;
mod eligibility;
mod identity;
mod panel;
mod pathway;
mod payment;
mod preauthorization;
mod prescribing;
mod pricing;
mod reconciliation;
