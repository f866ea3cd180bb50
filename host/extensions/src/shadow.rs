//! A candidate version beside the one that counts: every call is given to it too,
//! its answer is compared and thrown away. What it would have asked of the world
//! it is not given; what the host answered the other it is answered from the tape.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Semaphore;
use utoipa::ToSchema;
use xinglin_domain::{access::Action, code::Code, id::TenantId, time::Instant};
use xinglin_platform::{AppError, AppResult, Caller, grant};
use xinglin_runtime::{Lent, ReplayReport, Tape};
use xinglin_store::{Install, ShadowCall, ShadowOutcome, ShadowSummary, TapeQuery};

use crate::{Extensions, call, lifecycle, plugin};

/// Comparisons under way at once. Live calls come first: what finds no place is
/// counted and not compared.
const AT_ONCE: usize = 8;

/// Examples of each answer to `GET …/shadow`.
const EXAMPLES: u32 = 50;

/// Most calls on tape that a candidate is given in one request.
const MOST_TAPES: u32 = 10_000;

/// Tapes read in one piece.
const STRETCH: u32 = 64;

/// The comparisons of this host.
pub struct Shadows {
    places: Arc<Semaphore>,
    skipped: AtomicU64,
}

impl Default for Shadows {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)), skipped: AtomicU64::new(0) }
    }
}

/// What a candidate must pass to be promoted.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// Most calls of a hundred that it may decide otherwise.
    #[serde(default)]
    pub max_differing_percent: f64,
    /// Fewest calls it must have been compared on.
    #[serde(default = "Gate::some_calls")]
    pub minimum_calls: u32,
}

impl Gate {
    const fn some_calls() -> u32 {
        20
    }

