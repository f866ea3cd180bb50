//! Payment schemes: the shares of a bill. The host owns the ledger and checks
//! every amount.
//!
//! Implement [`Payer`] on the type that carries `#[plugin(payment)]`.
//!
//! # Errors
//!
//! Of [`Payer::settle`] and [`Payer::reverse`], [`Error::Unavailable`] and [`Error::MissingData`] state that
//! **nothing was done**: the host may begin the operation anew, under a new key. After [`Error::Conflict`],
//! [`Error::Other`], a panic or the end of the deadline the outcome is **unknown**: the host calls
//! [`Payer::query`] and sends nothing again. A request whose answer was lost (`http::Error::Timeout`,
//! `http::Error::Unavailable`) may have been processed: return [`Error::Other`], and ask the server in `query`.
//! [`Payer::quote`] and [`Payer::authorize`] move no money: after any error nothing was done.

#[doc(hidden)]
#[allow(missing_docs, unsafe_code, reason = "generated; the documentation is the contract's")]
pub mod bindings {
    wit_bindgen::generate!({
        path: ["../wit/types", "../wit/clinical", "../wit/host", "../wit/payment"],
        world: "xinglin:payment/payment-plugin",
        with: {
            "xinglin:types/types@1.0.0": crate::bindings::xinglin::types::types,
            "xinglin:clinical/snapshot@1.0.0": crate::bindings::xinglin::clinical::snapshot,
            "xinglin:host/log@1.1.0": crate::bindings::xinglin::host::log,
            "xinglin:host/settings@1.1.0": crate::bindings::xinglin::host::settings,
            "xinglin:host/kv@1.1.0": crate::bindings::xinglin::host::kv,
            "xinglin:host/records@1.1.0": crate::bindings::xinglin::host::records,
            "xinglin:host/http@1.1.0": crate::bindings::xinglin::host::http,
            "xinglin:host/secrets@1.1.0": crate::bindings::xinglin::host::secrets,
            "xinglin:host/identity@1.1.0": crate::bindings::xinglin::host::identity,
            "xinglin:host/signing@1.1.0": crate::bindings::xinglin::host::signing,
            "xinglin:host/files@1.1.0": crate::bindings::xinglin::host::files,
            "xinglin:host/random@1.1.0": crate::bindings::xinglin::host::random,
        },
        runtime_path: "::xinglin_sdk::rt",
        additional_derives: [PartialEq, Eq],
        generate_unused_types: true,
        pub_export_macro: true,
        export_macro_name: "export",
    });
}

pub use bindings::exports::xinglin::payment::payer::{
    Accumulator, Adjudication, Authorization, Authorized, Bill, Coverage, Error, Guest as Payer, Line, LineKind,
    LineResult, Operation, Part, Quoted, Refusal, Reversal, Reversed, Settled, Settlement, Source, Status,
};
