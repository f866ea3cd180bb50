//! The record of a call's patient.

use std::{future::Future, pin::Pin};

use thiserror::Error;
use xinglin_domain::{
    clinical::{Allergy, Condition, Medication, Observation},
    coding::Coding,
    time::Instant,
};

/// A pending read.
pub type RecordFuture<'a, T> = Pin<Box<dyn Future<Output = Result<Vec<T>, RecordError>> + Send + 'a>>;

/// Why the record cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RecordError {
    /// Consent or law withholds it from this plugin.
    #[error("withheld from this plugin")]
    Withheld,
    /// The call has no patient.
    #[error("the call is about no patient")]
    NoSubject,
    /// The store is unavailable.
    #[error("the record did not answer")]
    Unavailable,
}

/// A query of observations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordQuery {
    /// The code; declared by the manifest.
    pub code: Coding,
    /// Not before this moment.
    pub since: Option<Instant>,
    /// Before this moment.
    pub before: Option<Instant>,
    /// Maximum number, 1 to 500; the newest are returned.
    pub limit: u32,
}

/// The record of the call's patient, pseudonymous, newest first. Implemented over the store, with
/// consent and compartments applied.
pub trait RecordRead: Send + Sync {
    /// Observations of one code.
    fn observations<'a>(&'a self, query: &'a RecordQuery) -> RecordFuture<'a, Observation>;

    /// Diagnoses and problems.
    fn conditions(&self) -> RecordFuture<'_, Condition>;

    /// Allergies and intolerances.
    fn allergies(&self) -> RecordFuture<'_, Allergy>;

    /// Medications.
    fn medications(&self) -> RecordFuture<'_, Medication>;
}

/// For calls without a patient.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoRecord;

impl RecordRead for NoRecord {
    fn observations<'a>(&'a self, _: &'a RecordQuery) -> RecordFuture<'a, Observation> {
        Box::pin(async { Err(RecordError::NoSubject) })
    }

    fn conditions(&self) -> RecordFuture<'_, Condition> {
        Box::pin(async { Err(RecordError::NoSubject) })
    }

    fn allergies(&self) -> RecordFuture<'_, Allergy> {
        Box::pin(async { Err(RecordError::NoSubject) })
    }

    fn medications(&self) -> RecordFuture<'_, Medication> {
        Box::pin(async { Err(RecordError::NoSubject) })
    }
}
