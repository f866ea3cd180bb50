use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_care::{encounter, pathway::Occasion};
use xinglin_domain::{
    access::Action,
    billing::{
        insured,
        request::{Ask, Request},
    },
    code::Code,
    compartment::Compartments,
    id::{BillId, EncounterId, InsuranceRequestId},
    insurance::Claim,
};
use xinglin_extensions::Extensions;
use xinglin_platform::{AppError, AppResult, Caller, ambient, boxed};

use super::{RequestView, bill_of, insert, may_learn, send, view::view};
use crate::{charge, insurer, parties};

/// What to ask about: a bill, or a visit before there is one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCheck {
    /// Id of the insurer's plugin.
    pub payer: String,
    /// The bill.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub bill: Option<BillId>,
    /// The visit.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub encounter: Option<EncounterId>,
}

/// Asks an insurer whether a patient is insured for a bill, or at all on the day of a visit: in force, network,
/// waiting period, exclusions, limits, and whether a guarantee is needed first. The answer is kept with its
/// time; the insurer's running figures take the place of those on file.
///
/// # Errors
/// `NOT_FOUND` without such a bill, visit or coverage; `ACCESS_COMPARTMENT` or `PAY_STATE` if the insurer may
/// not learn of it; `BODY_INVALID` for neither or both. A question without an answer is no error: its
/// `status` says so.
#[tracing::instrument(target = "xinglin::trace", name = "check_eligibility", skip_all)]
#[boxed]
pub async fn check_eligibility(extensions: &Extensions, caller: &Caller, new: NewCheck) -> AppResult<RequestView> {
    caller.may(Action::AskInsurer)?;
    let (platform, records) = (&extensions.platform, extensions.platform.records(caller));
    let id = InsuranceRequestId::from_u128(ambient::fresh_id());
    let (patient, claim, labels) = match (new.bill, new.encounter) {
        (Some(bill), None) => {
            let stored = bill_of(platform, caller, &records, bill).await?;
            let labels = charge::discloses(&records, &stored).await?;
            let claim = insured::claim_of(&stored.value.bill_before(&new.payer), &new.payer)?;
            (stored.value.patient(), claim, labels)
        }
        (None, Some(visit)) => {
            let visit = encounter::get(platform, caller, visit).await?;
            let claim = Claim {
                bill: id.to_string(),
                served_at: caller.now,
                diagnoses: visit.diagnoses,
                lines: Vec::new(),
                preauthorization: None,
                related: None,
                documents: Vec::new(),
                attributes: Vec::new(),
            };
            let said = serde_json::to_value(&claim.diagnoses).map_err(AppError::internal)?;
            (visit.patient, claim, Compartments::of(&said))
        }
        _ => return Err(AppError::new(Code::BodyInvalid, "name either `bill` or `encounter`")),
    };
    may_learn(platform, &records, &new.payer, patient, labels).await?;
    let ask = Ask::Eligibility(claim);
    let insurer = insurer::find(extensions, &records, &new.payer, send::role_of(&ask)).await?;
    let policy = insurer::policy_of(&records, patient, &new.payer, ask.claim().served_at).await?;
    parties::introduce(platform, &records, &[(new.payer.clone(), insurer.name())], caller.now).await?;
    let at = platform.now();
    let request = Request {
        id,
        tenant: records.id(),
        patient,
        payer: new.payer,
        bill: new.bill,
        visit: new.encounter,
        by: caller.actor.account,
        at,
        ask,
        restricted: labels.iter().collect(),
        policy,
        state: Request::first(records.id(), id, at),
    };
    let tx = records.begin().await?;
    let row = insert(&tx, &request).await?;
    tx.commit().await?;
    let occasion = Occasion { request_id: caller.request_id.clone(), now: caller.now };
    let (request, calls) = send::send(extensions, &records, (row, request), &insurer, &occasion).await?;
    Ok(view(&request, calls))
}
