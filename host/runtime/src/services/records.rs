//! The record of the patient whom a call is about.

use std::{future::Future, pin::Pin};

use thiserror::Error;
use xinglin_domain::{
    clinical::{Allergy, Condition, Medication, Observation},
    coding::Coding,
    time::Instant,
};

/// A read that is under way.
pub type RecordFuture<'a, T> = Pin<Box<dyn Future<Output = Result<Vec<T>, RecordError>> + Send + 'a>>;

/// Why a record cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RecordError {
    /// Consent or the law does not let this plugin see it.
    #[error("withheld from this plugin")]
    Withheld,
    /// The call is about no patient.
    #[error("the call is about no patient")]
    NoSubject,
    /// The store did not answer.
    #[error("the record did not answer")]
    Unavailable,
}

/// Which observations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordQuery {
    /// Declared by the manifest.
    pub code: Coding,
    /// Not before this moment.
    pub since: Option<Instant>,
    /// Before this moment.
    pub before: Option<Instant>,
    /// 1 to 500; the newest.
    pub limit: u32,
}

/// The record of the one patient whom the call is about, pseudonymous, newest
/// first. Implemented over the store, with consent and compartments applied.
pub trait RecordRead: Send + Sync {
    /// Measurements and answers of one code.
    fn observations<'a>(&'a self, query: &'a RecordQuery) -> RecordFuture<'a, Observation>;

    /// Diagnoses and problems.
    fn conditions(&self) -> RecordFuture<'_, Condition>;

    /// Allergies and intolerances.
    fn allergies(&self) -> RecordFuture<'_, Allergy>;

    /// Medicines taken.
    fn medications(&self) -> RecordFuture<'_, Medication>;
}

/// Nobody's record: for calls that are about no patient.
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
