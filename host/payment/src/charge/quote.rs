use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_care::prescription;
use xinglin_domain::{
    access::Action,
    billing::{Allocation, Charge, Claim, claim::Open},
    code::Code,
    consent::Purpose,
    id::{BillId, PrescriptionId},
    payer::{PayerError, Quoted as Quote},
    prescription::{Effective, Event},
};
use xinglin_extensions::{Extensions, call::Calls};
use xinglin_platform::{AppError, AppResult, Caller, ambient, boxed, document::fresh, grant};
use xinglin_records::consent;

use super::{ChargeView, NewItem, Payer, Wanted, bill, guard::restricted, mistake, settle, unavailable, view};

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
    /// Whether the patient pays everything: no payer is asked.
    #[serde(default)]
    pub self_pay: bool,
    /// Whether the payer may use the personal account (个人账户); `true` if left out.
    #[serde(default = "yes")]
    pub use_account: bool,
}

const fn yes() -> bool {
    true
}

/// Quotes the cost of an approved prescription and its visit, and the share of each payer. Not
/// binding; each quote is stored as a bill that awaits confirmation.
///
/// # Errors
/// `RX_DRUG_BEFORE_RX` before a pharmacist has approved; `PATIENT_…`, `ENC_RED_FLAG` or `RX_ALLERGY` for
/// what has changed since; `RX_FORBIDDEN_DRUG` or `FORMULARY_KIND` for an item of any kind that is a
/// medicine of the negative list, or a medicine sold as something else; `MONEY_INVALID` if the bill
/// would be too high; `PAY_UNAVAILABLE` if the payer cannot be asked, or its answer is no answer: ask
/// for a quote with `self_pay` then.
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
    let wanted = Wanted { extra: &new.items, use_account: new.use_account };
    let (bill, items) = bill(&records, id, &effective, wanted, caller.now).await?;
    let (tenant, patient) = (records.id(), effective.patient());
    let open = Open { id, tenant, patient, bill, items };
    let mut calls =
        Calls::new(extensions, tenant, &caller.request_id, caller.now).of(patient, Purpose::Payment).about(id);
    let mut notes = Vec::new();

    let mut payer = match new.self_pay {
        true => None,
        false => {
            settle::find_payer(extensions, &records, patient, None, &mut notes).await.map_err(|error| {
                match error.code {
                    Code::StoreUnavailable => error,
                    _ => unavailable(error),
                }
            })?
        }
    };
    let discloses = restricted(&records, &open.bill, &open.items, effective.sheet()).await?;
    if let Some(Payer { install, .. }) = &payer
        && !consent::may_bill(&extensions.platform, &records, &install.plugin_id, patient, discloses).await?
    {
        notes.push(format!("`{}` is not asked: the patient refused it", install.plugin_id));
        payer = None;
    }
    let claim = match payer {
        None => Claim::self_pay(open, caller.now)?,
        Some(payer) => {
            let Payer { install, plugin, coverage } = &payer;
            let kind = grant::payer_kind(install)?;
            let judge = |answer: &Result<Quote, PayerError>| match answer {
                Ok(Quote::Covered(adjudication)) => mistake(Allocation::check(&open.bill, adjudication, kind)),
                _ => None,
            };
            let context = calls.context(install, plugin).map_err(unavailable)?;
            let call = extensions.runtime().quote(plugin, context, (&open.bill, coverage), caller.now, &judge).await;
            match calls.took(install, call).await {
                Ok(Ok(Quote::Covered(adjudication))) => {
                    // A mistake of the payer is logged and counted as such; the patient is told that
                    // the payer cannot be asked.
                    Claim::quote(open, install.plugin_id.clone(), kind, &adjudication, caller.now)
                        .map_err(|error| unavailable(error).with("calls", calls.views()))?
                }
                Ok(Ok(Quote::Declined(refusals))) => {
                    notes.extend(refusals.iter().map(|why| format!("{}: {}", why.code, why.message.get("zh"))));
                    Claim::self_pay(open, caller.now)?
                }
                Ok(Err(error)) => return Err(undecided(&error).with("calls", calls.views())),
                Err(failure) => return Err(unavailable(failure).with("calls", calls.views())),
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

/// What is missing is said to the patient; everything else only to the log.
fn undecided(error: &PayerError) -> AppError {
    match error {
        PayerError::MissingData(missing) => {
            AppError::new(Code::PayRefused, "the payer could not decide").with("missing", missing)
        }
        PayerError::Conflict(_) | PayerError::Unavailable(_) | PayerError::Other(_) => {
            unavailable(format!("the payer could not decide: {error:?}"))
        }
    }
}
