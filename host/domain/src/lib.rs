//! The rules of the hospital: pure, total, and without a clock.
//!
//! Nothing here performs IO, awaits, reads the time or draws a random number;
//! those come in as arguments, so every rule can be tested in microseconds and
//! replayed for ever. Start with [`prescription`] for the state machine, with
//! [`billing`] and [`ledger`] for the money, with [`enrolment`] for what becomes
//! of a plugin's proposals.
//!
//! Two habits hold throughout. A step that the rules refuse says which rule, by a
//! stable [`code`]. And what one part must have established before another may
//! act travels as a value that only the first can make: a [`encounter::FollowUp`]
//! to prescribe in, a [`review::Reviewed`] order to sign, a [`billing::Paid`]
//! bill to dispense on.

pub mod access;
pub mod attachment;
pub mod audit;
pub mod billing;
pub mod canonical;
pub mod clinical;
pub mod code;
pub mod coding;
pub mod compartment;
pub mod consent;
pub mod conversation;
pub mod custody;
pub mod decision;
pub mod emergency_access;
pub mod encounter;
pub mod enrolment;
#[cfg(test)]
mod fixture;
pub mod id;
pub mod id_number;
pub mod identity;
pub mod ledger;
pub mod machine;
pub mod money;
pub mod pathway;
pub mod payer;
pub mod practice;
pub mod prescription;
pub mod registration;
pub mod relation;
pub mod retention;
pub mod review;
mod role;
pub mod scope;
pub mod signature;
pub mod time;
