//! The plugin engine: what a component is, what it may do, and how it is called.
//!
//! ```text
//! plugin.toml ─ Manifest ┐                    Grants (of the tenant)
//! core module ─ componentize ─ attach ─ bytes    │
//!                                │               │
//!                          Package::read ─ Runtime::load ─ Plugin
//!                                                            │
//!            Runtime::{review, step, quote, …}(plugin, CallContext, …) ─ Call
//! ```
//!
//! What always holds:
//!
//! - **A fresh instance for every call**; nothing survives in guest memory.
//! - **Only what is granted exists.** A linker is built from the one table of
//!   `capability.rs` and defines no other import, so what is not granted cannot
//!   even be named.
//! - **Every call has bounds**: memory, time, output, host answers, and calls at
//!   once. Each has a code of its own ([`FailureCode`]).
//! - **Every call is taped**, whatever became of it ([`Tape`]), and a tape can be
//!   run again ([`Runtime::replay`]).
//!
//! Nobody outside this crate names wasmtime or a generated type.

mod breaker;
mod cache;
mod call;
mod capability;
mod engine;
mod error;
mod failure;
mod grants;
mod hook;
mod identity;
mod limits;
mod package;
mod prescribing;
mod registry;
mod tape;
mod trace;
#[allow(dead_code, reason = "generated for every direction, used in one")]
mod wit;

/// What a plugin may import, one file a capability.
mod host {
    pub(crate) mod files;
    pub(crate) mod http;
    pub(crate) mod identity;
    pub(crate) mod kv;
    pub(crate) mod log;
    pub(crate) mod nothing;
    pub(crate) mod placeholder;
    pub(crate) mod random;
    pub(crate) mod records;
    pub(crate) mod secrets;
    pub(crate) mod settings;
    pub(crate) mod signing;
    pub(crate) mod wasi;
}

mod types {
    pub(crate) mod v1;
}
mod clinical {
    pub(crate) mod v1;
}
mod pathway {
    pub(crate) mod v1;
}
mod payment {
    pub(crate) mod v1;
}

pub use cache::{AotCache, HostKey};
pub use call::{Call, CallContext, HostServices};
pub use capability::Capability;
pub use engine::{Options, Runtime};
pub use error::{PluginError, StartFailure};
pub use failure::{CallFailure, FailureCode};
pub use grants::{Grants, HttpGrant};
pub use hook::{Export, Interface};
pub use host::{
    files::pack::Packs,
    http::{Egress, EgressFuture, HttpError, HttpMethod, HttpRequest, HttpResponse, SignWith},
    identity::{Identity, IdentityFuture},
    kv::{KvFuture, KvRead, KvUnavailable, KvWrite, NoKv},
    log::{LogLevel, LogLine},
    placeholder::{Piece, Placeholder, pieces},
    records::{NoRecord, RecordError, RecordFuture, RecordQuery, RecordRead},
    secrets::{Secrets, SecretsFuture},
    signing::{
        KeyKind, Keyring, KeyringFuture, KeyringUnavailable, PublicKey as PluginPublicKey, SM2_IDENTITY, verify,
    },
};
pub use limits::Limits;
pub use package::{
    Package,
    bundle::Bundle,
    componentize::{attach, componentize},
    digest::Digest,
    host_pattern::HostPattern,
    inspect::{Item, Sheet},
    manifest::{Ask, AskedKeys, DataNeeds, Manifest, Setting, SettingKind},
    signature::{KeyId, PublicKey, Signature, SignerRole, Statement},
    trust::{Policy, Standing, TrustStore, TrustedKey, Verdict, Weighed},
};
pub use registry::Plugin;
pub use tape::{Answer, Output, ReplayError, ReplayReport, Tape};
pub use trace::TRACE;
pub use xinglin_domain::identity::IdentityField;
