use xinglin_care::{
    pathway::Occasion,
    prescription::{self, Ending},
};
use xinglin_domain::{
    billing::{By, Charge, ChargeState, PayerKind},
    id::{BillId, PrescriptionId},
    prescription::{Prescription, RxState},
    time::Instant,
};
use xinglin_extensions::Extensions;
use xinglin_platform::{
    AppError, AppResult, boxed,
    document::{Stored, touch},
    work,
};
use xinglin_store::{DocumentQuery, StoreError, Tenant, TenantTx, Work};

use super::{begin_reversal, free, load, post_reversed, reverse_payment, update};

/// Number of open quotes of a prescription that are closed at a time; more are nobody's habit.
const MOST_QUOTES: u32 = 256;

/// Ends a prescription whose time is over: a draft lapses, what is signed expires. An
/// order that was not dispensed is cancelled, and what was paid for it is refunded. So is what was paid
/// for medicines that were lost or taken back. Before its time, quotes are closed and orders refunded of
/// a prescription that [can never be used](prescription::is_void). The patient
/// [is told](prescription::tell_ended). While the outcome of a payment is not known, it waits.
///
/// # Errors
/// If the store fails; it is tried again.
#[tracing::instrument(target = "xinglin::trace", name = "expire_prescription", skip_all)]
#[boxed]
pub async fn expire(extensions: &Extensions, work: &Work, occasion: &Occasion) -> AppResult<()> {
    let (records, now) = (extensions.platform.store().tenant(work.tenant), occasion.now);
    let id: PrescriptionId = work.id.parse().map_err(AppError::internal)?;
    let Stored { row, value } = match records.get_document(id).await {
        Ok(row) => row.try_into()?,
        // It was erased.
        Err(StoreError::NotFound { .. }) => return work::finish(&records, work).await,
        Err(error) => return Err(error.into()),
    };
    let ended = match (Prescription::ends(&value), value) {
        (None, _) => return work::finish(&records, work).await,
        (Some(at), value) if at > now => {
            let reserved = value.reservation().filter(|_| matches!(value, Prescription::Reserved(_)));
            let order = reserved.map(|reservation| reservation.purchase.bill);
            if prescription::is_void(&records, &value).await? {
                let tx = records.begin().await?;
                close_quotes(&tx, id, now).await?;
                if order.is_none() && value.state() != RxState::Draft {
                    let of = (id, value.patient());
                    prescription::tell_ended(&tx, of, (Ending::Cancelled, None), now).await?;
                }
                tx.commit().await?;
                if let Some(bill) = order {
                    let why = Some(Ending::Cancelled);
                    return cancel_order(extensions, &records, work, (bill, why), occasion).await;
                }
            }
            return work::postpone(&records, work, at).await;
        }
        (_, Prescription::Reserved(reserved)) => {
            let bill = reserved.state().reservation.purchase.bill;
            return cancel_order(extensions, &records, work, (bill, Some(Ending::Expired)), occasion).await;
        }
        (_, Prescription::Refunded(returned)) => {
            let bill = returned.state().supplied.reservation.purchase.bill;
            return cancel_order(extensions, &records, work, (bill, None), occasion).await;
        }
        (_, Prescription::Draft(draft)) => Prescription::from(draft.lapse(now)?),
        (_, signed) => Prescription::from(signed.expire(now)?),
    };
    // The versions of the documents decide between two workers; what is written last is the work, as
    // whoever changes a prescription locks it first.
    let tx = records.begin().await?;
    prescription::put(&tx, row, &ended, now).await?;
    if ended.state() == RxState::Expired {
        prescription::tell_ended(&tx, (id, ended.patient()), (Ending::Expired, None), now).await?;
    }
    Ok(tx.commit().await?)
}

/// Closes the quotes of a prescription that can never be ordered.
async fn close_quotes(tx: &TenantTx, id: PrescriptionId, now: Instant) -> AppResult<()> {
    let query = DocumentQuery {
        parent_id: Some(id.to_string()),
        statuses: vec![ChargeState::Quoted.as_str().to_owned()],
        ..DocumentQuery::default()
    };
    for row in tx.list_documents::<BillId>(&query, None, MOST_QUOTES).await? {
        let Stored { row, value } = row.try_into()?;
        if let Charge::Quoted(quoted) = value {
            update(tx, row, &quoted.abandon(By::Host, now)?.into(), now).await?;
        }
    }
    Ok(())
}

/// Cancels an order: its prescription [ended](Ending) before it was dispensed, or it was taken back.
async fn cancel_order(
    extensions: &Extensions,
    records: &Tenant,
    work: &Work,
    (bill, ending): (BillId, Option<Ending>),
    occasion: &Occasion,
) -> AppResult<()> {
    let now = occasion.now;
    let Stored { row, value } = load(records, bill).await?;
    let rx = super::parent(&row)?;
    let of = (rx, value.patient());
    let tell = async |tx: &TenantTx, paid: bool| match ending {
        Some(ending) => prescription::tell_ended(tx, of, (ending, paid.then_some(bill)), now).await,
        None => Ok(()),
    };
    let reversing = match value {
        // Known when the payer answers, or a person states it.
        Charge::Settling(_) | Charge::Unknown(_) | Charge::Reversing(_) => {
            return work::postpone(records, work, work::next_try(work, now)).await;
        }
        Charge::Settled(settled) if settled.state().allocation.kind() == PayerKind::SelfPay => {
            let refunded = Charge::from(settled.refund_all(By::Host, now)?);
            let tx = records.begin().await?;
            tell(&tx, true).await?;
            post_reversed(&tx, row, &refunded, now).await?;
            tx.finish_work(work).await?;
            return Ok(tx.commit().await?);
        }
        Charge::Settled(settled) => settled.reverse(By::Host, now)?,
        Charge::Drifted(drifted) => drifted.reverse(now)?,
        unpaid => {
            let closed = match unpaid {
                Charge::Quoted(quoted) => quoted.abandon(By::Host, now)?.into(),
                Charge::Confirmed(confirmed) => confirmed.abandon(By::Host, now)?.into(),
                ended => ended,
            };
            let tx = records.begin().await?;
            free(&tx, rx, bill, now).await?;
            update(&tx, row, &closed, now).await?;
            tell(&tx, false).await?;
            tx.finish_work(work).await?;
            return Ok(tx.commit().await?);
        }
    };
    let tx = records.begin().await?;
    // Whoever dispenses at this moment touches the same two rows: one of us is late.
    touch(&tx, tx.get_document(rx).await?, now).await?;
    // Of figures that the patient never agreed to, nothing was paid.
    tell(&tx, !Charge::from(reversing.clone()).has_drifted()).await?;
    let row = begin_reversal(&tx, row, reversing.clone(), now).await?;
    tx.put_off_work(work, work::next_try(work, now)).await?;
    tx.commit().await?;
    reverse_payment(extensions, records, row, reversing, occasion).await.map(drop)
}
