//! Panels.

use async_recursion::async_recursion as boxed;
use std::borrow::Cow;

use xinglin_domain::{
    clinical::Snapshot,
    panel::{Panel, PanelError, Standing, Viewer},
    time::Instant,
};
use xinglin_plugin::Call;

use crate::{
    contract::panel::v1::{Render, RenderInput},
    engine::Runtime,
    host::state::CallContext,
    program::Plugin,
};

impl Runtime {
    /// What a plugin shows of a patient in its pathway. Failure class: open; on any `Err`, of the call
    /// or of the plugin, the page is shown without the panel.
    #[boxed]
    pub async fn render_panel(
        &self,
        plugin: &Plugin,
        context: CallContext,
        (standing, questionnaires): (&Standing, &[String]),
        snapshot: &Snapshot,
        viewer: Viewer,
        now: Instant,
    ) -> Call<Result<Panel, PanelError>> {
        let input = RenderInput {
            standing: Cow::Borrowed(standing),
            questionnaires: Cow::Borrowed(questionnaires),
            snapshot: Cow::Borrowed(snapshot),
            viewer,
            now,
        };
        self.invoke::<Render>(plugin, context, input).await
    }
}
