//! Calls of plugins, with domain types; one file for each interface.

mod identity;
mod pathway;
mod payment;
mod prescribing;
