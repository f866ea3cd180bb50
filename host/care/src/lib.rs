//! Care: visits, conversations, prescriptions, pathways with their alerts and holds, and
//! decision support for other systems.

pub mod cds;
mod checker;
mod look_again;
pub mod conversation;
pub mod encounter;
pub mod message;
mod open;
pub mod pathway;
pub mod prescription;

pub use open::Care;
