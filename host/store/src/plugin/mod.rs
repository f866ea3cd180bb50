//! Plugins: packages, installations, values, secrets, tapes.

pub(crate) mod install;
pub(crate) mod kv;
pub(crate) mod package;
pub(crate) mod secret;
pub(crate) mod shadow;
pub(crate) mod signature;
pub(crate) mod tape;
