use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{coding::Coding, id::RequestId};
use xinglin_extensions::Extensions;
use xinglin_platform::{AppResult, Caller, boxed};

use super::{PathwayRequestView, change};

/// An opinion of a participant.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Opinion {
    /// Which participant, counted from 0.
    pub seat: usize,
    /// In words.
    pub text: String,
    /// Whether to sit there in place of who gave the opinion of the seat before, and may have left.
    #[serde(default)]
    pub takes_over: bool,
}

/// A joint plan.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JointPlan {
    /// In words.
    pub text: String,
    /// Its conclusion in codes, for the pathway.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub outcome: Vec<Coding>,
}

/// A signature of the joint plan.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Which participant, counted from 0.
    pub seat: usize,
    /// The version of the plan that was read.
    pub plan: u32,
}

/// A participant of a team gives an opinion, or another one in its place, until there is a plan. Another person of the
/// role may take the seat over, until the plan is signed for it; the former opinion is kept.
///
/// # Errors
/// `AUTH_FORBIDDEN` if the caller has not the role of the seat, or is the patient or their guardian;
/// `PATHWAY_REASON_REQUIRED` without a text; `PATHWAY_STATE` if the caller sits elsewhere, somebody else sits there and
/// it is not taken over, or the plan is written.
#[tracing::instrument(target = "xinglin::trace", name = "give_opinion", skip_all)]
#[boxed]
pub async fn opine(
    extensions: &Extensions,
    caller: &Caller,
    id: RequestId,
    ask: Opinion,
) -> AppResult<PathwayRequestView> {
    change(extensions, caller, id, |record| {
        record.opine(&caller.actor, (ask.seat, ask.takes_over), ask.text, caller.now)
    })
    .await
}

/// A participant writes the joint plan once each has given an opinion, or writes it anew: then all sign anew.
///
/// # Errors
/// `PATHWAY_STATE` if an opinion is missing; `AUTH_FORBIDDEN` if the caller gave none.
#[tracing::instrument(target = "xinglin::trace", name = "write_plan", skip_all)]
#[boxed]
pub async fn plan(
    extensions: &Extensions,
    caller: &Caller,
    id: RequestId,
    ask: JointPlan,
) -> AppResult<PathwayRequestView> {
    let written = (ask.text, ask.outcome);
    change(extensions, caller, id, |record| record.plan(&caller.actor, written, caller.now)).await
}

/// A participant signs the joint plan. When all have, it is decided, and the pathway is told.
///
/// # Errors
/// `VERSION_CONFLICT` if the plan was written anew since; `PATHWAY_STATE` without a plan, if it is signed, or if another
/// person gave the opinion of the seat; `AUTH_FORBIDDEN` if the caller has not the role of the seat.
#[tracing::instrument(target = "xinglin::trace", name = "sign_plan", skip_all)]
#[boxed]
pub async fn sign(
    extensions: &Extensions,
    caller: &Caller,
    id: RequestId,
    ask: Signature,
) -> AppResult<PathwayRequestView> {
    change(extensions, caller, id, |record| record.sign(&caller.actor, (ask.seat, ask.plan), caller.now)).await
}
