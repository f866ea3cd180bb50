//! Hash chains, and the trail of who saw what.

pub(crate) mod chain;
pub(crate) mod trail;
