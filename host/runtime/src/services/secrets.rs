//! Which secrets there are.

use std::{future::Future, pin::Pin};

/// A look that is under way.
pub type SecretsFuture<'a> = Pin<Box<dyn Future<Output = Vec<String>> + Send + 'a>>;

/// The secrets that a tenant keeps for a plugin. Their values are no part of
/// this: only [`crate::Egress`] has them. Implemented over the store.
pub trait Secrets: Send + Sync {
    /// Keys that have a value.
    fn available(&self) -> SecretsFuture<'_>;
}
