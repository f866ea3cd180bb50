//! Payment schemes.

use async_recursion::async_recursion as boxed;
use std::borrow::Cow;

use xinglin_domain::{payer as domain, time::Instant};
use xinglin_plugin::Call;

use crate::{
    contract::payment::v1::{
        Authorize, AuthorizeInput, Query, QueryInput, Quote, QuoteInput, Reverse, ReverseInput, Settle, SettleInput,
    },
    engine::Runtime,
    host::state::CallContext,
    program::Plugin,
};

/// Payments. Failure class: unknown; after a [`crate::CallFailure`] of `authorize`, `settle` or
/// `reverse` the outcome is unknown. Call [`Runtime::query`], never send again.
impl Runtime {
    /// A quote for a bill.
    #[boxed]
    pub async fn quote(
        &self,
        plugin: &Plugin,
        context: CallContext,
        bill: &domain::Bill,
        coverage: &domain::Coverage,
        now: Instant,
    ) -> Call<Result<domain::Quoted, domain::PayerError>> {
        let input = QuoteInput { bill: Cow::Borrowed(bill), coverage: Cow::Borrowed(coverage), now };
        self.invoke::<Quote>(plugin, context, input).await
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
        operation: &domain::Operation,
        authorization: &domain::Authorization,
        bill: &domain::Bill,
        coverage: &domain::Coverage,
    ) -> Call<Result<domain::Settled, domain::PayerError>> {
        let input = SettleInput {
            operation: Cow::Borrowed(operation),
            authorization: Cow::Borrowed(authorization),
            bill: Cow::Borrowed(bill),
            coverage: Cow::Borrowed(coverage),
        };
        self.invoke::<Settle>(plugin, context, input).await
    }

    /// The status of an operation.
    #[boxed]
    pub async fn query(
        &self,
        plugin: &Plugin,
        context: CallContext,
        operation: &domain::Operation,
    ) -> Call<Result<domain::Status, domain::PayerError>> {
        self.invoke::<Query>(plugin, context, QueryInput { operation: Cow::Borrowed(operation) }).await
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
    ) -> Call<Result<domain::Reversed, domain::PayerError>> {
        let input = ReverseInput {
            operation: Cow::Borrowed(operation),
            settlement: Cow::Borrowed(settlement),
            coverage: Cow::Borrowed(coverage),
        };
        self.invoke::<Reverse>(plugin, context, input).await
    }
}
