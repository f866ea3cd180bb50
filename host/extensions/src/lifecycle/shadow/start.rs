use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{access::Action, code::Code, id::TenantId};
use xinglin_platform::{AppError, AppResult, Caller, boxed, grant};
use xinglin_runtime::Tape;
use xinglin_store::{Install, TapeQuery};

use super::{Gate, Running, ShadowView, view};
use crate::{
    Extensions,
    call::{self, compare},
    lifecycle::successor,
};

/// Maximum number of tapes replayed on a candidate in one request.
const MOST_TAPES: u32 = 10_000;

/// Tapes read in one batch.
const STRETCH: u32 = 64;

/// A candidate to run as shadow.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartShadow {
    /// Which version.
    pub version: String,
    /// Conditions for promotion.
    #[serde(default = "StartShadow::gate")]
    pub gate: Gate,
    /// Number of newest tapes to replay first.
    #[serde(default)]
    pub over_tapes: u32,
}

impl StartShadow {
    fn gate() -> Gate {
        Gate { max_differing_percent: 0.0, minimum_calls: Gate::some_calls() }
    }
}

/// Starts a shadow run of a version beside the active one.
///
/// # Errors
/// `PLUGIN_CAPABILITY` with the missing grants.
#[boxed]
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
    let candidate = successor(&extensions.platform, &install, Some(&start.version)).await?;
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

/// Replays the newest tapes on the candidate.
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
            compare(extensions, install, &tape, call::host_services(&extensions.platform, install)).await?;
        }
        left = left.saturating_sub(u32::try_from(entries.len()).unwrap_or(u32::MAX));
    }
    Ok(())
}
