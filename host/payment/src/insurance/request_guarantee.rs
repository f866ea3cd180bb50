use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_care::pathway::Occasion;
use xinglin_domain::{
    access::Action,
    billing::{
        Act,
        claim::Quoted,
        insured,
        request::{Ask, Request},
    },
    id::{BillId, InsuranceRequestId},
    insurance::Claim,
};
use xinglin_extensions::Extensions;
use xinglin_platform::{AppResult, Caller, ambient, boxed};
use xinglin_store::{Tenant, TenantTx};

use super::{NewDocument, RequestView, Row, bill_of, documents, insert, may_learn, send, view::view};
use crate::{charge, insurer, insurer::Insurer, parties};

/// A guarantee of payment that is asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGuarantee {
    /// Id of the insurer's plugin.
    pub payer: String,
    /// The quote that it is for; also one in which the insurer does not pay yet.
    #[schema(value_type = String)]
    pub bill: BillId,
    /// Papers that support it.
    #[serde(default)]
    pub documents: Vec<NewDocument>,
}

/// Asks an insurer for a guarantee of payment (预授权) for a quote. Once it is given, the next quote of the same
/// lines rests on it. While the insurer has not decided, a job asks about it.
///
/// # Errors
/// `PAY_STATE` of a bill that is confirmed already, or while another question for it is open; `NOT_FOUND`,
/// `ACCESS_COMPARTMENT`. A question without an answer is no error: its `status` says so.
#[tracing::instrument(target = "xinglin::trace", name = "request_guarantee", skip_all)]
#[boxed]
pub async fn request_guarantee(extensions: &Extensions, caller: &Caller, new: NewGuarantee) -> AppResult<RequestView> {
    caller.may(Action::AskInsurer)?;
    let records = extensions.platform.records(caller);
    let stored = bill_of(&extensions.platform, caller, &records, new.bill).await?;
    let bill = stored.value.bill_before(&new.payer);
    stored.value.expecting::<Quoted>(Act::Confirm)?;
    let claim = Claim { preauthorization: None, ..insured::claim_of(&bill, &new.payer)? };
    let (request, insurer) = prepare(extensions, caller, &records, (new, claim)).await?;
    let tx = records.begin().await?;
    let row = insert(&tx, &request).await?;
    asked(extensions, caller, tx, (row, request), &insurer).await
}

/// The question, with these papers, and whom it goes to.
pub(super) async fn prepare(
    extensions: &Extensions,
    caller: &Caller,
    records: &Tenant,
    (new, mut claim): (NewGuarantee, Claim),
) -> AppResult<(Request, Insurer)> {
    let platform = &extensions.platform;
    let stored = bill_of(platform, caller, records, new.bill).await?;
    let (labels, patient) = (charge::discloses(records, &stored).await?, stored.value.patient());
    may_learn(platform, records, &new.payer, patient, labels).await?;
    claim.documents = documents(records, patient, new.documents).await?;
    let ask = Ask::Guarantee(claim);
    let insurer = insurer::find(extensions, records, &new.payer, send::role_of(&ask)).await?;
    let policy = insurer::policy_of(records, patient, &new.payer, ask.claim().served_at).await?;
    parties::introduce(platform, records, &[(new.payer.clone(), insurer.name())], caller.now).await?;
    let (id, at) = (InsuranceRequestId::from_u128(ambient::fresh_id()), platform.now());
    let request = Request {
        id,
        tenant: records.id(),
        patient,
        payer: new.payer,
        bill: Some(new.bill),
        visit: None,
        by: caller.actor.account,
        at,
        ask,
        restricted: labels.iter().collect(),
        policy,
        state: Request::first(records.id(), id, at),
    };
    Ok((request, insurer))
}

/// Commits what is stored, and asks.
pub(super) async fn asked(
    extensions: &Extensions,
    caller: &Caller,
    tx: TenantTx,
    (row, request): (Row, Request),
    insurer: &Insurer,
) -> AppResult<RequestView> {
    tx.commit().await?;
    let records = extensions.platform.records(caller);
    let occasion = Occasion { request_id: caller.request_id.clone(), now: caller.now };
    let (request, calls) = send::send(extensions, &records, (row, request), insurer, &occasion).await?;
    Ok(view(&request, calls))
}
