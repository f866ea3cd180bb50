//! The plugin engine: how a component becomes callable, and how it is called.
//!
//! ```text
//! Package ─┐
//! Grants ──┴─ Runtime::load ─ Plugin
//!                               │
//!  Runtime::{review, step, quote, …}(plugin, CallContext, …) ─ Call
//! ```
//!
//! What always holds:
//!
//! - **A fresh instance for every call**; nothing survives in guest memory.
//! - **Only what is granted exists.** A linker defines the granted capabilities of
//!   the one table in `host/mod.rs` and no other import, so what is not granted cannot
//!   even be named.
//! - **Every call has bounds**: memory, time, output, host answers, and calls at
//!   once. Each has a code of its own ([`FailureCode`]).
//! - **Every call is taped**, whatever became of it ([`Tape`]), and a tape can be
//!   run again ([`Runtime::replay`]).
//!
//! Nobody outside this crate names wasmtime or a generated type.

mod ask;
mod breaker;
mod cache;
mod call;
mod cause;
mod contract;
mod engine;
mod host;
mod limits;
mod load;
mod pool;
mod program;
mod recorder;
mod replay;
mod services;
mod trace;
#[allow(dead_code, reason = "generated for every direction, used in one")]
mod wit;

pub use cache::{AotCache, HostKey};
pub use engine::{Options, Runtime};
pub use host::{files::pack::Packs, state::CallContext};
pub use program::Plugin;
pub use services::{
    HostServices,
    http::{Egress, EgressFuture, HttpError, HttpMethod, HttpRequest, HttpResponse, SignWith},
    identity::{Identity, IdentityFuture},
    kv::{KvFuture, KvRead, KvUnavailable, NoKv},
    records::{NoRecord, RecordError, RecordFuture, RecordQuery, RecordRead},
    secrets::{Secrets, SecretsFuture},
    signing::{Keyring, KeyringFuture, KeyringUnavailable, PublicKey as PluginPublicKey, SM2_IDENTITY, verify},
};
pub use trace::TRACE;
pub use xinglin_domain::identity::IdentityField;
// What a plugin is and what came of its calls.
pub use xinglin_plugin::*;
