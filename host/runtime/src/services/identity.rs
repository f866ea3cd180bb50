//! Identity fields of a patient.

use std::{future::Future, pin::Pin};

use xinglin_domain::identity::IdentityField;

/// A pending query.
pub type IdentityFuture<'a> = Pin<Box<dyn Future<Output = Vec<IdentityField>> + Send + 'a>>;

/// The patient of a call, without the values: only [`crate::Egress`] has them. Implemented over
/// the record.
pub trait Identity: Send + Sync {
    /// Fields that are known and may be sent; empty if the call has no patient.
    fn available(&self) -> IdentityFuture<'_>;
}
