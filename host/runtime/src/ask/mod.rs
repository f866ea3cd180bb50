//! What can be asked of plugins, in the domain's words, one file a role.

mod identity;
mod pathway;
mod payment;
mod prescribing;
