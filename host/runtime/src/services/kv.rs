//! The key-value store of a plugin.

use std::{future::Future, pin::Pin};

use thiserror::Error;

/// A pending read.
pub type KvFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, KvUnavailable>> + Send + 'a>>;

/// The store is unavailable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the store did not answer")]
pub struct KvUnavailable;

/// The values of one plugin in one tenant, as of the start of the call. Implemented over the
/// store.
pub trait KvRead: Send + Sync {
    /// The value of a key, if it has one.
    fn get<'a>(&'a self, key: &'a str) -> KvFuture<'a, Option<Vec<u8>>>;

    /// Total bytes of keys and values.
    fn used(&self) -> KvFuture<'_, u64>;
}

/// An empty store: for plugins without one, and for calls that must not depend on stored values.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoKv;

impl KvRead for NoKv {
    fn get<'a>(&'a self, _: &'a str) -> KvFuture<'a, Option<Vec<u8>>> {
        Box::pin(async { Ok(None) })
    }

    fn used(&self) -> KvFuture<'_, u64> {
        Box::pin(async { Ok(0) })
    }
}
