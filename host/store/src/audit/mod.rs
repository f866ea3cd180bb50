//! Hash chains and the audit trail.

pub(crate) mod chain;
pub(crate) mod trail;
