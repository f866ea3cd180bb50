//! Payment per head (按人头付费): every function is a calculation, and the host keeps the members,
//! counts the months and books. Implement [`Capitation`] on the type that carries
//! `#[plugin(capitation)]`. Words that it shares are in [`insurance`](crate::insurance).

crate::bindings::payment_1_1!(
    "package xinglin:role-capitation; world capitation-role { export xinglin:payment/capitation@1.1.0; }"
);

pub use bindings::exports::xinglin::payment::capitation::{
    Acceptance, Account, Budget, Choice, Closing, Consumption, Enrolled, Enrolment, Guest as Capitation, Indicator,
    MemberMonths, Membership, Place, Points, Quality, Share,
};
