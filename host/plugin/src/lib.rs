//! Plugins without an engine: packages and their signatures, manifests and grants, results of
//! calls.
//!
//! ```text
//! plugin.toml ─ Manifest ┐
//! core module ─ componentize ─ attach ─ bytes ─ Package::read ─ Package
//! ```
//!
//! This crate neither compiles nor runs a component.

mod call;
mod capability;
mod digest;
mod error;
mod failure;
mod grants;
mod interface;
mod key;
mod limits;
mod log;
mod name;
mod package;
mod placeholder;
mod tape;

pub use call::{Call, Judge, KvWrite, Mistake};
pub use capability::{Capability, WASI};
pub use digest::Digest;
pub use error::{PluginError, StartFailure};
pub use failure::{CallFailure, FailureCode};
pub use grants::Grants;
pub use interface::{Export, Interface};
pub use key::KeyKind;
pub use limits::Limits;
pub use log::{LogLevel, LogLine};
pub use package::{
    HttpGrant, Package,
    bundle::Bundle,
    componentize::{attach, componentize},
    host_pattern::HostPattern,
    inspect::{Item, Sheet},
    manifest::{Ask, AskedKeys, DataNeeds, Manifest, Setting, SettingKind},
    signature::{KeyId, PublicKey, Signature, SignerRole, Statement},
    trust::{Policy, Standing, TrustStore, TrustedKey, Verdict, Weighed},
};
pub use placeholder::{Piece, Placeholder, pieces};
pub use tape::{Answer, Output, ReplayError, ReplayReport, Tape};