    /// Why a candidate does not pass; nothing if it does.
    fn refuses(self, summary: &ShadowSummary) -> Option<String> {
        let compared = summary.same + summary.differing;
        if compared < i64::from(self.minimum_calls) {
            return Some(format!("compared on {compared} calls; the gate wants {}", self.minimum_calls));
        }
        let percent = percent(summary);
        (percent > self.max_differing_percent).then(|| {
            format!("{percent:.1} % of its calls decide otherwise; the gate allows {} %", self.max_differing_percent)
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of calls, for a percentage")]
fn percent(summary: &ShadowSummary) -> f64 {
    let compared = summary.same + summary.differing;
    if compared == 0 { 0.0 } else { summary.differing as f64 * 100.0 / compared as f64 }
}

/// A candidate to run in the shadow.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartShadow {
    /// Which version.
    pub version: String,
    /// What it must pass.
    #[serde(default = "StartShadow::gate")]
    pub gate: Gate,
    /// How many calls already on tape it is given first, the newest.
    #[serde(default)]
    pub over_tapes: u32,
}

impl StartShadow {
    fn gate() -> Gate {
        Gate { max_differing_percent: 0.0, minimum_calls: Gate::some_calls() }
    }
}

/// As it is kept with the installation.
#[derive(Serialize, Deserialize)]
struct Running {
    gate: Gate,
    since: Instant,
}

/// How a candidate has done.
#[derive(Serialize, ToSchema)]
pub struct ShadowView {
    /// Id of the plugin.
    pub plugin: String,
    /// SHA-256 of the package that is called.
    pub digest: String,
    /// SHA-256 of the candidate.
    pub candidate: String,
    /// Since when (RFC 3339).
    pub since: String,
    /// Calls that it decides the same.
    pub same: i64,
    /// Calls that it decides otherwise.
    pub differing: i64,
    /// Calls that ended by load or time, and prove nothing.
    pub inconclusive: i64,
    /// Calls of this host, of all plugins, that no candidate was given, for lack of a free place.
    pub skipped: u64,
    /// Differing calls of a hundred.
    pub differing_percent: f64,
    /// Differing calls by kind of decision.
    #[schema(value_type = Object)]
    pub kinds: Value,
    /// What it must pass.
    pub gate: Gate,
    /// Why it does not pass; absent if it does.
    pub refused: Option<String>,
    /// Some of the differences.
    pub examples: Vec<DifferenceView>,
}

/// One decision that differs.
#[derive(Serialize, ToSchema)]
pub struct DifferenceView {
    /// `call-…`
    pub call: String,
    /// Interface and function.
    pub hook: String,
    /// For example `verdict`.
    pub kind: String,
    /// What counted.
    pub decided: Vec<String>,
    /// What the candidate would have.
    pub would_decide: Vec<String>,
}

/// Puts a version into the shadow of the one that is called.
///
/// # Errors
/// `PLUGIN_CAPABILITY` with what it needs and was not granted.
pub async fn start(
    extensions: &Extensions,
    caller: &Caller,
    tenant: TenantId,
    plugin_id: &str,
    start: StartShadow,
) -> AppResult<ShadowView> {
    caller.may_in(tenant, Action::ManagePlugins)?;
    let gate = start.gate;
    if !(0.0..=100.0).contains(&gate.max_differing_percent) {
        return Err(AppError::new(Code::BodyInvalid, "`max_differing_percent` must be 0 to 100"));
    }
    if start.over_tapes > MOST_TAPES {
        return Err(AppError::new(Code::BodyInvalid, format!("`over_tapes` must be at most {MOST_TAPES}")));
    }
    let records = extensions.platform.store().tenant(tenant);
    let mut install = records.get_install(plugin_id).await?;
    let candidate = lifecycle::successor(&extensions.platform, &install, Some(&start.version)).await?;
    let digest = candidate.digest().to_string();
    install.candidate_digest = Some(digest.clone());
    install.shadow = Some(serde_json::to_value(Running { gate, since: caller.now }).map_err(AppError::internal)?);
    install.updated_at = caller.now;
    // What cannot start is found now; what is held needs no second start.
    let _started = extensions.runtime().load(&candidate, &grant::grants(&install)?).await?;
    let tx = records.begin().await?;
    tx.clear_shadow(&digest).await?;
    install.version = tx.put_install(&install).await?;
    tx.commit().await?;
    tracing::info!(%tenant, plugin = plugin_id, candidate = digest, "a candidate runs in the shadow");
    over_tapes(extensions, &install, start.over_tapes).await?;
    view(extensions, &install).await
}

/// How the candidate has done.
///
/// # Errors
/// `PLUGIN_STATE` if there is none.
pub async fn get(extensions: &Extensions, caller: &Caller, tenant: TenantId, plugin_id: &str) -> AppResult<ShadowView> {
    caller.may_in(tenant, Action::ManagePlugins)?;
    let install = extensions.platform.store().tenant(tenant).get_install(plugin_id).await?;
    view(extensions, &install).await
}

/// Takes the candidate out of the shadow. What was compared stays.
///
/// # Errors
/// `PLUGIN_STATE` if there is none.
pub async fn stop(
    extensions: &Extensions,
    caller: &Caller,
    tenant: TenantId,
    plugin_id: &str,
) -> AppResult<ShadowView> {
    caller.may_in(tenant, Action::ManagePlugins)?;
    let records = extensions.platform.store().tenant(tenant);
    let mut install = records.get_install(plugin_id).await?;
    let view = view(extensions, &install).await?;
    (install.candidate_digest, install.shadow, install.updated_at) = (None, None, caller.now);
    let tx = records.begin().await?;
    tx.put_install(&install).await?;
    tx.commit().await?;
    Ok(view)
}

/// Whether the candidate may be promoted.
///
/// # Errors
/// `PLUGIN_GATE` with what it lacks.
pub(crate) async fn pass_gate(extensions: &Extensions, install: &Install) -> AppResult<()> {
    let view = view(extensions, install).await?;
    match view.refused {
        None => Ok(()),
        Some(why) => Err(AppError::new(Code::PluginGate, why).with("kinds", view.kinds)),
    }
}

async fn view(extensions: &Extensions, install: &Install) -> AppResult<ShadowView> {
    let nothing = || {
        let detail = format!("nothing runs in the shadow of `{}`; start with the version to try", install.plugin_id);
        AppError::new(Code::PluginState, detail)
    };
    let candidate = install.candidate_digest.clone().ok_or_else(nothing)?;
    let running = install.shadow.clone().ok_or_else(nothing)?;
    let Running { gate, since } = serde_json::from_value(running).map_err(AppError::internal)?;
    let records = extensions.platform.store().tenant(install.tenant);
    let summary = records.shadow_summary(&candidate).await?;
    let examples = records.list_shadow_differences(&candidate, EXAMPLES).await?;
    Ok(ShadowView {
        plugin: install.plugin_id.clone(),
        digest: install.digest.clone(),
        since: since.to_string(),
        same: summary.same,
        differing: summary.differing,
        inconclusive: summary.inconclusive,
        skipped: extensions.shadows().skipped.load(Ordering::Relaxed),
        differing_percent: percent(&summary),
        kinds: summary.kinds.iter().map(|(kind, calls)| (kind.clone(), Value::from(*calls))).collect(),
        gate,
        refused: gate.refuses(&summary),
        examples: examples
            .into_iter()
            .map(|example| DifferenceView {
                call: example.call_id.to_string(),
                hook: example.hook,
                kind: example.difference.kind,
                decided: example.difference.before,
                would_decide: example.difference.after,
            })
            .collect(),
        candidate,
    })
}

/// Gives a call to the candidate too, beside and after the request. `lent` must
/// only read.
pub(crate) fn run(extensions: &Extensions, install: &Install, tape: Tape, lent: Lent) {
    let Ok(place) = extensions.shadows().places.clone().try_acquire_owned() else {
        extensions.shadows().skipped.fetch_add(1, Ordering::Relaxed);
        return;
    };
    let (extensions, install) = (extensions.clone(), install.clone());
    tokio::spawn(async move {
        let _place = place;
        if let Err(error) = compare(&extensions, &install, &tape, lent).await {
            tracing::warn!(call = %tape.call, %error, "a candidate could not be compared");
        }
    });
}

/// Gives the newest calls on tape to the candidate.
async fn over_tapes(extensions: &Extensions, install: &Install, calls: u32) -> AppResult<()> {
    let records = extensions.platform.store().tenant(install.tenant);
    let query =
        TapeQuery { plugin_id: Some(install.plugin_id.clone()), digest: Some(install.digest.clone()), reference: None };
    let (mut before, mut left) = (None, calls);
    while left > 0 {
        let entries = records.list_tape(&query, before, left.min(STRETCH)).await?;
        let Some(last) = entries.last() else { break };
        before = Some(last.seq);
        for entry in &entries {
            let tape: Tape = serde_json::from_slice(&entry.record).map_err(AppError::internal)?;
            compare(extensions, install, &tape, call::lend(&extensions.platform, install)).await?;
        }
        left = left.saturating_sub(u32::try_from(entries.len()).unwrap_or(u32::MAX));
    }
    Ok(())
}

/// The numbers of this host, in the text format of Prometheus.
pub fn render_metrics(extensions: &Extensions) -> String {
    extensions.platform.meter().render(extensions.shadows().skipped.load(Ordering::Relaxed))
}

async fn compare(extensions: &Extensions, install: &Install, tape: &Tape, lent: Lent) -> AppResult<()> {
    let Some(digest) = &install.candidate_digest else { return Ok(()) };
    if extensions.runtime().is_recalled(digest.parse().map_err(AppError::internal)?) {
        return Ok(());
    }
    let report = rerun(extensions, install, digest, tape, lent).await?;
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

/// What another package of a plugin would have decided in a call. It is lent
/// what reads, and nothing that acts.
async fn rerun(
    extensions: &Extensions,
    install: &Install,
    digest: &str,
    tape: &Tape,
    lent: Lent,
) -> AppResult<ReplayReport> {
    let candidate = plugin::load_digest(extensions, install, digest).await?;
    let settings = plugin::resolved_settings(install, candidate.manifest())?;
    Ok(extensions.runtime().compare(&candidate, tape, settings, lent).await?)
}
