//! Custody: the records of a hospital that was renamed or has closed are read by its
//! successor, in place.
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
//! Readers of the custodian select the source tenant with the header
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

/// The header that selects the source tenant.
pub const HEADER: &str = "xinglin-custody";

/// Maximum length of a chain of custodians.
const GENERATIONS: usize = 16;

/// A custody, with its statement and the result of its verification.
#[derive(Debug, Serialize, ToSchema)]
pub struct CustodyView {
    /// The statement: the transferred records and the heads of the chains.
    #[schema(value_type = Object)]
    pub statement: Statement,
    /// Signature of the statement.
    #[schema(value_type = Object)]
    pub signature: xinglin_domain::signature::Signature,
    /// Whether the signature is valid.
    pub signed: bool,
    /// Whether the chains are valid and contain the stated heads.
    pub chains_hold: bool,
}

fn view(platform: &Platform, custody: Custody, chains_hold: bool) -> CustodyView {
    let signed = custody.is_signed(platform);
    let Custody { statement, signature } = custody;
    CustodyView { statement, signature, signed, chains_hold }
}
