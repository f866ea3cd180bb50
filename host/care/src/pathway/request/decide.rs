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
}

/// A participant of a team gives an opinion, or another one in its place, until there is a plan.
///
/// # Errors
/// `AUTH_FORBIDDEN` if the caller has not the role of the seat; `PATHWAY_REASON_REQUIRED` without a text;
/// `PATHWAY_STATE` if the caller sits elsewhere, somebody else sits there, or the plan is written.
#[tracing::instrument(target = "xinglin::trace", name = "give_opinion", skip_all)]
#[boxed]
pub async fn opine(
    extensions: &Extensions,
    caller: &Caller,
    id: RequestId,
    ask: Opinion,
) -> AppResult<PathwayRequestView> {
    change(extensions, caller, id, |record| record.opine(&caller.actor, ask.seat, ask.text, caller.now)).await
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
/// `PATHWAY_STATE` without a plan, or if it is signed; `AUTH_FORBIDDEN` if the caller has not the role of the seat.
#[tracing::instrument(target = "xinglin::trace", name = "sign_plan", skip_all)]
#[boxed]
pub async fn sign(
    extensions: &Extensions,
    caller: &Caller,
    id: RequestId,
    ask: Signature,
) -> AppResult<PathwayRequestView> {
    change(extensions, caller, id, |record| record.sign(&caller.actor, ask.seat, caller.now)).await
}
