//! The SDK for plugins of Xinglin.
//!
//! A plugin is a pure function: its input is passed as arguments, its proposals are
//! returned as a value, and the host checks every proposal before applying it. Nothing
//! in this crate prescribes, moves money, or returns the patient's identity.
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
//! - One module for each interface: [`follow_up`] and [`pathway`], [`prescribing`], [`payment`], [`verifier`];
//!   [`insurance`] with `eligibility`, `preauthorization`, `claims` and `reconciliation`;
//!   [`capitation`], [`pricing`]; [`panel`] beside a pathway. A type may implement several: `#[plugin(eligibility, claims)]`.
//! - Shared by all: [`types`] (codes, exact decimals, texts, citations),
//!   [`clinical`] (the snapshot), [`money`], [`time`].
//! - Capabilities, if the manifest requests and the tenant grants them: [`log`],
//!   [`settings`], [`kv`], [`records`], [`files`], [`random`]; requests to external servers
//!   ([`http`]) with [`secrets`] and [`identity`] that the plugin never receives,
//!   and [`signing`]. Interfaces that are not called are not imported.
//! - [`testing`]: a host, patients, bills and a calendar, so that `cargo test` runs
//!   a plugin natively, without WebAssembly.

// The export macros are expanded in a plugin's crate and refer to this crate by name.
extern crate self as xinglin_sdk;

mod bindings;
pub mod capitation;
pub mod clinical;
pub mod follow_up;
mod host;
pub mod insurance;
pub mod money;
pub mod panel;
#[doc(hidden)]
pub mod panics;
pub mod pathway;
pub mod payment;
pub mod prescribing;
pub mod pricing;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
pub mod time;
pub mod types;
pub mod verifier;

pub use host::{files, http, identity, kv, log, random, records, secrets, settings, signing};
#[doc(hidden)]
pub use wit_bindgen::rt;
pub use xinglin_sdk_macros::plugin;

/// Commonly used items.
pub mod prelude {
    pub use crate::{
        clinical::Snapshot,
        time::Instant,
        types::{Attribute, Citation, Coding, Codings as _, Decimal, LocalizedText, Quantity, system, zh_en},
    };
}

/// Data of a plugin that `#[plugin]` provides at compile time.
pub trait Plugin {
    /// The text of its `plugin.toml`, checked at compile time.
    const MANIFEST: &'static str;
}
