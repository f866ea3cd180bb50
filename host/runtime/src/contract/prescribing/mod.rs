//! Checks of a prescription, in the majors that are served. Whoever asks does not
//! know which major a plugin was built for: it is called in the newest it has.

pub(crate) mod v1;
#[cfg(feature = "fixture-2-0")]
pub(crate) mod v2;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use xinglin_domain::{
    clinical::Snapshot,
    review::{Finding, Order, ReviewError, Verdict},
    time::Instant,
};

use super::types::v1::Invalid;

/// What `review` is asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReviewInput<'a> {
    pub order: Cow<'a, Order>,
    pub snapshot: Cow<'a, Snapshot>,
    pub now: Instant,
}

/// What `review` answers.
type Answer = Result<Verdict, ReviewError>;

/// A veto that says why, whatever contract it was written in.
fn veto(findings: Vec<Finding>) -> Result<Verdict, Invalid> {
    match findings.is_empty() {
        true => Err(Invalid("a veto without a finding; a prescriber must be told why".into())),
        false => Ok(Verdict::Veto(findings)),
    }
}
