//! Verification of people and certificates.

pub(crate) mod v1;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use xinglin_domain::{
    identity::{CredentialClaim, Outcome, PersonClaim, VerifyError},
    time::Instant,
};

use crate::{
    call::{Call, CallContext},
    engine::Runtime,
    registry::Plugin,
};

/// What a verifier is asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VerifyInput<'a, C: Clone> {
    claim: Cow<'a, C>,
    now: Instant,
}

/// What it answers.
type Answer = Result<Outcome, VerifyError>;

impl Runtime {
    /// Asks a verifier whether a patient is who the record says. Failure class:
    /// closed; any `Err`, of the call or of the plugin, decides nothing.
    pub async fn verify_person(
        &self,
        plugin: &Plugin,
        context: CallContext,
        claim: &PersonClaim,
        now: Instant,
    ) -> Call<Result<Outcome, VerifyError>> {
        self.invoke::<v1::Person>(plugin, context, VerifyInput { claim: Cow::Borrowed(claim), now }).await
    }

    /// Asks a verifier whether somebody holds a certificate. Failure class: closed; any
    /// `Err`, of the call or of the plugin, decides nothing.
    pub async fn verify_credential(
        &self,
        plugin: &Plugin,
        context: CallContext,
        claim: &CredentialClaim,
        now: Instant,
    ) -> Call<Result<Outcome, VerifyError>> {
        self.invoke::<v1::Credential>(plugin, context, VerifyInput { claim: Cow::Borrowed(claim), now }).await
    }
}
