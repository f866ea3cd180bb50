//! What a service costs; never what medicines cost. Implement [`Pricing`] on the type that carries
//! `#[plugin(pricing)]`. Words that it shares are in [`insurance`](crate::insurance).

crate::bindings::payment_1_1!(
    "package xinglin:role-pricing; world pricing-role { export xinglin:payment/pricing@1.1.0; }"
);

pub use bindings::exports::xinglin::payment::pricing::{
    Due, Fee, Guest as Pricing, Payee, Price, Priced, Progress, Purchase, Refund, ReturnedFee, Service,
};
