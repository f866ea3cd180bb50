//! A candidate version beside the one that counts: every call is given to it too,
//! its answer is compared and thrown away. What it would have asked of the world
//! it is not given; what the host answered the other it is answered from the tape.

mod get;
mod start;
mod stop;

use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{code::Code, time::Instant};
use xinglin_platform::{AppError, AppResult};
use xinglin_store::{Install, ShadowSummary};

use crate::Extensions;

pub use self::get::get;
pub use self::start::{StartShadow, start};
pub use self::stop::stop;

/// Examples of each answer to `GET …/shadow`.
const EXAMPLES: u32 = 50;

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
