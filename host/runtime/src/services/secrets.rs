//! Secrets of a plugin.

use std::{future::Future, pin::Pin};

/// A pending query.
pub type SecretsFuture<'a> = Pin<Box<dyn Future<Output = Vec<String>> + Send + 'a>>;

/// The secrets that a tenant stores for a plugin, without the values: only [`crate::Egress`] has
/// them. Implemented over the store.
pub trait Secrets: Send + Sync {
    /// Keys that have a value.
    fn available(&self) -> SecretsFuture<'_>;
}
