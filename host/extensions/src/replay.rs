//! Past calls, run again: as they were, to prove a record; or on another version,
//! to see what it would have decided.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    decision::Difference,
    id::{CallId, TenantId},
};
use xinglin_platform::{AppError, AppResult, Caller};
use xinglin_runtime::{Digest, Grants, Lent, Output, Package, Plugin, PluginError, ReplayReport, Tape};
use xinglin_store::TapeQuery;

use crate::{Extensions, call, plugin};

/// Tapes read in one piece.
const STRETCH: u32 = 128;

/// A call run again.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReplayView {
    /// `call-…`
    pub call: String,
    /// Id of the plugin.
    pub plugin: String,
    /// Interface and function.
    pub hook: String,
    /// Whether output and questions to the host are the same, byte for byte.
    pub identical: bool,
    /// Whether that proves anything: what ended by load or time does not.
    pub conclusive: bool,
    /// Whether it asked the host otherwise than on the tape.
    pub diverged: bool,
    /// Whether compiler and settings are those of the tape.
    pub same_engine: bool,
    /// What is decided otherwise, by kind.
    #[schema(value_type = Vec<Object>)]
    pub differences: Vec<Difference>,
    /// What came out then.
    #[schema(value_type = Object)]
    pub recorded: Value,
    /// What came out now.
    #[schema(value_type = Object)]
    pub replayed: Value,
}

/// Many calls run again.
#[derive(Debug, Default, Serialize)]
pub struct Crater {
    /// How many.
    pub calls: u64,
    /// The same, byte for byte.
    pub identical: u64,
    /// Not the same bytes, but the same decisions.
    pub same_decisions: u64,
    /// Decided otherwise.
    pub differing: u64,
    /// Ended by load or time, then or now.
    pub inconclusive: u64,
    /// Could not be run: the package or the hook is gone.
    pub unreadable: u64,
    /// Differing calls by kind of decision.
    pub kinds: BTreeMap<String, u64>,
    /// Calls that are not identical, at most a hundred.
    pub examples: Vec<ReplayView>,
}

impl Crater {
    const EXAMPLES: usize = 100;

    fn count(&mut self, report: AppResult<ReplayView>) {
        self.calls += 1;
        let Ok(report) = report else {
            self.unreadable += 1;
            return;
        };
        match &report {
            report if report.identical => self.identical += 1,
            report if !report.conclusive => self.inconclusive += 1,
            report if report.differences.is_empty() => self.same_decisions += 1,
            _ => self.differing += 1,
        }
        for difference in &report.differences {
            *self.kinds.entry(difference.kind.clone()).or_default() += 1;
        }
        if !report.identical && self.examples.len() < Self::EXAMPLES {
            self.examples.push(report);
        }
    }
}

/// Runs one call of the caller's hospital again, on its own package.
///
/// # Errors
/// If the caller may not read the audit trail, or there is no such call.
#[tracing::instrument(target = "xinglin::trace", skip_all)]
pub async fn replay_call(extensions: &Extensions, caller: &Caller, call: CallId) -> AppResult<ReplayView> {
    caller.may(Action::ReadAudit)?;
    call::readable(&extensions.platform, caller, call).await?;
    replay_one(extensions, caller.actor.tenant, call, None).await
}

/// Runs one call again, on its own package or on another.
///
/// # Errors
/// If there is no such call, or no package to run it on.
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
            let package = plugin::package(&extensions.platform, &tape.digest.to_string()).await?;
            extensions.runtime().replay(alone(extensions, &package).await?.as_ref(), &tape).await?
        }
    };
    Ok(view(&tape, report))
}

/// Runs all calls of a tenant again: each on its own package, or all of one
/// plugin on another version of it. `progress` hears of each.
///
/// # Errors
/// If the store fails. A call that cannot be run is counted.
pub async fn replay_all(
    extensions: &Extensions,
    tenant: TenantId,
    against: Option<&Package>,
    mut progress: impl FnMut(&Crater),
) -> AppResult<Crater> {
    let records = extensions.platform.store().tenant(tenant);
    let query =
        TapeQuery { plugin_id: against.map(|package| package.manifest().id.clone()), digest: None, reference: None };
    let candidate = match against {
        Some(package) => Some(alone(extensions, package).await?),
        None => None,
    };
    let mut own: BTreeMap<Digest, Option<Arc<Plugin>>> = BTreeMap::new();
    let (mut crater, mut after) = (Crater::default(), 0);
    loop {
        let entries = records.list_tape_after(&query, after, STRETCH).await?;
        let Some(last) = entries.last() else { return Ok(crater) };
        after = last.seq;
        for entry in entries {
            let tape: Tape = serde_json::from_slice(&entry.record).map_err(AppError::internal)?;
            let report = match &candidate {
                Some(candidate) => on_other(extensions, candidate, &tape).await,
                None => {
                    let plugin = match own.entry(tape.digest) {
                        Entry::Occupied(known) => known.into_mut(),
                        Entry::Vacant(place) => place.insert(self::own(extensions, tape.digest).await),
                    };
                    match plugin {
                        Some(plugin) => extensions.runtime().replay(plugin, &tape).await.map_err(AppError::from),
                        None => Err(AppError::not_found("package", tape.digest)),
                    }
                }
            };
            crater.count(report.map(|report| view(&tape, report)));
            progress(&crater);
        }
    }
}

/// The package of a tape, if it is still here and still loads.
async fn own(extensions: &Extensions, digest: Digest) -> Option<Arc<Plugin>> {
    alone(extensions, &plugin::package(&extensions.platform, &digest.to_string()).await.ok()?).await.ok()
}

/// A package under all that it asks for: nothing is lent to it but a tape.
async fn alone(extensions: &Extensions, package: &Package) -> Result<Arc<Plugin>, PluginError> {
    extensions.runtime().load(package, &Grants::as_asked(package.manifest())).await
}

async fn on_other(extensions: &Extensions, candidate: &Plugin, tape: &Tape) -> AppResult<ReplayReport> {
    let settings = candidate.manifest().resolve(&[])?;
    Ok(extensions.runtime().compare(candidate, tape, settings, Lent::default()).await?)
}

fn view(tape: &Tape, report: ReplayReport) -> ReplayView {
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
