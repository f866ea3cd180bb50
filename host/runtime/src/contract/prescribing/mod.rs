//! Checks of a prescription, in the supported majors. A plugin is called in the newest major that
//! it exports, transparently to the caller.

pub(crate) mod v1;
#[cfg(feature = "fixture-2-0")]
pub(crate) mod v2;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use xinglin_domain::{
    clinical::Snapshot,
    review::{Order, ReviewError, Verdict},
    time::Instant,
};

use super::types::v1::Invalid;

/// Input of `review`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReviewInput<'a> {
    pub order: Cow<'a, Order>,
    pub snapshot: Cow<'a, Snapshot>,
    pub now: Instant,
}

/// Output of `review`.
type Answer = Result<Verdict, ReviewError>;

/// Checks that a prescriber can read and trust the findings, in any major.
fn check(input: &ReviewInput<'_>, answer: &Answer) -> Result<(), Invalid> {
    match answer {
        Ok(verdict) => verdict.validate(&input.order).map_err(Invalid),
        Err(_) => Ok(()),
    }
}
