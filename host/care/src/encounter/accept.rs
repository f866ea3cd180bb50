use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    coding::Coding,
    encounter::{Accompaniment, Decision, Requested},
    id::EncounterId,
    signature::AuthorKind,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, document::Stored, settings::settings};
use xinglin_records::patient;

use super::{VisitView, guardian, load, put};

/// The doctor's decision.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptVisit {
    /// Coded diagnoses, at least one in ICD-10.
    #[schema(value_type = Vec<Object>)]
    pub diagnoses: Vec<Coding>,
    /// Why a diagnosis is of another chapter than the evidence.
    #[serde(default)]
    pub new_diagnosis_reason: Option<String>,
    /// Who accompanies a child under six.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub accompaniment: Option<Accompaniment>,
    /// `human`; anything else is refused.
    #[serde(default = "human")]
    #[schema(value_type = String)]
    pub author_kind: AuthorKind,
}

pub(crate) const fn human() -> AuthorKind {
    AuthorKind::Human
}

/// Accepts a visit as a follow-up, with the doctor's signature.
///
/// # Errors
/// `ENC_…` if a condition is not met.
#[tracing::instrument(target = "xinglin::trace", name = "accept_visit", skip_all)]
#[boxed]
pub async fn accept(platform: &Platform, caller: &Caller, id: EncounterId, ask: AcceptVisit) -> AppResult<VisitView> {
    caller.may(Action::DecideFollowUp)?;
    let records = platform.records(caller);
    let rules = settings(&records).await?.encounter_rules();
    let Stored { row, value } = load(&records, id).await?;
    caller.trail.saw(value.patient());
    patient::treatable(&records, value.patient()).await?;
    let visit = value.expecting::<Requested>()?;
    let decision = Decision {
        diagnoses: ask.diagnoses,
        new_diagnosis_reason: ask.new_diagnosis_reason,
        accompaniment: ask.accompaniment,
        author: ask.author_kind,
    };
    let digest = visit.decision_digest(caller.actor.account, &decision, caller.now).map_err(AppError::internal)?;
    let signature = platform.sign(caller, &digest);
    let guardian = guardian(&records, visit.request(), caller.now).await?;
    let visit = visit.accept(&caller.actor, decision, (signature, platform), guardian, &rules, caller.now)?;
    put(platform, caller, row, visit.into()).await
}
