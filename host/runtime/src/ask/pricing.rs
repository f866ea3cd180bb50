//! Prices of services.

use async_recursion::async_recursion as boxed;
use std::borrow::Cow;

use xinglin_domain::{insurance::InsurerError, pricing as domain, time::Instant};
use xinglin_plugin::Call;

use crate::{
    contract::payment::pricing::{Cancel, CancelInput, Quote, QuoteInput},
    engine::Runtime,
    host::state::CallContext,
    program::Plugin,
};

type Answer<T> = Result<T, InsurerError>;

/// Prices. Failure class: closed. Nothing is changed, and an answer that fails its checks in
/// [`xinglin_domain::pricing`] is `PLUGIN_OUTPUT`.
impl Runtime {
    /// What a service costs.
    #[boxed]
    pub async fn price(
        &self,
        plugin: &Plugin,
        context: CallContext,
        service: &domain::Service,
        now: Instant,
    ) -> Call<Answer<domain::Priced>> {
        let input = QuoteInput { service: Cow::Borrowed(service), now };
        self.invoke::<Quote>(plugin, context, input).await
    }

    /// What the patient gets back.
    #[boxed]
    pub async fn price_refund(
        &self,
        plugin: &Plugin,
        context: CallContext,
        purchase: &domain::Purchase,
        now: Instant,
    ) -> Call<Answer<domain::Refund>> {
        let input = CancelInput { purchase: Cow::Borrowed(purchase), now };
        self.invoke::<Cancel>(plugin, context, input).await
    }
}
