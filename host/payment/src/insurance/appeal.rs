use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    billing::{
        Act, Charge,
        claim::Settled,
        insured,
        request::{Ask, Request},
    },
    code::Code,
    coding::LocalizedText,
    id::{BillId, InsuranceRequestId},
    insurance::claims::Objection,
};
use xinglin_extensions::Extensions;
use xinglin_platform::{AppError, AppResult, Caller, ambient, boxed};

use super::{NewDocument, RequestView, bill_of, documents, insert, may_learn, request_guarantee::asked, send};
use crate::{charge, insurer};

/// What the hospital holds against a decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAppeal {
    /// Id of the insurer's plugin.
    pub payer: String,
    /// Numbers of the lines concerned; empty means all.
    #[serde(default)]
    pub lines: Vec<u32>,
    /// Why the decision is wrong. No names of patients.
    pub grounds: String,
    /// Papers that support it.
    #[serde(default)]
    pub documents: Vec<NewDocument>,
}

/// Appeals against an insurer's decision on a settled bill. If it decides anew, bill, ledger and running figures
/// follow: what the patient owes less, and has paid, is to be given back.
///
/// # Errors
/// `PAY_STATE` of a bill that is not settled, that this insurer decided no lines of, or on whose decision a later
/// payer's rests; or while another appeal is open. `BODY_INVALID` without grounds or of unknown lines.
#[tracing::instrument(target = "xinglin::trace", name = "appeal_claim", skip_all)]
#[boxed]
pub async fn appeal(extensions: &Extensions, caller: &Caller, bill: BillId, new: NewAppeal) -> AppResult<RequestView> {
    caller.may(Action::ObjectToInsurer)?;
    let (platform, records) = (&extensions.platform, extensions.platform.records(caller));
    let stored = bill_of(platform, caller, &records, bill).await?;
    let labels = charge::discloses(&records, &stored).await?;
    let value = stored.value;
    let patient = value.patient();
    let settled = value.expecting::<Settled>(Act::Appeal)?;
    let value = Charge::from(settled);
    let state = |detail: String| AppError::new(Code::PayState, detail);
    let Some(last) = value.standing().last().filter(|standing| standing.share.payer() == new.payer) else {
        return Err(state(format!("`{}` is not the last payer of the bill", new.payer)));
    };
    let Some(former) = last.settlement.adjudication.insured.clone() else {
        return Err(state(format!("`{}` decides no lines", new.payer)));
    };
    let grounds = new.grounds.trim();
    let known = |number: &u32| former.lines.iter().any(|line| line.number == *number);
    if grounds.is_empty() || !new.lines.iter().all(known) {
        return Err(AppError::new(Code::BodyInvalid, "`grounds` are missing, or `lines` are not of the bill"));
    }
    may_learn(platform, &records, &new.payer, patient, labels).await?;
    let sent = value.bill_before(&new.payer);
    let objection = Objection {
        reference: last.settlement.reference.clone(),
        lines: new.lines,
        grounds: LocalizedText::zh_en(grounds, grounds),
        documents: documents(&records, patient, new.documents).await?,
    };
    let ask = Ask::Appeal { objection, claim: insured::claim_of(&sent, &new.payer)?, former };
    let insurer = insurer::find(extensions, &records, &new.payer, send::role_of(&ask)).await?;
    let policy = insurer::policy_of(&records, patient, &new.payer, value.bill().served_at).await?;
    let (id, at) = (InsuranceRequestId::from_u128(ambient::fresh_id()), platform.now());
    let request = Request {
        id,
        tenant: records.id(),
        patient,
        payer: new.payer,
        bill: Some(bill),
        visit: None,
        by: caller.actor.account,
        at,
        ask,
        restricted: labels.iter().collect(),
        policy,
        state: Request::first(records.id(), id, at),
    };
    let tx = records.begin().await?;
    let row = insert(&tx, &request).await?;
    asked(extensions, caller, tx, (row, request), &insurer).await
}
