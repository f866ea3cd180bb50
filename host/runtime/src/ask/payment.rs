//! Payment schemes.

use async_recursion::async_recursion as boxed;
use std::borrow::Cow;

use xinglin_domain::{payer as domain, time::Instant};
use xinglin_plugin::{Call, Mistake};

use crate::{
    contract::payment::v1::{
        Authorize, AuthorizeInput, Query, QueryInput, Quote, QuoteInput, Reverse, ReverseInput, Settle, SettleInput,
    },
    engine::Runtime,
    host::state::CallContext,
    program::Plugin,
};

/// Payments. Failure class: unknown; after a [`crate::CallFailure`] of `settle` or `reverse` that
/// was started the outcome is unknown. Call [`Runtime::query`], never send again. A mistake that the
/// judge finds is the payer's, and the answer is given all the same: money may have moved.
impl Runtime {
    /// A quote for a bill.
    #[boxed]
    pub async fn quote(
        &self,
        plugin: &Plugin,
        context: CallContext,
        (bill, coverage): (&domain::Bill, &domain::Coverage),
        now: Instant,
        judge: &(dyn Fn(&Result<domain::Quoted, domain::PayerError>) -> Option<Mistake> + Send + Sync),
    ) -> Call<Result<domain::Quoted, domain::PayerError>> {
        let input = QuoteInput { bill: Cow::Borrowed(bill), coverage: Cow::Borrowed(coverage), now };
        self.invoke_judged::<Quote>(plugin, context, input, judge).await
    }

    /// Authorizes a bill.
    #[boxed]
    pub async fn authorize(
        &self,
        plugin: &Plugin,
        context: CallContext,
        operation: &domain::Operation,
        bill: &domain::Bill,
        coverage: &domain::Coverage,
    ) -> Call<Result<domain::Authorized, domain::PayerError>> {
        let input = AuthorizeInput {
            operation: Cow::Borrowed(operation),
            bill: Cow::Borrowed(bill),
            coverage: Cow::Borrowed(coverage),
        };
        self.invoke::<Authorize>(plugin, context, input).await
    }

    /// Settles a bill.
    #[boxed]
    pub async fn settle(
        &self,
        plugin: &Plugin,
        context: CallContext,
        (operation, authorization): (&domain::Operation, &domain::Authorization),
        bill: &domain::Bill,
        coverage: &domain::Coverage,
        judge: &(dyn Fn(&Result<domain::Settled, domain::PayerError>) -> Option<Mistake> + Send + Sync),
    ) -> Call<Result<domain::Settled, domain::PayerError>> {
        let input = SettleInput {
            operation: Cow::Borrowed(operation),
            authorization: Cow::Borrowed(authorization),
            bill: Cow::Borrowed(bill),
            coverage: Cow::Borrowed(coverage),
        };
        self.invoke_judged::<Settle>(plugin, context, input, judge).await
    }

    /// The status of an operation.
    #[boxed]
    pub async fn query(
        &self,
        plugin: &Plugin,
        context: CallContext,
        operation: &domain::Operation,
        judge: &(dyn Fn(&Result<domain::Status, domain::PayerError>) -> Option<Mistake> + Send + Sync),
    ) -> Call<Result<domain::Status, domain::PayerError>> {
        self.invoke_judged::<Query>(plugin, context, QueryInput { operation: Cow::Borrowed(operation) }, judge).await
    }

    /// Reverses a settlement as a whole.
    #[boxed]
    pub async fn reverse(
        &self,
        plugin: &Plugin,
        context: CallContext,
        operation: &domain::Operation,
        settlement: &domain::Settlement,
        coverage: &domain::Coverage,
        judge: &(dyn Fn(&Result<domain::Reversed, domain::PayerError>) -> Option<Mistake> + Send + Sync),
    ) -> Call<Result<domain::Reversed, domain::PayerError>> {
        let input = ReverseInput {
            operation: Cow::Borrowed(operation),
            settlement: Cow::Borrowed(settlement),
            coverage: Cow::Borrowed(coverage),
        };
        self.invoke_judged::<Reverse>(plugin, context, input, judge).await
    }
}
