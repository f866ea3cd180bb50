//! Generated from `/wit`: types shared by all interfaces. The module of each interface generates
//! its own bindings and uses these types for the rest, so that a [`Coding`] is one type
//! everywhere.
//!
//! [`Coding`]: crate::types::Coding
#![allow(missing_docs, unsafe_code, reason = "generated; the documentation is the contract's")]

wit_bindgen::generate!({
    inline: "
        package xinglin:sdk;
        world shared {
            import xinglin:types/types@1.0.0;
            import xinglin:clinical/snapshot@1.0.0;
            import xinglin:host/log@1.1.0;
            import xinglin:host/settings@1.1.0;
            import xinglin:host/kv@1.1.0;
            import xinglin:host/records@1.1.0;
            import xinglin:host/http@1.1.0;
            import xinglin:host/secrets@1.1.0;
            import xinglin:host/identity@1.1.0;
            import xinglin:host/signing@1.1.0;
            import xinglin:host/files@1.1.0;
            import xinglin:host/random@1.1.0;
            import xinglin:payment/insurance@1.1.0;
            import xinglin:pathway/terms@1.1.0;
            import xinglin:pathway/questionnaires@1.1.0;
        }
    ",
    path: ["../wit/types", "../wit/clinical", "../wit/host", "../wit/payment-1.1", "../wit/pathway-1.1"],
    runtime_path: "::xinglin_sdk::rt",
    additional_derives: [PartialEq, Eq],
    // Equality is by value, not by digits: see `types::decimal`.
    additional_derives_ignore: ["decimal"],
    generate_unused_types: true,
    generate_all,
});

/// The bindings of an interface of `xinglin:payment@1.1.0`, in a world of its own, so that a plugin
/// exports any of them.
macro_rules! payment_1_1 {
    ($world:tt) => {
        #[doc(hidden)]
        #[allow(missing_docs, unsafe_code, reason = "generated; the documentation is the contract's")]
        pub mod bindings {
            wit_bindgen::generate!({
                inline: $world,
                path: ["../wit/types", "../wit/clinical", "../wit/host", "../wit/payment-1.1"],
                with: {
                    "xinglin:types/types@1.0.0": crate::bindings::xinglin::types::types,
                    "xinglin:payment/insurance@1.1.0": crate::bindings::xinglin::payment::insurance,
                },
                runtime_path: "::xinglin_sdk::rt",
                additional_derives: [PartialEq, Eq],
                generate_unused_types: true,
                pub_export_macro: true,
                export_macro_name: "export",
            });
        }
    };
}
pub(crate) use payment_1_1;

/// The same of `xinglin:pathway@1.1.0`; what else an interface uses is named.
macro_rules! pathway_1_1 {
    ($world:tt, { $($used:literal: $module:path),* $(,)? }) => {
        #[doc(hidden)]
        #[allow(missing_docs, unsafe_code, reason = "generated; the documentation is the contract's")]
        pub mod bindings {
            wit_bindgen::generate!({
                inline: $world,
                path: ["../wit/types", "../wit/clinical", "../wit/host", "../wit/pathway-1.1"],
                with: {
                    "xinglin:types/types@1.0.0": crate::bindings::xinglin::types::types,
                    "xinglin:pathway/terms@1.1.0": crate::bindings::xinglin::pathway::terms,
                    $($used: $module),*
                },
                runtime_path: "::xinglin_sdk::rt",
                additional_derives: [PartialEq, Eq],
                generate_unused_types: true,
                pub_export_macro: true,
                export_macro_name: "export",
            });
        }
    };
}
pub(crate) use pathway_1_1;
