use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{access::Action, billing::request::Ask, code::Code, id::InsuranceRequestId, insurance::Claim};
use xinglin_extensions::Extensions;
use xinglin_platform::{AppError, AppResult, Caller, boxed, document::Stored};

use super::{
    NewDocument, NewGuarantee, RequestView, insert, load,
    request_guarantee::{asked, prepare},
    update,
};

/// Documents that an insurer wants.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Complete {
    /// The papers, all of them once more.
    pub documents: Vec<NewDocument>,
}

/// Hands in the documents that an insurer wants before it decides on a guarantee: a new question, related to
/// the pending one, takes its place.
///
/// # Errors
/// `PAY_STATE` if it does not wait; as [`request_guarantee`](super::request_guarantee).
#[boxed]
pub async fn complete(
    extensions: &Extensions,
    caller: &Caller,
    id: InsuranceRequestId,
    new: Complete,
) -> AppResult<RequestView> {
    caller.may(Action::AskInsurer)?;
    let records = extensions.platform.records(caller);
    let Stored { row, value } = load(&records, id).await?;
    caller.may_act_on(value.patient, "insurance request", id)?;
    let (Some(bill), Ask::Guarantee(claim)) = (value.bill, &value.ask) else {
        return Err(AppError::new(Code::PayState, "only a request for a guarantee is completed"));
    };
    // The quote may have lapsed since; what is asked is the same.
    let claim = Claim { related: value.reference().map(str::to_owned), ..claim.clone() };
    let new = NewGuarantee { payer: value.payer.clone(), bill, documents: new.documents };
    let (request, insurer) = prepare(extensions, caller, &records, (new, claim)).await?;
    let completed = value.complete(request.id).map_err(|error| AppError::new(error.code(), error.to_string()))?;
    let tx = records.begin().await?;
    update(&tx, row, &completed, caller.now).await?;
    let row = insert(&tx, &request).await?;
    asked(extensions, caller, tx, (row, request), &insurer).await
}
