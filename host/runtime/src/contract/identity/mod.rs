//! Verification of people and certificates.

pub(crate) mod v1;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use xinglin_domain::{
    identity::{Outcome, VerifyError},
    time::Instant,
};

/// What a verifier is asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VerifyInput<'a, C: Clone> {
    pub claim: Cow<'a, C>,
    pub now: Instant,
}

/// What it answers.
type Answer = Result<Outcome, VerifyError>;
