//! Disease pathways: `pathway` of 1.0, and `follow-up` of 1.1, which a plugin that exports both is called in. What both
//! are asked, and answer, is the same to the caller.

pub(crate) mod follow_up;
pub(crate) mod v1;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use xinglin_domain::{clinical::Snapshot, pathway as domain, time::Instant};

use super::types::v1::Invalid;

/// Maximum size of [`domain::State::data`], in bytes.
const MAX_STATE: usize = 64 * 1024;

/// `describe` has no input.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DescribeInput {}

/// Input of `screen`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScreenInput<'a> {
    pub snapshot: Cow<'a, Snapshot>,
    pub now: Instant,
}

/// Input of `step`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepInput<'a> {
    pub state: Option<Cow<'a, domain::State>>,
    pub event: Cow<'a, domain::Event>,
    pub snapshot: Cow<'a, Snapshot>,
    pub now: Instant,
}

/// Input of `migrate`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MigrateInput<'a> {
    pub state: Cow<'a, domain::State>,
    pub stage: Cow<'a, str>,
}

fn state_of(version: u32, data: Vec<u8>) -> Result<domain::State, Invalid> {
    if data.len() > MAX_STATE {
        return Err(Invalid(format!("a state of {} bytes; the host keeps {MAX_STATE}", data.len())));
    }
    Ok(domain::State { version, data })
}
