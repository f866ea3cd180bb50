//! Visits, prescriptions, bills and enrolments as documents, and their dependent rows.

pub(crate) mod alert;
pub(crate) mod conversation;
pub(crate) mod dispensing;
pub(crate) mod document;
pub(crate) mod hold;
pub(crate) mod message;
pub(crate) mod reminder;
pub(crate) mod request;
pub(crate) mod task;
