//! Whether the books of insurer and hospital say the same. Implement [`Reconciliation`] on the
//! type that carries `#[plugin(reconciliation)]`.

crate::bindings::payment_1_1!(
    "package xinglin:role-reconciliation; world reconciliation-role { export xinglin:payment/reconciliation@1.1.0; }"
);

pub use bindings::exports::xinglin::payment::reconciliation::{
    Comparison, Difference, Entry, Guest as Reconciliation, Remittance, Remitted, Statement,
};
