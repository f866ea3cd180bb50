//! The books of a payer.

use async_recursion::async_recursion as boxed;
use std::borrow::Cow;

use xinglin_domain::{
    insurance::{InsurerError, Period, reconciliation as domain},
    time::Instant,
};
use xinglin_plugin::Call;

use crate::{
    contract::payment::reconciliation::{Compare, CompareInput, Remittances, RemittancesInput},
    engine::Runtime,
    host::state::CallContext,
    program::Plugin,
};

type Answer<T> = Result<T, InsurerError>;

/// Reconciliation. Failure class: closed. Nothing is changed, and an answer that fails its checks in
/// [`xinglin_domain::insurance::reconciliation`] is `PLUGIN_OUTPUT`.
impl Runtime {
    /// Compares our entries of a period with the payer's.
    #[boxed]
    pub async fn compare_statement(
        &self,
        plugin: &Plugin,
        context: CallContext,
        statement: &domain::Statement,
        now: Instant,
    ) -> Call<Answer<domain::Comparison>> {
        let input = CompareInput { statement: Cow::Borrowed(statement), now };
        self.invoke::<Compare>(plugin, context, input).await
    }

    /// What the payer says that it sent in a period.
    #[boxed]
    pub async fn remittances(
        &self,
        plugin: &Plugin,
        context: CallContext,
        period: &Period,
        now: Instant,
    ) -> Call<Answer<Vec<domain::Remittance>>> {
        let input = RemittancesInput { period: Cow::Borrowed(period), now };
        self.invoke::<Remittances>(plugin, context, input).await
    }
}
