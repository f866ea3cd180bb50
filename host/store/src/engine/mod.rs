//! Engines, statements and scopes.

pub(crate) mod db;
pub(crate) mod dialect;
pub(crate) mod error;
pub(crate) mod meta;
pub(crate) mod scope;
pub(crate) mod trail_queue;
pub(crate) mod vault;
pub(crate) mod writer;
