//! The plugin engine: loads and calls components.
//!
//! ```text
//! Package ─┐
//! Grants ──┴─ Runtime::load ─ Plugin
//!                               │
//!  Runtime::{review, step, quote, …}(plugin, CallContext, …) ─ Call
//! ```
//!
//! Properties:
//!
//! - **A fresh instance for every call**; no state is kept in guest memory.
//! - **Only what is granted exists.** A linker defines the granted capabilities of the one
//!   table in `host/mod.rs` and no other import.
//! - **Every call has limits**: memory, time, output, host answers, and concurrency. Each
//!   has its own code ([`FailureCode`]).
//! - **Every call is recorded** on a [`Tape`], whatever its outcome, and a tape can be
//!   replayed ([`Runtime::replay`]).
//!
//! No wasmtime or generated type is visible outside this crate.

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
// Packages, grants and results of calls.
pub use xinglin_plugin::*;
