//! Plugins: packages, installations, their own values and secrets, their calls.

pub(crate) mod install;
pub(crate) mod kv;
pub(crate) mod package;
pub(crate) mod secret;
pub(crate) mod shadow;
pub(crate) mod signature;
pub(crate) mod tape;
