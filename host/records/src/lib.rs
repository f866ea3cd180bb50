//! Patients' records: FHIR in and out, search and history, consent and compartments,
//! the audit trail, export, subscriptions, attachments, erasure and custody.

pub mod audit;
pub mod blob;
pub mod bundle;
pub mod consent;
pub mod criteria;
pub mod custody;
pub mod emergency_access;
pub mod erasure;
pub mod export;
pub mod history;
pub mod news;
pub mod notice;
pub mod patient;
pub mod real_name;
pub mod reminder;
pub mod resource;
pub mod search;
pub mod snapshot;
pub mod subscription;
