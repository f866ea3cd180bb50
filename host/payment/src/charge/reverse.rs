use xinglin_care::{pathway::Occasion, prescription};
use xinglin_domain::{
    access::Action,
    billing::{Act, Charge, PayerKind, claim::Settled},
    code::Code,
    id::BillId,
    time::Instant,
};
use xinglin_extensions::Extensions;
use xinglin_platform::{
    AppError, AppResult, Caller, boxed,
    document::{Stored, touch},
};
use xinglin_store::Tenant;

use super::{
    ChargeView, Row, Verb, free, load, parent, post_reversed, reverse_payment, take_back, update, view, write_down,
};

/// Reverses a whole payment, if nothing was dispensed for it. An unpaid bill is cancelled.
///
/// # Errors
/// `PAY_ALREADY_REVERSED`, `REFUND_DRUG_NOT_RETURNABLE`, …
#[tracing::instrument(target = "xinglin::trace", name = "reverse_charge", skip_all)]
#[boxed]
pub async fn reverse(extensions: &Extensions, caller: &Caller, id: BillId) -> AppResult<ChargeView> {
    caller.may(Action::ReverseCharge)?;
    let records = extensions.platform.records(caller);
    let Stored { row, value } = load(&records, id).await?;
    caller.trail.saw(value.patient());
    let occasion = Occasion { request_id: caller.request_id.clone(), now: caller.now };
    let settled = match value {
        Charge::Quoted(quoted) => {
            let abandoned = quoted.abandon(&caller.actor, caller.now)?;
            return give_up(&records, row, abandoned.into(), caller.now).await;
        }
        Charge::Confirmed(confirmed) => {
            let abandoned = confirmed.abandon(&caller.actor, caller.now)?;
            return give_up(&records, row, abandoned.into(), caller.now).await;
        }
        Charge::Drifted(drifted) => {
            let tx = records.begin().await?;
            let (row, reversing) = take_back(&tx, row, drifted, caller.now).await?;
            tx.commit().await?;
            let (charge, calls) = reverse_payment(extensions, &records, row, reversing, &occasion).await?;
            return view(&records, &charge, Vec::new(), calls).await;
        }
        other => other.expecting::<Settled>(Act::Reverse)?,
    };
    let Stored { row: rx_row, value: rx } = prescription::load(&records, parent(&row)?).await?;
    if rx.supplied().is_some() {
        return Err(AppError::new(
            Code::RefundDrugNotReturnable,
            "the medicines were handed out; they come back only for faults of quality, recall, courier or hospital",
        ));
    }
    // Whoever dispenses at this moment touches the same two rows: one of us is late.
    if settled.state().allocation.kind() == PayerKind::SelfPay {
        let charge = Charge::from(settled.refund_all(&caller.actor, caller.now)?);
        let tx = records.begin().await?;
        touch(&tx, rx_row, caller.now).await?;
        post_reversed(&tx, row, &charge, None, caller.now).await?;
        tx.commit().await?;
        return view(&records, &charge, Vec::new(), Vec::new()).await;
    }
    let reversing = settled.reverse(&caller.actor, caller.now)?;
    let tx = records.begin().await?;
    touch(&tx, rx_row, caller.now).await?;
    let row = write_down(&tx, row, reversing.clone().into(), Verb::Reverse, caller.now).await?;
    tx.commit().await?;
    let (charge, calls) = reverse_payment(extensions, &records, row, reversing, &occasion).await?;
    view(&records, &charge, Vec::new(), calls).await
}

/// Cancels an unpaid bill and releases its prescription.
async fn give_up(records: &Tenant, row: Row, abandoned: Charge, now: Instant) -> AppResult<ChargeView> {
    let tx = records.begin().await?;
    free(&tx, parent(&row)?, row.id, now).await?;
    update(&tx, row, &abandoned, now).await?;
    tx.commit().await?;
    view(records, &abandoned, Vec::new(), Vec::new()).await
}
