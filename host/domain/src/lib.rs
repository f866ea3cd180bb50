//! The rules of the hospital: pure, total, and without a clock.
//!
//! This crate does no IO, does not await, and neither reads a clock nor generates random numbers;
//! these values are arguments, so every rule can be tested in microseconds and replayed. Start
//! with [`prescription`] for the state machine, with [`billing`] and [`ledger`] for money, with
//! [`enrolment`] for proposals of plugins.
//!
//! Two conventions: a refused step names the rule by a stable [`code`]; and a precondition that
//! another module establishes is a value that only that module can construct: a
//! [`encounter::FollowUp`] to prescribe, a [`review::Reviewed`] order to sign, a
//! [`billing::Paid`] bill to dispense.

pub mod access;
pub mod attachment;
pub mod audit;
pub mod billing;
pub mod canonical;
pub mod capitation;
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
pub mod headcount;
pub mod id;
pub mod id_number;
pub mod identity;
pub mod item_order;
pub mod ledger;
pub mod machine;
pub mod measure;
pub mod money;
pub mod organisation;
pub mod panel;
pub mod part;
pub mod pathway;
pub mod patient;
pub mod payer;
pub use payer::insurance;
pub mod practice;
pub mod prescription;
pub mod pricing;
pub mod registration;
pub mod relation;
pub mod reminder;
pub mod retention;
pub mod review;
mod role;
pub mod safety;
pub mod scope;
pub mod sharing;
pub mod signature;
pub mod time;
