//! Disease pathways.

use async_recursion::async_recursion as boxed;
use std::borrow::Cow;

use xinglin_domain::{clinical::Snapshot, pathway as domain, time::Instant};
use xinglin_plugin::Call;

use crate::{
    contract::pathway::v1::{Describe, DescribeInput, Screen, ScreenInput, Step, StepInput},
    engine::Runtime,
    host::state::CallContext,
    program::Plugin,
};

impl Runtime {
    /// The definition of a pathway. Called once, when the plugin is enabled.
    #[boxed]
    pub async fn describe(&self, plugin: &Plugin, context: CallContext) -> Call<domain::Definition> {
        self.invoke::<Describe>(plugin, context, DescribeInput {}).await
    }

    /// Whether a patient may be enrolled.
    #[boxed]
    pub async fn screen(
        &self,
        plugin: &Plugin,
        context: CallContext,
        snapshot: &Snapshot,
        now: Instant,
    ) -> Call<Result<domain::Eligibility, domain::PathwayError>> {
        let input = ScreenInput { snapshot: Cow::Borrowed(snapshot), now };
        self.invoke::<Screen>(plugin, context, input).await
    }

    /// Delivers an event to a patient's pathway. Failure class: open; on any `Err` the state is
    /// unchanged.
    #[boxed]
    pub async fn step(
        &self,
        plugin: &Plugin,
        context: CallContext,
        state: Option<&domain::State>,
        event: &domain::Event,
        snapshot: &Snapshot,
        now: Instant,
    ) -> Call<Result<domain::Outcome, domain::PathwayError>> {
        let input = StepInput {
            state: state.map(Cow::Borrowed),
            event: Cow::Borrowed(event),
            snapshot: Cow::Borrowed(snapshot),
            now,
        };
        self.invoke::<Step>(plugin, context, input).await
    }
}
