//! Claims to an insurer.

use async_recursion::async_recursion as boxed;
use std::borrow::Cow;

use xinglin_domain::{
    insurance::{Claim, InsurerError, Operation, Policy, claims as domain},
    time::Instant,
};
use xinglin_plugin::{Call, Mistake};

use crate::{
    contract::payment::{
        claims::{Appeal, AppealInput, Cancel, Predetermine, PredetermineInput, Status, Submit},
        insurance::{CancelInput, StatusInput, SubmitInput},
    },
    engine::Runtime,
    host::state::CallContext,
    program::Plugin,
};

type Answer<T> = Result<T, InsurerError>;

/// Claims. Failure class: unknown; after a [`crate::CallFailure`] of a function that was started the
/// outcome is unknown. Call [`Runtime::claim_status`], and do not send it again before that answers `None`.
/// A mistake that the judge finds is the insurer's, and the answer is given all the same: it may have
/// acted. The checks are those of [`xinglin_domain::insurance::claims`].
impl Runtime {
    /// How the insurer would share a claim. Changes nothing; figures that fail their checks are
    /// `PLUGIN_OUTPUT`; what the judge finds counts as its failure.
    #[boxed]
    pub async fn predetermine(
        &self,
        plugin: &Plugin,
        context: CallContext,
        (claim, policy): (&Claim, &Policy),
        now: Instant,
        judge: &(dyn Fn(&Answer<domain::Predetermined>) -> Option<Mistake> + Send + Sync),
    ) -> Call<Answer<domain::Predetermined>> {
        let input = PredetermineInput { claim: Cow::Borrowed(claim), policy: Cow::Borrowed(policy), now };
        self.invoke_judged::<Predetermine>(plugin, context, input, judge).await
    }

    /// Asks the insurer to pay.
    #[boxed]
    pub async fn submit_claim(
        &self,
        plugin: &Plugin,
        context: CallContext,
        operation: &Operation,
        claim: &Claim,
        policy: &Policy,
        judge: &(dyn Fn(&Answer<domain::Response>) -> Option<Mistake> + Send + Sync),
    ) -> Call<Answer<domain::Response>> {
        let input = SubmitInput {
            operation: Cow::Borrowed(operation),
            claim: Cow::Borrowed(claim),
            policy: Cow::Borrowed(policy),
        };
        self.invoke_judged::<Submit>(plugin, context, input, judge).await
    }

    /// What became of a claim, its cancellation or an appeal; `None` if the insurer has never seen it.
    #[boxed]
    pub async fn claim_status(
        &self,
        plugin: &Plugin,
        context: CallContext,
        operation: &Operation,
        reference: Option<&str>,
        judge: &(dyn Fn(&Answer<Option<domain::Response>>) -> Option<Mistake> + Send + Sync),
    ) -> Call<Answer<Option<domain::Response>>> {
        let (operation, reference) = (Cow::Borrowed(operation), reference.map(Cow::Borrowed));
        let input = StatusInput { operation, reference, now: context.now };
        self.invoke_judged::<Status>(plugin, context, input, judge).await
    }

    /// Takes a claim back as a whole.
    #[boxed]
    pub async fn cancel_claim(
        &self,
        plugin: &Plugin,
        context: CallContext,
        operation: &Operation,
        reference: &str,
        policy: &Policy,
        judge: &(dyn Fn(&Answer<domain::Response>) -> Option<Mistake> + Send + Sync),
    ) -> Call<Answer<domain::Response>> {
        let input = CancelInput {
            operation: Cow::Borrowed(operation),
            reference: Cow::Borrowed(reference),
            policy: Cow::Borrowed(policy),
        };
        self.invoke_judged::<Cancel>(plugin, context, input, judge).await
    }

    /// Asks to decide anew.
    #[boxed]
    pub async fn appeal_claim(
        &self,
        plugin: &Plugin,
        context: CallContext,
        operation: &Operation,
        objection: &domain::Objection,
        policy: &Policy,
        judge: &(dyn Fn(&Answer<domain::Response>) -> Option<Mistake> + Send + Sync),
    ) -> Call<Answer<domain::Response>> {
        let input = AppealInput {
            operation: Cow::Borrowed(operation),
            objection: Cow::Borrowed(objection),
            policy: Cow::Borrowed(policy),
        };
        self.invoke_judged::<Appeal>(plugin, context, input, judge).await
    }
}
