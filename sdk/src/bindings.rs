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
        }
    ",
    path: ["../wit/types", "../wit/clinical", "../wit/host"],
    runtime_path: "::xinglin_sdk::rt",
    additional_derives: [PartialEq, Eq],
    // Equality is by value, not by digits: see `types::decimal`.
    additional_derives_ignore: ["decimal"],
    generate_unused_types: true,
    generate_all,
});
