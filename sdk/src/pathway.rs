//! Disease pathways: who may be enrolled, and what happens at each event.
//!
//! A pathway is a function from state and event to state and directives. There is
//! no directive that prescribes.
//!
//! Implement [`Pathway`] on the type that carries `#[plugin(pathway)]`.

#[doc(hidden)]
#[allow(missing_docs, unsafe_code, reason = "generated; the documentation is the contract's")]
pub mod bindings {
    wit_bindgen::generate!({
        path: ["../wit/types", "../wit/clinical", "../wit/host", "../wit/pathway"],
        world: "xinglin:pathway/pathway-plugin",
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

pub use bindings::exports::xinglin::pathway::pathway::{
    Alert, Answer, AnswerKind, AnswerValue, DataNeed, Definition, Destination, Directive, Eligibility, Error, Event,
    Guest as Pathway, Hold, Message, Outcome, Question, Questionnaire, Reason, Referral, ReleaseBy, Response, Role,
    Severity, Stage, State, Task, TaskRef,
};
