//! Accounts, sign-in, certificates, relations and organisations.

pub(crate) mod account;
pub(crate) mod one_time;
pub(crate) mod organisation;
pub(crate) mod passkey;
pub(crate) mod practice;
pub(crate) mod provider;
pub(crate) mod relation;
pub(crate) mod session;
