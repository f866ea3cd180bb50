//! Claims and what the insurer decides of each line. Implement [`Claims`] on the type that carries
//! `#[plugin(claims)]`.
//!
//! An insurer speaks for its own share only: what payers before it pay is in
//! [`ClaimLine::prior`](super::ClaimLine). A repeated operation is answered as before: store the
//! answer in `kv`.

crate::bindings::payment_1_1!(
    "package xinglin:role-claims; world claims-role { export xinglin:payment/claims@1.1.0; }"
);

pub use bindings::exports::xinglin::payment::claims::{
    Adjudication, Cancellation, ExplanationOfBenefit, Guest as Claims, LineAdjudication, Objection, Predetermined,
    Reason, Response,
};
