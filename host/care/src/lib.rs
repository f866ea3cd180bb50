//! Care: visits, conversations, prescriptions, pathways with their panels, alerts and holds, and
//! decision support for other systems.

pub mod alert;
pub mod cds;
mod checker;
pub mod conversation;
pub mod encounter;
mod event;
pub mod item_order;
mod look_again;
pub mod message;
mod open;
pub mod panel;
pub mod pathway;
pub mod prescription;
pub mod safety;
pub mod sharing;

pub use open::Care;
