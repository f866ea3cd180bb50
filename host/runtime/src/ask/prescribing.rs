//! Checks of a prescription.

use async_recursion::async_recursion as boxed;
use std::borrow::Cow;

use xinglin_domain::{
    clinical::Snapshot,
    review::{Order, ReviewError, Verdict},
    time::Instant,
};
use xinglin_plugin::Call;

#[cfg(feature = "fixture-2-0")]
use crate::contract::{hook::Hook, prescribing::v2};
use crate::{
    contract::prescribing::{ReviewInput, v1},
    engine::Runtime,
    host::state::CallContext,
    program::Plugin,
};

impl Runtime {
    /// Calls a checker for its verdict on an order. Failure class: closed; any `Err`, of the call
    /// or of the plugin, means "not checked".
    #[boxed]
    pub async fn review(
        &self,
        plugin: &Plugin,
        context: CallContext,
        order: &Order,
        snapshot: &Snapshot,
        now: Instant,
    ) -> Call<Result<Verdict, ReviewError>> {
        let input = ReviewInput { order: Cow::Borrowed(order), snapshot: Cow::Borrowed(snapshot), now };
        #[cfg(feature = "fixture-2-0")]
        if plugin.has(v2::Review::NAME) {
            return self.invoke::<v2::Review>(plugin, context, input).await;
        }
        self.invoke::<v1::Review>(plugin, context, input).await
    }
}
