//! What is known of who a patient is.

use std::{future::Future, pin::Pin};

use xinglin_domain::identity::IdentityField;

/// A look that is under way.
pub type IdentityFuture<'a> = Pin<Box<dyn Future<Output = Vec<IdentityField>> + Send + 'a>>;

/// The patient whom a call is about. The values are no part of this: only
/// [`crate::Egress`] has them. Implemented over the record.
pub trait Identity: Send + Sync {
    /// Fields that are known of the patient and may go out; none without one.
    fn available(&self) -> IdentityFuture<'_>;
}
