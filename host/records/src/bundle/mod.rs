//! FHIR writes: bundles and single resources, in one transaction.

mod act;
mod carry_out;
mod import;
mod patch;

use self::carry_out::{do_all, read_url, touches};

pub use self::act::act;
pub use self::import::import;
pub use self::patch::patch;

/// A write of a single resource over HTTP.
#[derive(Debug, Clone)]
pub struct Act {
    /// `POST`, `PUT` or `DELETE`.
    pub method: &'static str,
    /// `Type`, `Type/id` or `Type?condition`.
    pub url: String,
    /// The version that must be current.
    pub if_match: Option<u64>,
    /// Only if no resource matches.
    pub if_none_exist: Option<String>,
}
