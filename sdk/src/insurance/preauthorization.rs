//! Guarantees of payment before a service is given. Implement [`Preauthorization`] on the type
//! that carries `#[plugin(preauthorization)]`.

crate::bindings::payment_1_1!(
    "package xinglin:role-preauthorization; world preauthorization-role { export xinglin:payment/preauthorization@1.1.0; }"
);

pub use bindings::exports::xinglin::payment::preauthorization::{
    Decision, Guarantee, GuaranteedLine, Guest as Preauthorization,
};
