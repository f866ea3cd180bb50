//! `Claim/$submit` and `CoverageEligibilityRequest/$submit`: the same use cases, in FHIR.

use serde_json::{Value, json};
use xinglin_domain::{access::Action, billing::Charge, code::Code, id::PatientId, money::Money};
use xinglin_extensions::Extensions;
use xinglin_fhir::{
    insurance::{answer_id, payer_of, predetermined},
    submitted::{self, Item, Submitted, Unread, Use},
};
use xinglin_platform::{AppError, AppResult, Caller, boxed, document};
use xinglin_store::{StoreError, Tenant};

use super::{NewCheck, NewDocument, NewGuarantee, RequestView, bill_of, check_eligibility, request_guarantee};
use crate::charge::{self, Confirm, NewCharge, NewItem};

fn refused(Unread { path, what }: Unread) -> AppError {
    let issues = json!([{ "path": path, "message": what }]);
    AppError::new(Code::FhirInvalid, format!("{path}: {what}")).with("issues", issues)
}

/// The plugin that an Organization stands for.
async fn named(records: &Tenant, organization: &str) -> AppResult<String> {
    let organization = records.get_resource("Organization", organization).await?;
    let payer = payer_of(&document::value(&organization)?);
    payer.ok_or_else(|| refused(Unread { path: "insurer", what: "is no payer of this hospital" }))
}

/// Whether what the claim says of the bill is so.
fn fits(charge: &Charge, claim: &Submitted) -> AppResult<()> {
    let wrong = |what: String| Err(AppError::new(Code::MoneyInvalid, what));
    if charge.patient() != claim.patient {
        return Err(AppError::not_found("bill", charge.id()));
    }
    let lines = &charge.bill().lines;
    let same = |item: &Item| {
        let line = lines.iter().find(|line| line.number == item.sequence)?;
        let known =
            item.codes.iter().any(|code| line.code.iter().any(|c| c.system == code.system && c.code == code.code));
        let equal = known && line.quantity == item.quantity && item.net.is_none_or(|net| net == line.gross);
        equal.then_some(())
    };
    if let Some(item) = claim.items.iter().find(|item| same(item).is_none()) {
        return wrong(format!("item {}: the bill says otherwise; the hospital prices it", item.sequence));
    }
    if !claim.items.is_empty() && claim.items.len() != lines.len() {
        return wrong(format!("the bill has {} lines", lines.len()));
    }
    let total = Money::sum(lines.iter().map(|line| line.gross)).map_err(AppError::internal)?;
    match claim.total {
        Some(said) if said != total => wrong(format!("total: the bill says {total}")),
        _ => Ok(()),
    }
}

