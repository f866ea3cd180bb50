//! Write plugins for Xinglin.
//!
//! A plugin is a pure function: what it knows comes in as arguments, what it wants
//! goes out as a value, and the hospital checks every wish before it acts on one.
//! Nothing here prescribes, moves money, or tells a plugin who the patient is.
//!
//! ```ignore
//! use xinglin_sdk::{plugin, prelude::*, prescribing::{Error, Order, Review, Verdict}};
//!
//! #[plugin(prescribing)]
//! pub struct MyCheck;
//!
//! impl Review for MyCheck {
//!     fn review(order: Order, snapshot: Snapshot, now: Instant) -> Result<Verdict, Error> {
//!         Ok(Verdict::Allow)
//!     }
//! }
//! ```
//!
//! - One module a role: [`pathway`], [`prescribing`], [`payment`], [`verifier`]. A type may take
//!   several: `#[plugin(pathway, prescribing)]`.
//! - What all roles share: [`types`] (codes, exact decimals, texts, citations),
//!   [`clinical`] (the snapshot), [`money`], [`time`].
//! - What the hospital lends, if the manifest asks and the tenant grants: [`log`],
//!   [`settings`], [`kv`], [`records`], [`files`], [`random`]; requests to servers
//!   outside ([`http`]) with [`secrets`] and [`identity`] that the plugin never sees,
//!   and [`signing`]. What is not called is not imported.
//! - [`testing`]: a host, patients, bills and a calendar, so that `cargo test` runs
//!   a plugin natively, without WebAssembly.

// The export macros are expanded in a plugin's crate and name this one.
extern crate self as xinglin_sdk;

mod bindings;
pub mod clinical;
mod host;
pub mod money;
#[doc(hidden)]
pub mod panics;
pub mod pathway;
pub mod payment;
pub mod prescribing;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
pub mod time;
pub mod types;
pub mod verifier;

pub use host::{files, http, identity, kv, log, random, records, secrets, settings, signing};
#[doc(hidden)]
pub use wit_bindgen::rt;
pub use xinglin_sdk_macros::plugin;

/// What almost every plugin needs.
pub mod prelude {
    pub use crate::{
        clinical::Snapshot,
        time::Instant,
        types::{Attribute, Citation, Coding, Codings as _, Decimal, LocalizedText, Quantity, system, zh_en},
    };
}

/// What `#[plugin]` knows of a plugin at compile time.
pub trait Plugin {
    /// The text of its `plugin.toml`, checked when it was compiled.
    const MANIFEST: &'static str;
}
