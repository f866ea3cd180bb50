use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_care::prescription;
use xinglin_domain::{
    access::Action,
    billing::{Charge, Claim, claim::Open},
    code::Code,
    consent::Purpose,
    id::{BillId, PrescriptionId},
    payer::{PayerError, Quoted as Quote},
    prescription::{Effective, Event},
};
use xinglin_extensions::{Extensions, call::Calls};
use xinglin_platform::{AppError, AppResult, Caller, ambient, boxed, document::fresh, grant};
use xinglin_records::consent;

use super::{ChargeView, NewItem, Payer, bill, restricted, view};

/// What to charge for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCharge {
    /// The approved prescription.
    #[schema(value_type = String)]
    pub prescription: PrescriptionId,
    /// Further items beside the visit and its medicines, by formulary code.
    #[serde(default)]
    pub items: Vec<NewItem>,
}

/// Quotes the cost of an approved prescription and its visit, and the share of each payer. Not
/// binding; each quote is stored as a bill that awaits confirmation.
///
/// # Errors
/// `RX_DRUG_BEFORE_RX` before a pharmacist has approved; `PATIENT_…`, `ENC_RED_FLAG` or `RX_ALLERGY` for
/// what has changed since; `RX_FORBIDDEN_DRUG` or `FORMULARY_KIND` for an item of any kind that is a
/// medicine of the negative list, or a medicine sold as something else.
#[tracing::instrument(target = "xinglin::trace", name = "quote_charge", skip_all)]
#[boxed]
pub async fn quote(extensions: &Extensions, caller: &Caller, new: NewCharge) -> AppResult<ChargeView> {
    caller.may(Action::QuoteCharge)?;
    let (_, effective) = prescription::take::<Effective>(
        &extensions.platform,
        caller,
        new.prescription,
        (Event::Reserve, Action::QuoteCharge),
    )
    .await?;
    let records = extensions.platform.records(caller);
    prescription::still_checked(extensions, caller, &records, (&effective, &effective.state().issue)).await?;
    let id = BillId::from_u128(ambient::fresh_id());
    let bill = bill(&records, id, effective.sheet(), &new.items, caller.now).await?;
    let (tenant, patient) = (records.id(), effective.patient());
    let open = Open { id, tenant, patient, bill };
    let mut calls =
        Calls::new(extensions, tenant, &caller.request_id, caller.now).of(patient, Purpose::Payment).about(id);
    let mut notes = Vec::new();

    let mut payer = super::settle::find_payer(extensions, &records, patient, None, &mut notes).await?;
    if let Some(Payer { install, .. }) = &payer
        && !consent::may_bill(&extensions.platform, &records, &install.plugin_id, patient, restricted(&open.bill)?)
            .await?
    {
        notes.push(format!("`{}` is not asked: the patient refused it", install.plugin_id));
        payer = None;
    }
    let claim = match payer {
        None => Claim::self_pay(open, caller.now)?,
        Some(payer) => {
            let Payer { install, plugin, coverage, .. } = &payer;
            let context = calls.context(install, plugin)?;
            let call = extensions.runtime().quote(plugin, context, &open.bill, coverage, caller.now).await;
            match calls.took(install, call).await {
                Ok(Ok(Quote::Covered(adjudication))) => {
                    let kind = grant::payer_kind(install)?;
                    Claim::quote(open, install.plugin_id.clone(), kind, &adjudication, caller.now)?
                }
                Ok(Ok(Quote::Declined(refusals))) => {
                    notes.extend(refusals.iter().map(|why| format!("{}: {}", why.code, why.message.get("zh"))));
                    Claim::self_pay(open, caller.now)?
                }
                Ok(Err(error)) => return Err(undecided(&error).with("calls", calls.views())),
                Err(failure) => return Err(failure.with("calls", calls.views())),
            }
        }
    };
    let charge = Charge::from(claim);
    let parent = Some(new.prescription.to_string());
    let row = fresh(id, patient, parent, charge.state().as_str(), &charge, caller.now)?;
    let tx = records.begin().await?;
    tx.insert_document(&row).await?;
    let calls = calls.write(&tx).await?;
    tx.commit().await?;
    view(&records, &charge, notes, calls).await
}

fn undecided(error: &PayerError) -> AppError {
    let code = match error {
        PayerError::Conflict(_) => Code::PayIdempotencyConflict,
        PayerError::MissingData(_) => Code::PayRefused,
        PayerError::Unavailable(_) | PayerError::Other(_) => Code::PayUnavailable,
    };
    AppError::new(code, "the payer could not decide").with("error", error)
}
