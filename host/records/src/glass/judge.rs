use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{access::Action, glass::Finding, id::GlassId};
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::{GlassView, parse, row, view};

/// What the review found.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JudgeGlass {
    /// `justified`, or `unjustified`, which closes it at once.
    #[schema(value_type = String)]
    pub finding: Finding,
    /// Why.
    pub note: String,
}

/// Somebody else says whether it was right.
///
/// # Errors
/// `GLASS_STATE` if it was judged before; `AUTH_FORBIDDEN` for whoever did it.
#[boxed]
pub async fn judge(platform: &Platform, caller: &Caller, id: GlassId, ask: JudgeGlass) -> AppResult<GlassView> {
    caller.may(Action::ReviewBrokenGlass)?;
    let glass = parse(platform.records(caller).get_glass(id).await?)?;
    caller.trail.saw(glass.patient);
    let glass = glass.judge(ask.finding, &ask.note, &caller.actor, caller.now)?;
    let body = row(&glass)?.body;
    let tx = platform.begin(caller).await?;
    tx.judge_glass(id, &body, caller.now).await?;
    caller.write_trail(&tx).await?;
    tx.commit().await?;
    Ok(view(glass, caller))
}
