//! Eligibility for insurance.

use async_recursion::async_recursion as boxed;
use std::borrow::Cow;

use xinglin_domain::{
    insurance::{Claim, InsurerError, Policy, eligibility as domain},
    time::Instant,
};
use xinglin_plugin::Call;

use crate::{
    contract::payment::eligibility::{Check, CheckInput},
    engine::Runtime,
    host::state::CallContext,
    program::Plugin,
};

type Answer<T> = Result<T, InsurerError>;

/// Eligibility. Failure class: closed. Nothing is changed, and an answer that fails its checks in
/// [`xinglin_domain::insurance::eligibility`] is `PLUGIN_OUTPUT`.
impl Runtime {
    /// Whether the patient is insured for the lines of a claim.
    #[boxed]
    pub async fn check_eligibility(
        &self,
        plugin: &Plugin,
        context: CallContext,
        claim: &Claim,
        policy: &Policy,
        now: Instant,
    ) -> Call<Answer<domain::Standing>> {
        let input = CheckInput { claim: Cow::Borrowed(claim), policy: Cow::Borrowed(policy), now };
        self.invoke::<Check>(plugin, context, input).await
    }
}
