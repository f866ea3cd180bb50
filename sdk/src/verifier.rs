//! Verification of persons and certificates. If a verifier traps or
//! returns an error, the claim is not decided and has no effect.
//!
//! Implement [`Verifier`] on the type that carries `#[plugin(verifier)]`.

#[doc(hidden)]
#[allow(missing_docs, unsafe_code, reason = "generated; the documentation is the contract's")]
pub mod bindings {
    wit_bindgen::generate!({
        path: ["../wit/types", "../wit/clinical", "../wit/host", "../wit/identity"],
        world: "xinglin:identity/identity-verifier",
        with: {
            "xinglin:types/types@1.0.0": crate::bindings::xinglin::types::types,
            "xinglin:host/log@1.1.0": crate::bindings::xinglin::host::log,
            "xinglin:host/settings@1.1.0": crate::bindings::xinglin::host::settings,
            "xinglin:host/kv@1.1.0": crate::bindings::xinglin::host::kv,
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

pub use bindings::exports::xinglin::identity::verifier::{
    Credential, Error, Evidence, Finding, Guest as Verifier, Level, NumberFacts, Outcome, Person, Severity, Truth,
    Verification,
};

impl NumberFacts {
    /// All facts unknown.
    pub const UNKNOWN: Self = Self {
        form: Truth::Unknown,
        checksum: Truth::Unknown,
        region: Truth::Unknown,
        birth: Truth::Unknown,
        holder: Truth::Unknown,
    };

    /// A valid number of the right holder.
    pub const SOUND: Self = Self {
        form: Truth::Holds,
        checksum: Truth::Holds,
        region: Truth::Holds,
        birth: Truth::Holds,
        holder: Truth::Holds,
    };
}
