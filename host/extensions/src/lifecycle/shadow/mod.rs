//! Shadow runs: every call of the active version is replayed on a candidate, whose answer is
//! compared and discarded. Host answers come from the tape; the candidate has no egress.

mod get;
mod start;
mod stop;

use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{code::Code, time::Instant};
use xinglin_platform::{AppError, AppResult, boxed};
use xinglin_store::{Install, ShadowSummary};

use crate::Extensions;

pub use self::get::get;
pub use self::start::{StartShadow, start};
pub use self::stop::stop;

/// Examples of each answer to `GET …/shadow`.
const EXAMPLES: u32 = 50;

/// The gate of a candidate.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// Maximum percentage of calls with a different decision.
    #[serde(default)]
    pub max_differing_percent: f64,
    /// Minimum number of compared calls.
    #[serde(default = "Gate::some_calls")]
    pub minimum_calls: u32,
}

impl Gate {
    const fn some_calls() -> u32 {
        20
    }

    /// The reason that a candidate does not pass; none if it does.
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

/// As stored with the installation.
#[derive(Serialize, Deserialize)]
struct Running {
    gate: Gate,
    since: Instant,
}

/// Results of a shadow run.
#[derive(Serialize, ToSchema)]
pub struct ShadowView {
    /// Id of the plugin.
    pub plugin: String,
    /// SHA-256 of the active package.
    pub digest: String,
    /// SHA-256 of the candidate.
    pub candidate: String,
    /// Since when (RFC 3339).
    pub since: String,
    /// Calls with the same decision.
    pub same: i64,
    /// Calls with a different decision.
    pub differing: i64,
    /// Calls ended by load or deadline, which are inconclusive.
    pub inconclusive: i64,
    /// Calls of all plugins of this host that were not compared because no slot was free.
    pub skipped: u64,
    /// Percentage of differing calls.
    pub differing_percent: f64,
    /// Differing calls by kind of decision.
    #[schema(value_type = Object)]
    pub kinds: Value,
    /// Conditions for promotion.
    pub gate: Gate,
    /// Why it does not pass; absent if it does.
    pub refused: Option<String>,
    /// Examples of differences.
    pub examples: Vec<DifferenceView>,
}

/// A difference.
#[derive(Serialize, ToSchema)]
pub struct DifferenceView {
    /// `call-…`
    pub call: String,
    /// Interface and function.
    pub hook: String,
    /// For example `verdict`.
    pub kind: String,
    /// The decision of the active version.
    pub decided: Vec<String>,
    /// The decision of the candidate.
    pub would_decide: Vec<String>,
}

/// Whether the candidate may be promoted.
///
/// # Errors
/// `PLUGIN_GATE` with the unmet conditions.
#[boxed]
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
