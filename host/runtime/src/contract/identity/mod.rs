//! Verification of persons and certificates.

pub(crate) mod v1;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use xinglin_domain::{
    identity::{Outcome, VerifyError},
    time::Instant,
};

/// Input of a verifier.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VerifyInput<'a, C: Clone> {
    pub claim: Cow<'a, C>,
    pub now: Instant,
}

/// Output of a verifier.
type Answer = Result<Outcome, VerifyError>;
