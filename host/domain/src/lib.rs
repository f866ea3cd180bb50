//! The rules of the hospital: pure, total, and without a clock.
//!
//! Nothing here performs IO, awaits, reads the time or draws a random number;
//! those come in as arguments, so every rule can be tested in microseconds and
//! replayed for ever. Start with [`prescription`] for the state machine, with
//! [`ledger`] for the money, with [`pathway`] for what a plugin may ask for.

pub mod clinical;
pub mod coding;
pub mod id;
pub mod money;
pub mod pathway;
pub mod payer;
pub mod review;
pub mod time;
