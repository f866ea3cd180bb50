//! Whether the patient is insured for something, before it is done. Implement [`Eligibility`] on
//! the type that carries `#[plugin(eligibility)]`.

crate::bindings::payment_1_1!(
    "package xinglin:role-eligibility; world eligibility-role { export xinglin:payment/eligibility@1.1.0; }"
);

pub use bindings::exports::xinglin::payment::eligibility::{Benefit, Entitlement, Guest as Eligibility, Standing};
