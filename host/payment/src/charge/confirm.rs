use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_care::{pathway::Occasion, prescription};
use xinglin_domain::{
    access::Action,
    billing::{BillingError, Charge, Claim, PayerKind, claim::Confirmed},
    code::Code,
    coding::AttributeValue,
    id::BillId,
    money::Money,
    payer::{Bill, Line, Source},
    prescription::{Effective, Event, LinePacks, Purchase, Reserved, RxError},
};
use xinglin_extensions::Extensions;
use xinglin_platform::{
    AppError, AppResult, Caller, boxed,
    document::{Stored, touch},
};
use xinglin_records::consent;
use xinglin_store::{StoreError, Tenant};

use super::{ChargeView, RX_LINE, Row, begin, load, parent, post_settled, restricted, settle, view};

/// The patient's agreement to a quote.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    /// The cash that the patient agrees to pay, in fen; must equal the quote.
    #[schema(value_type = i64)]
    pub cash_fen: Money,
    /// That the risk notice of the medicines was read.
    pub risk_acknowledged: bool,
}

/// Confirms a quote: reserves the prescription, has the payer settle, and posts to the ledger.
/// Idempotent for the same amount; a payer that could not settle before is called again.
///
/// # Errors
/// `RX_ALREADY_USED` if another order uses the prescription; `PAY_IDEMPOTENCY_CONFLICT`
/// if it was confirmed with another amount; `PATIENT_…`, `ENC_RED_FLAG` or `RX_ALLERGY` for what has
/// changed since the approval.
#[tracing::instrument(target = "xinglin::trace", name = "confirm_charge", skip_all)]
#[boxed]
pub async fn confirm(extensions: &Extensions, caller: &Caller, id: BillId, confirm: Confirm) -> AppResult<ChargeView> {
    caller.may(Action::ConfirmCharge)?;
    let records = extensions.platform.records(caller);
    let Stored { row, value } = load(&records, id).await?;
    caller.may_see(value.patient(), "bill", id)?;
    let (payer, patient) = (value.payer().map(str::to_owned), value.patient());
    let quoted = match value {
        Charge::Quoted(quoted) => quoted,
        Charge::Confirmed(confirmed) => return confirm_again(extensions, caller, row, confirmed, &confirm).await,
        other => return confirmed_before(&records, other, &confirm).await,
    };
    if let Some(payer) = payer
        && !consent::may_bill(&extensions.platform, &records, &payer, patient, restricted(quoted.bill())?).await?
    {
        let detail = format!("the patient has refused `{payer}` this bill; ask for another quote");
        return Err(AppError::new(Code::PayState, detail));
    }
    let prescription = parent(&row)?;
    let (rx_row, effective) = prescription::take::<Effective>(
        &extensions.platform,
        caller,
        prescription,
        (Event::Reserve, Action::ReservePrescription),
    )
    .await?;
    prescription::still_checked(extensions, caller, &records, (&effective, &effective.state().issue)).await?;
    let purchase = Purchase {
        bill: id,
        pharmacy: records.id(),
        lines: purchased(quoted.bill()),
        risk_acknowledged: confirm.risk_acknowledged,
    };
    let lines: Vec<u32> = purchase.lines.iter().map(|line| line.line).collect();
    let confirmed = quoted.confirm(&caller.actor, confirm.cash_fen, caller.now)?;
    let reserved = effective.reserve(&caller.actor, purchase, &extensions.platform, caller.now)?;

    let tx = records.begin().await?;
    prescription::still_safe(&extensions.platform, caller, &tx, &reserved).await?;
    // The constraint decides between two orders at once: one wins.
    tx.mark_used(prescription, &lines, &id.to_string(), caller.now).await.map_err(|error| match error {
        StoreError::Unique { .. } => AppError::new(Code::RxAlreadyUsed, "another order was first"),
        other => other.into(),
    })?;
    prescription::put(&tx, rx_row, &reserved.into(), caller.now).await?;
    let occasion = Occasion { request_id: caller.request_id.clone(), now: caller.now };
    if confirmed.state().allocation.kind() == PayerKind::SelfPay {
        let charge = Charge::from(confirmed.collect(caller.now)?);
        post_settled(&tx, row, &charge, None, caller.now).await?;
        tx.commit().await?;
        return view(&records, &charge, Vec::new(), Vec::new()).await;
    }
    let (row, settling) = begin(&tx, row, confirmed, caller.now).await?;
    tx.commit().await?;
    let (charge, calls) = settle(extensions, &records, row, settling, &occasion).await?;
    view(&records, &charge, Vec::new(), calls).await
}

/// Calls a payer again that could not settle at the confirmation and did not execute anything,
/// under a new operation key.
async fn confirm_again(
    extensions: &Extensions,
    caller: &Caller,
    row: Row,
    confirmed: Claim<Confirmed>,
    confirm: &Confirm,
) -> AppResult<ChargeView> {
    let records = extensions.platform.records(caller);
    let confirmed = confirmed.confirm_again(&caller.actor, confirm.cash_fen, caller.now)?;
    let Stored { row: rx_row, value: rx } = prescription::load(&records, parent(&row)?).await?;
    if rx.valid_until().is_none_or(|until| caller.now >= until) {
        return Err(RxError::Expired.into());
    }
    let reserved = rx.expecting::<Reserved>(Event::Dispense)?;
    prescription::still_checked(extensions, caller, &records, (&reserved, &reserved.state().issue)).await?;
    let tx = records.begin().await?;
    touch(&tx, rx_row, caller.now).await?;
    let (row, settling) = begin(&tx, row, confirmed, caller.now).await?;
    tx.commit().await?;
    let occasion = Occasion { request_id: caller.request_id.clone(), now: caller.now };
    let (charge, calls) = settle(extensions, &records, row, settling, &occasion).await?;
    view(&records, &charge, Vec::new(), calls).await
}

/// A repeated confirmation: the same amount gets the same answer, another amount is refused.
async fn confirmed_before(records: &Tenant, charge: Charge, confirm: &Confirm) -> AppResult<ChargeView> {
    match charge.allocation() {
        Some(allocation) if allocation.part(Source::Cash) != confirm.cash_fen => {
            Err(BillingError::Conflict(charge.id().to_string()).into())
        }
        Some(_) => view(records, &charge, Vec::new(), Vec::new()).await,
        None => Err(AppError::new(Code::PayState, format!("the bill is {}", charge.state()))),
    }
}

/// The part of a prescription that a bill covers.
fn purchased(bill: &Bill) -> Vec<LinePacks> {
    let line = |line: &Line| {
        let number = line.attributes.iter().find(|attribute| attribute.key == RX_LINE)?;
        let AttributeValue::Integer(number) = number.value else { return None };
        Some(LinePacks { line: u32::try_from(number).ok()?, packs: u32::try_from(line.quantity.unscaled()).ok()? })
    };
    bill.lines.iter().filter_map(line).collect()
}
