//! Custody: the records of a hospital that was renamed or has closed are read by its
//! successor, where they lie.
//!
//! Nothing is copied. A copy would have other ids or collide with the successor's own,
//! would break the hash chains that prove the records, would have to carry consents,
//! compartments and keys along and keep them in step, and would take the trail of who
//! saw a record away from the patients whose it is. So custody is a relation: the source
//! is frozen by the schema (`frozen_tenant`; triggers refuse every write to its records,
//! whichever code it comes from), and staff of the custodian read through the source's
//! own scope, by its consents and compartments, into its own trail, which goes on. If a
//! custodian closes in its turn, its custodian is that of what it held, too.
//!
//! A reader of the custodian's says in whose records with the header
//! `xinglin-custody: ten-…`, on reads and on nothing else.

mod in_custody;
mod list;
mod start;

use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::custody::{Custody, Statement};
use xinglin_platform::Platform;

pub use self::in_custody::in_custody;
pub use self::list::list;
pub use self::start::{NewCustody, start};

/// The header that says whose records are meant.
pub const HEADER: &str = "xinglin-custody";

/// Most custodians one after the other.
const GENERATIONS: usize = 16;

/// A custody, with what was stated and whether that still holds.
#[derive(Debug, Serialize, ToSchema)]
pub struct CustodyView {
    /// What went into custody, and how its chains stood.
    #[schema(value_type = Object)]
    pub statement: Statement,
    /// Under the statement.
    #[schema(value_type = Object)]
    pub signature: xinglin_domain::signature::Signature,
    /// Whether the signature is under this statement.
    pub signed: bool,
    /// Whether the chains are whole, and go through the links that were stated.
    pub chains_hold: bool,
}

fn view(platform: &Platform, custody: Custody, chains_hold: bool) -> CustodyView {
    let signed = custody.is_signed(platform);
    let Custody { statement, signature } = custody;
    CustodyView { statement, signature, signed, chains_hold }
}
