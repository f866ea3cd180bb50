//! Disease pathways. A plugin that exports `follow-up` beside `pathway` is called in that.

use async_recursion::async_recursion as boxed;
use std::borrow::Cow;

use xinglin_domain::{clinical::Snapshot, pathway as domain, time::Instant};
use xinglin_plugin::Call;

use crate::{
    contract::{
        hook::Hook as _,
        pathway::{DescribeInput, MigrateInput, ScreenInput, StepInput, follow_up, v1},
    },
    engine::Runtime,
    host::state::CallContext,
    program::Plugin,
};

impl Runtime {
    /// The definition of a pathway. Called once, when the plugin is enabled.
    #[boxed]
    pub async fn describe(&self, plugin: &Plugin, context: CallContext) -> Call<domain::Definition> {
        match plugin.has(follow_up::Describe::NAME) {
            true => self.invoke::<follow_up::Describe>(plugin, context, DescribeInput {}).await,
            false => self.invoke::<v1::Describe>(plugin, context, DescribeInput {}).await,
        }
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
        match plugin.has(follow_up::Screen::NAME) {
            true => self.invoke::<follow_up::Screen>(plugin, context, input).await,
            false => self.invoke::<v1::Screen>(plugin, context, input).await,
        }
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
        match plugin.has(follow_up::Step::NAME) {
            true => self.invoke::<follow_up::Step>(plugin, context, input).await,
            false => self.invoke::<v1::Step>(plugin, context, input).await,
        }
    }

    /// What the plugin's version makes of a state of another one. Failure class: closed; on any `Err` nothing
    /// changes.
    #[boxed]
    pub async fn migrate(
        &self,
        plugin: &Plugin,
        context: CallContext,
        state: &domain::State,
        stage: &str,
    ) -> Call<Result<domain::Migrated, domain::PathwayError>> {
        let input = MigrateInput { state: Cow::Borrowed(state), stage: Cow::Borrowed(stage) };
        self.invoke::<follow_up::Migrate>(plugin, context, input).await
    }
}
