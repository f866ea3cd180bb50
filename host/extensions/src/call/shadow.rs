//! Shadow calls: calls of the active version, replayed on a candidate, compared, and counted
//! for the gate.

use std::sync::atomic::Ordering;

use xinglin_platform::{AppError, AppResult, boxed};
use xinglin_runtime::{HostServices, ReplayReport, Tape};
use xinglin_store::{Install, ShadowCall, ShadowOutcome};

use crate::{Extensions, install};

/// Replays a call on the candidate, outside of the request. `services` must be read-only.
pub(crate) fn run(extensions: &Extensions, install: &Install, tape: Tape, services: HostServices) {
    let Ok(place) = extensions.shadows().places.clone().try_acquire_owned() else {
        extensions.shadows().skipped.fetch_add(1, Ordering::Relaxed);
        return;
    };
    let (tasks, extensions, install) = (extensions.platform.tasks(), extensions.clone(), install.clone());
    drop(tasks.spawn(async move {
        let _place = place;
        if let Err(error) = compare(&extensions, &install, &tape, services).await {
            tracing::warn!(call = %tape.call, %error, "a candidate could not be compared");
        }
    }));
}

/// Metrics of this host, in the text format of Prometheus.
pub fn render_metrics(extensions: &Extensions) -> String {
    extensions.platform.meter().render(extensions.shadows().skipped.load(Ordering::Relaxed))
}

#[boxed]
pub(crate) async fn compare(
    extensions: &Extensions,
    install: &Install,
    tape: &Tape,
    services: HostServices,
) -> AppResult<()> {
    let Some(digest) = &install.candidate_digest else { return Ok(()) };
    if extensions.runtime().is_recalled(digest.parse().map_err(AppError::internal)?) {
        return Ok(());
    }
    let report = rerun(extensions, install, digest, tape, services).await?;
    let outcome = match &report {
        report if !report.conclusive => ShadowOutcome::Inconclusive,
        report if report.differences.is_empty() => ShadowOutcome::Same,
        _ => ShadowOutcome::Differs,
    };
    extensions.platform.meter().shadowed(tape, digest, outcome.as_str());
    let compared = ShadowCall {
        call_id: tape.call,
        plugin_id: install.plugin_id.clone(),
        digest: tape.digest.to_string(),
        candidate_digest: digest.clone(),
        hook: tape.hook.clone(),
        differences: if outcome == ShadowOutcome::Differs { report.differences } else { Vec::new() },
        outcome,
        compared_at: extensions.platform.now(),
    };
    let tx = extensions.platform.store().tenant(install.tenant).begin().await?;
    tx.put_shadow_call(&compared).await?;
    Ok(tx.commit().await?)
}

/// Replays a call on another package of the plugin, with read-only host services.
async fn rerun(
    extensions: &Extensions,
    install: &Install,
    digest: &str,
    tape: &Tape,
    services: HostServices,
) -> AppResult<ReplayReport> {
    let candidate = install::load_digest(extensions, install, digest).await?;
    let settings = install::resolved_settings(install, candidate.manifest())?;
    Ok(extensions.runtime().compare(&candidate, tape, settings, services).await?)
}
