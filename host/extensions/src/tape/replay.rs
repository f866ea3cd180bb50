//! Replay of one call, on its own package or on another.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    decision::Difference,
    id::{CallId, TenantId},
};
use xinglin_platform::{AppError, AppResult, Caller, boxed};
use xinglin_runtime::{Grants, HostServices, Output, Package, Plugin, PluginError, ReplayReport, Tape};

use super::readable;
use crate::{Extensions, install};

/// Result of a replay.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReplayView {
    /// `call-…`
    pub call: String,
    /// Id of the plugin.
    pub plugin: String,
    /// Interface and function.
    pub hook: String,
    /// Whether output and host calls are identical byte for byte.
    pub identical: bool,
    /// Whether the result is conclusive: not if the call ended by load or deadline.
    pub conclusive: bool,
    /// Whether its host calls differ from the tape.
    pub diverged: bool,
    /// Whether compiler and settings are those of the tape.
    pub same_engine: bool,
    /// Different decisions, by kind.
    #[schema(value_type = Vec<Object>)]
    pub differences: Vec<Difference>,
    /// The recorded output.
    #[schema(value_type = Object)]
    pub recorded: Value,
    /// The output of the replay.
    #[schema(value_type = Object)]
    pub replayed: Value,
}

/// Replays one call of the caller's tenant on its own package.
///
/// # Errors
/// If the caller may not read the audit trail, or there is no such call.
#[tracing::instrument(target = "xinglin::trace", skip_all)]
#[boxed]
pub async fn replay_call(extensions: &Extensions, caller: &Caller, call: CallId) -> AppResult<ReplayView> {
    caller.may(Action::ReadAudit)?;
    readable(&extensions.platform, caller, call).await?;
    replay_one(extensions, caller.actor.tenant, call, None).await
}

/// Replays one call on its own package or on another.
///
/// # Errors
/// If there is no such call, or no package to run it on.
#[boxed]
pub async fn replay_one(
    extensions: &Extensions,
    tenant: TenantId,
    call: CallId,
    against: Option<&Package>,
) -> AppResult<ReplayView> {
    let entry = extensions.platform.store().tenant(tenant).get_tape_entry(call).await?;
    let tape: Tape = serde_json::from_slice(&entry.record).map_err(AppError::internal)?;
    let report = match against {
        Some(package) => on_other(extensions, alone(extensions, package).await?.as_ref(), &tape).await?,
        None => {
            let package = install::package(&extensions.platform, &tape.digest.to_string()).await?;
            extensions.runtime().replay(alone(extensions, &package).await?.as_ref(), &tape).await?
        }
    };
    Ok(replayed(&tape, report))
}

/// A package loaded with all requested capabilities; for replay only, where host answers come
/// from the tape.
#[boxed]
pub(super) async fn alone(extensions: &Extensions, package: &Package) -> Result<Arc<Plugin>, PluginError> {
    extensions.runtime().load(package, &Grants::as_asked(package.manifest())).await
}

#[boxed]
pub(super) async fn on_other(extensions: &Extensions, candidate: &Plugin, tape: &Tape) -> AppResult<ReplayReport> {
    let settings = candidate.manifest().resolve(&[])?;
    Ok(extensions.runtime().compare(candidate, tape, settings, HostServices::default()).await?)
}

pub(super) fn replayed(tape: &Tape, report: ReplayReport) -> ReplayView {
    let output = |output: &Output| match output {
        Output::Answered(json) => serde_json::from_str(json).unwrap_or(Value::Null),
        Output::Failed(code) => Value::from(code.as_str()),
    };
    ReplayView {
        call: tape.call.to_string(),
        plugin: format!("{} {}", tape.plugin, tape.version),
        hook: tape.hook.clone(),
        identical: report.identical,
        conclusive: report.conclusive,
        diverged: report.diverged,
        same_engine: report.same_engine,
        differences: report.differences,
        recorded: output(&report.recorded),
        replayed: output(&report.replayed),
    }
}
