//! Verification of people and certificates.

use async_recursion::async_recursion as boxed;
use std::borrow::Cow;

use xinglin_domain::{
    identity::{CredentialClaim, Outcome, PersonClaim, VerifyError},
    time::Instant,
};
use xinglin_plugin::Call;

use crate::{
    contract::identity::{VerifyInput, v1},
    engine::Runtime,
    host::state::CallContext,
    program::Plugin,
};

impl Runtime {
    /// Calls a verifier on the identity of a patient. Failure class: closed; any `Err`, of the
    /// call or of the plugin, decides nothing.
    #[boxed]
    pub async fn verify_person(
        &self,
        plugin: &Plugin,
        context: CallContext,
        claim: &PersonClaim,
        now: Instant,
    ) -> Call<Result<Outcome, VerifyError>> {
        self.invoke::<v1::Person>(plugin, context, VerifyInput { claim: Cow::Borrowed(claim), now }).await
    }

    /// Calls a verifier on a person's certificate. Failure class: closed; any `Err`, of the call
    /// or of the plugin, decides nothing.
    #[boxed]
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
