//! Bindings of the WIT contract, generated from `/wit`. Not visible outside this crate;
//! conversions to domain types are in the folder of each package.
//!
//! One world contains everything that the host provides and calls, so each shared record is
//! generated once. Components need not match that world: hooks are found by interface (see
//! [`crate::contract`]).

wasmtime::component::bindgen!({
    path: [
        "../../wit/types",
        "../../wit/clinical",
        "../../wit/host",
        "../../wit/pathway",
        "../../wit/pathway-1.1",
        "../../wit/prescribing",
        "../../wit/payment",
        "../../wit/payment-1.1",
        "../../wit/identity",
        "../../wit/panel",
    ],
    inline: "
        package xinglin:runtime;

        world contract {
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
            export xinglin:pathway/pathway@1.0.0;
            export xinglin:pathway/follow-up@1.1.0;
            export xinglin:pathway/migration@1.1.0;
            export xinglin:prescribing/review@1.0.0;
            export xinglin:payment/payer@1.0.0;
            export xinglin:payment/eligibility@1.1.0;
            export xinglin:payment/preauthorization@1.1.0;
            export xinglin:payment/claims@1.1.0;
            export xinglin:payment/reconciliation@1.1.0;
            export xinglin:payment/capitation@1.1.0;
            export xinglin:payment/pricing@1.1.0;
            export xinglin:identity/verifier@1.0.0;
            export xinglin:panel/panel@1.0.0;
        }
    ",
    imports: { default: async | trappable },
});
