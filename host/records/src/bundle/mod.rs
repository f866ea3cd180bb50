//! FHIR in: bundles and single resources, created, changed and deleted in one transaction.

mod act;
mod carry_out;
mod import;
mod patch;

use self::carry_out::{do_all, read_url, touches};

pub use self::act::act;
pub use self::import::import;
pub use self::patch::patch;

/// One thing to be done to a single resource, over HTTP.
#[derive(Debug, Clone)]
pub struct Act {
    /// `POST`, `PUT` or `DELETE`.
    pub method: &'static str,
    /// `Type`, `Type/id` or `Type?condition`.
    pub url: String,
    /// The version that must be current.
    pub if_match: Option<u64>,
    /// Unless there is one like that.
    pub if_none_exist: Option<String>,
}
