//! What a plugin has kept.

use std::{future::Future, pin::Pin};

use thiserror::Error;

/// A read that is under way.
pub type KvFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, KvUnavailable>> + Send + 'a>>;

/// The store did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the store did not answer")]
pub struct KvUnavailable;

/// The values of one plugin in one tenant, as they stood when the call began.
/// Implemented over the store.
pub trait KvRead: Send + Sync {
    /// The value of a key, if it has one.
    fn get<'a>(&'a self, key: &'a str) -> KvFuture<'a, Option<Vec<u8>>>;

    /// Bytes of all keys and values together.
    fn used(&self) -> KvFuture<'_, u64>;
}

/// Holds nothing: for plugins that keep nothing, and for calls that must not
/// depend on what was kept.
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
