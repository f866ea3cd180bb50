//! The FHIR record: resources, search index, and access to them.

pub(crate) mod blob;
pub(crate) mod consent;
pub(crate) mod criterion;
pub(crate) mod emergency_access;
pub(crate) mod erasure;
pub(crate) mod export;
pub(crate) mod group_figures;
pub(crate) mod history;
pub(crate) mod label;
pub(crate) mod resource;
pub(crate) mod sealing;
pub(crate) mod search;
pub(crate) mod subscription;