/// The resource that an answer was projected to.
async fn answered(records: &Tenant, kind: &str, id: &str) -> AppResult<Option<Value>> {
    match records.get_resource(kind, id).await {
        Ok(resource) => Ok(Some(document::value(&resource)?)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The answer to a question, or why there is none yet.
async fn told(records: &Tenant, kind: &str, view: RequestView) -> AppResult<Value> {
    if let Some(resource) = answered(records, kind, &answer_id(view.id, &view.payer)).await? {
        return Ok(resource);
    }
    let detail = match view.status {
        "NOT_DONE" => "the insurer cannot be asked now; nothing was done: submit it again later",
        _ => "the insurer has not answered: the host asks again by itself; read the answer later",
    };
    Err(AppError::new(Code::PayUnavailable, detail).with("request", view.id).with("status", view.status))
}

/// Submits a Claim: `use` = predetermination quotes a prescription, preauthorization asks the insurer for a
/// guarantee of payment of a quote, and claim confirms a quote for the patient, whose app says what they agree
/// to pay; of a bill that is paid it gives the payer's answer once more.
///
/// # Errors
/// `FHIR_INVALID` for what the host would not act upon; `MONEY_INVALID` if the claim says otherwise than the
/// bill; as the use cases.
#[boxed]
pub async fn submit_claim(extensions: &Extensions, caller: &Caller, resource: &Value) -> AppResult<Value> {
    let claim = submitted::claim(resource).map_err(refused)?;
    let records = extensions.platform.records(caller);
    match (claim.for_what, claim.bill) {
        (Use::Predetermination, _) => quote(extensions, caller, &records, &claim).await,
        (Use::Preauthorization, Some(bill)) => {
            caller.may(Action::AskInsurer)?;
            fits(&bill_of(&extensions.platform, caller, &records, bill).await?.value, &claim)?;
            let insurer = claim.insurer.clone().unwrap_or_default();
            let documents = claim.documents.iter().cloned().map(|(kind, id)| NewDocument { kind, id }).collect();
            let new = NewGuarantee { payer: named(&records, &insurer).await?, bill, documents };
            told(&records, "ClaimResponse", request_guarantee(extensions, caller, new).await?).await
        }
        (Use::Claim, Some(bill)) => {
            let value = bill_of(&extensions.platform, caller, &records, bill).await?.value;
            caller.may_see(value.patient(), "bill", bill)?;
            fits(&value, &claim)?;
            let payers = value.payers().to_vec();
            if !matches!(value, Charge::Settled(_)) {
                let Some(cash_fen) = claim.agreed else {
                    let what = "must say what the patient agrees to pay (urn:xinglin:patient-agrees-to-pay)";
                    return Err(refused(Unread { path: "extension", what }));
                };
                let confirm = Confirm { cash_fen, risk_acknowledged: claim.risk_acknowledged };
                charge::confirm(extensions, caller, bill, confirm).await?;
            }
            // The last payer's answer is of the whole bill.
            let Some(payer) = payers.last() else {
                return Err(AppError::new(Code::PayState, "nobody but the patient pays; it is paid"));
            };
            let response = answered(&records, "ClaimResponse", &answer_id(bill, payer)).await?;
            response.ok_or_else(|| {
                AppError::new(Code::PayUnavailable, "the outcome is not known yet: the host asks by itself")
            })
        }
        (Use::Claim | Use::Preauthorization, None) => Err(AppError::internal("a claim without a bill was read")),
    }
}

async fn quote(extensions: &Extensions, caller: &Caller, records: &Tenant, claim: &Submitted) -> AppResult<Value> {
    let prescription = claim.prescription.ok_or_else(|| AppError::internal("a quote of nothing was read"))?;
    let mut items = Vec::new();
    for Item { codes, quantity, sequence, .. } in &claim.items {
        let formulary = xinglin_platform::settings::settings(records).await?.formulary;
        let sold = formulary.iter().find(|item| {
            item.all_codings().iter().any(|c| codes.iter().any(|code| code.system == c.system && code.code == c.code))
        });
        let whole = u32::try_from(quantity.unscaled()).ok().filter(|_| quantity.scale() == 0);
        let (Some(sold), Some(quantity)) = (sold, whole) else {
            return Err(AppError::new(
                Code::FhirInvalid,
                format!("item {sequence}: not in the formulary, or not whole"),
            ));
        };
        items.push(NewItem { item: sold.code.clone(), quantity });
    }
    let payers = match &claim.insurer {
        Some(insurer) => Some(vec![named(records, insurer).await?]),
        None => None,
    };
    let prescribed = Some(prescription);
    let new =
        NewCharge { prescription: prescribed, encounter: None, items, self_pay: false, payers, use_account: true };
    let quoted = charge::quote(extensions, caller, new).await?;
    let patient: PatientId = claim.patient;
    let value = charge::load(records, quoted.id).await?.value;
    if value.patient() != patient {
        return Err(AppError::not_found("prescription", prescription));
    }
    Ok(predetermined(&value, caller.now))
}

/// Submits a question of eligibility.
///
/// # Errors
/// As [`check_eligibility`]; `PAY_UNAVAILABLE` while there is no answer.
#[boxed]
pub async fn submit_eligibility(extensions: &Extensions, caller: &Caller, resource: &Value) -> AppResult<Value> {
    caller.may(Action::AskInsurer)?;
    let asked = submitted::eligibility(resource).map_err(refused)?;
    let records = extensions.platform.records(caller);
    let payer = named(&records, &asked.insurer).await?;
    if let Some(bill) = asked.bill {
        let known = bill_of(&extensions.platform, caller, &records, bill).await?;
        if known.value.patient() != asked.patient {
            return Err(AppError::not_found("bill", bill));
        }
    }
    let new = NewCheck { payer, bill: asked.bill, encounter: asked.visit };
    let view = check_eligibility(extensions, caller, new).await?;
    told(&records, "CoverageEligibilityResponse", view).await
}
