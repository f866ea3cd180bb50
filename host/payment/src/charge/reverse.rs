use xinglin_care::{pathway::Occasion, prescription};
use xinglin_domain::{
    access::Action,
    billing::{
        Act, By, Charge, Claim, Subject,
        claim::{Reduced, Settled, Unwinding},
    },
    code::Code,
    id::{BillId, PrescriptionId},
    prescription::RxState,
    time::Instant,
};
use xinglin_extensions::Extensions;
use xinglin_platform::{
    AppError, AppResult, Caller, boxed,
    document::{Stored, touch},
};
use xinglin_store::{Document, OperationState, Tenant, TenantTx};

use super::{
    ChargeView, Row, free,
    guard::{may_reverse, refused},
    load,
    operation::{begin_reversal, mark, post_reversed},
    settle::{Reply, carry_out},
    subject, update, view,
};

/// Reverses a whole payment, if nothing was dispensed for it. An unpaid bill is cancelled. If the
/// payer cannot be called now, the reversal waits (`REVERSING`) and is carried out later.
///
/// # Errors
/// `PAY_LATER_FIRST` if a later bill was priced on what this one moved: reverse that one first; `PAY_STATE`
/// while one of the payers is at another bill of the patient; `PAY_ALREADY_REVERSED`,
/// `REFUND_DRUG_NOT_RETURNABLE`, `PAY_REFUSED`, …
#[tracing::instrument(target = "xinglin::trace", name = "reverse_charge", skip_all)]
#[boxed]
pub async fn reverse(extensions: &Extensions, caller: &Caller, id: BillId) -> AppResult<ChargeView> {
    caller.may(Action::ReverseCharge)?;
    let Stored { row, value } = load(&extensions.platform.records(caller), id).await?;
    caller.trail.saw(value.patient());
    take_back(extensions, caller, row, value).await
}

/// Cancels what is not paid, reverses what is.
pub(super) async fn take_back(
    extensions: &Extensions,
    caller: &Caller,
    row: Row,
    value: Charge,
) -> AppResult<ChargeView> {
    let records = extensions.platform.records(caller);
    let occasion = Occasion { request_id: caller.request_id.clone(), now: caller.now };
    let by = By::Person(&caller.actor);
    let settled = match value {
        Charge::Quoted(quoted) => {
            let abandoned = quoted.abandon(by, caller.now)?;
            return give_up(&records, row, abandoned.into(), caller.now).await;
        }
        Charge::Confirmed(confirmed) => match confirmed.abandon(by, extensions.platform.now())? {
            Charge::Unwinding(unwinding) => {
                return begun(extensions, &records, row, (unwinding, by), &occasion).await;
            }
            abandoned => return give_up(&records, row, abandoned, caller.now).await,
        },
        Charge::Unwinding(unwinding) => {
            return begun(extensions, &records, row, (unwinding, by), &occasion).await;
        }
        Charge::Reduced(reduced) => {
            let rx_row = returnable(&records, &row).await?;
            let tx = records.begin().await?;
            if let Some(rx_row) = rx_row {
                touch(&tx, rx_row, caller.now).await?;
            }
            let charge = give_back(&tx, row, reduced, by, caller.now).await?;
            tx.commit().await?;
            return view(&charge, Vec::new(), Vec::new());
        }
        other => other.expecting::<Settled>(Act::Reverse)?,
    };
    let rx_row = returnable(&records, &row).await?;
    // Whoever dispenses at this moment touches the same two rows: one of us is late.
    if settled.payers().is_empty() {
        let charge = Charge::from(settled.refund_all(by, caller.now)?);
        let tx = records.begin().await?;
        if let Some(rx_row) = rx_row {
            touch(&tx, rx_row, caller.now).await?;
        }
        post_reversed(&tx, row, &charge, caller.now).await?;
        tx.commit().await?;
        return view(&charge, Vec::new(), Vec::new());
    }
    let now = extensions.platform.now();
    let tx = records.begin().await?;
    let free = may_reverse(&tx, &settled.clone().into()).await?.map_err(refused)?;
    let reversing = settled.reverse(by, now)?;
    if let Some(rx_row) = rx_row {
        touch(&tx, rx_row, now).await?;
    }
    let row = begin_reversal(&tx, row, reversing.clone(), &free, now).await?;
    tx.commit().await?;
    told(carry_out(extensions, &records, row, reversing.into(), &occasion).await?)
}

/// The prescription of a bill, if it has one and nothing of it is handed out that the patient keeps.
async fn returnable(records: &Tenant, row: &Row) -> AppResult<Option<Document<PrescriptionId>>> {
    let Subject::Prescription(rx) = subject(row)? else { return Ok(None) };
    let Stored { row, value } = prescription::load(records, rx).await?;
    if value.supplied().is_some() && value.state() != RxState::Refunded {
        return Err(AppError::new(
            Code::RefundDrugNotReturnable,
            "the medicines were handed out; they come back only for faults of quality, recall, courier or hospital",
        ));
    }
    Ok(Some(row))
}

/// What a refund has left is given back too. Whoever asks its payers for a quote is late.
pub(super) async fn give_back(
    tx: &TenantTx,
    row: Row,
    reduced: Claim<Reduced>,
    by: By<'_>,
    now: Instant,
) -> AppResult<Charge> {
    if let Some(asked) = reduced.asked() {
        mark(tx, &asked.operation.key, OperationState::Failed, None, (asked.operation.at, now)).await?;
    }
    let reversed = Charge::from(reduced.give_up(by, now)?);
    post_reversed(tx, row, &reversed, now).await?;
    Ok(reversed)
}

/// Reverses what nothing can be dispensed for.
async fn begun(
    extensions: &Extensions,
    records: &Tenant,
    row: Row,
    (unwinding, by): (Claim<Unwinding>, By<'_>),
    occasion: &Occasion,
) -> AppResult<ChargeView> {
    let now = extensions.platform.now();
    let tx = records.begin().await?;
    let free = may_reverse(&tx, &unwinding.clone().into()).await?.map_err(refused)?;
    let reversing = unwinding.reverse(by, now)?;
    let row = begin_reversal(&tx, row, reversing.clone(), &free, now).await?;
    tx.commit().await?;
    told(carry_out(extensions, records, row, reversing.into(), occasion).await?)
}

/// A refusal is an error, with the payer's reasons; a reversal that waits is not.
fn told(reply: Reply) -> AppResult<ChargeView> {
    let Reply { charge, calls, refusals } = reply;
    if matches!(charge, Charge::Settled(_) | Charge::Unwinding(_)) {
        return Err(AppError::new(Code::PayRefused, "the payer did not take it back")
            .with("refusals", refusals)
            .with("calls", calls));
    }
    view(&charge, Vec::new(), calls)
}

/// Cancels an unpaid bill and releases its prescription.
async fn give_up(records: &Tenant, row: Row, abandoned: Charge, now: Instant) -> AppResult<ChargeView> {
    let tx = records.begin().await?;
    free(&tx, subject(&row)?, row.id, now).await?;
    update(&tx, row, &abandoned, now).await?;
    tx.commit().await?;
    view(&abandoned, Vec::new(), Vec::new())
}
