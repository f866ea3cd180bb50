//! Guarantees of payment.

use async_recursion::async_recursion as boxed;
use std::borrow::Cow;

use xinglin_domain::insurance::{Claim, InsurerError, Operation, Policy, preauthorization as domain};
use xinglin_plugin::{Call, Mistake};

use crate::{
    contract::payment::{
        insurance::{CancelInput, StatusInput, SubmitInput},
        preauthorization::{Cancel, Status, Submit},
    },
    engine::Runtime,
    host::state::CallContext,
    program::Plugin,
};

type Answer<T> = Result<T, InsurerError>;

/// Guarantees. Failure class: unknown; after a [`crate::CallFailure`] of a function that was started the
/// outcome is unknown. Call [`Runtime::guarantee_status`], and do not send it again before that answers `None`.
/// A mistake that the judge finds is the insurer's, and the answer is given all the same: it may have
/// acted. The checks are those of [`xinglin_domain::insurance::preauthorization`].
impl Runtime {
    /// Asks for a guarantee of payment.
    #[boxed]
    pub async fn request_guarantee(
        &self,
        plugin: &Plugin,
        context: CallContext,
        operation: &Operation,
        claim: &Claim,
        policy: &Policy,
        judge: &(dyn Fn(&Answer<domain::Decision>) -> Option<Mistake> + Send + Sync),
    ) -> Call<Answer<domain::Decision>> {
        let input = SubmitInput {
            operation: Cow::Borrowed(operation),
            claim: Cow::Borrowed(claim),
            policy: Cow::Borrowed(policy),
        };
        self.invoke_judged::<Submit>(plugin, context, input, judge).await
    }

    /// What became of a request or its cancellation; `None` if the insurer has never seen it.
    #[boxed]
    pub async fn guarantee_status(
        &self,
        plugin: &Plugin,
        context: CallContext,
        operation: &Operation,
        reference: Option<&str>,
        judge: &(dyn Fn(&Answer<Option<domain::Decision>>) -> Option<Mistake> + Send + Sync),
    ) -> Call<Answer<Option<domain::Decision>>> {
        let (operation, reference) = (Cow::Borrowed(operation), reference.map(Cow::Borrowed));
        let input = StatusInput { operation, reference, now: context.now };
        self.invoke_judged::<Status>(plugin, context, input, judge).await
    }

    /// Gives back a guarantee, decided or pending.
    #[boxed]
    pub async fn cancel_guarantee(
        &self,
        plugin: &Plugin,
        context: CallContext,
        operation: &Operation,
        reference: &str,
        policy: &Policy,
        judge: &(dyn Fn(&Answer<domain::Decision>) -> Option<Mistake> + Send + Sync),
    ) -> Call<Answer<domain::Decision>> {
        let input = CancelInput {
            operation: Cow::Borrowed(operation),
            reference: Cow::Borrowed(reference),
            policy: Cow::Borrowed(policy),
        };
        self.invoke_judged::<Cancel>(plugin, context, input, judge).await
    }
}
