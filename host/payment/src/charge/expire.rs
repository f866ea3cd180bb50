use xinglin_care::{
    pathway::Occasion,
    prescription::{self, Ending},
};
use xinglin_domain::{
    billing::{Act, By, Charge, ChargeState, Subject, claim::Unwinding},
    id::{BillId, PatientId, PrescriptionId},
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

use super::{
    Row, free,
    guard::may_reverse,
    load,
    operation::{MOST_REVERSALS, begin_reversal, post_reversed, wait},
    reverse::give_back,
    settle::carry_out,
    subject, update,
};

/// Number of open quotes of a prescription that are closed at a time; more are nobody's habit.
const MOST_QUOTES: u32 = 256;

/// Ends a prescription whose time is over: a draft lapses, what is signed expires. An
/// order that was not dispensed is cancelled, and what was paid for it is refunded. So is what was paid
/// for medicines that were lost or taken back. What the payer does not take back then
/// [waits for the accounts](super::unresolved), and nothing is begun anew. Before its time, quotes are
/// closed and orders refunded of a prescription that [can never be used](prescription::is_void). The patient
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

/// An order that is cancelled.
struct Order {
    rx: PrescriptionId,
    patient: PatientId,
    bill: BillId,
    /// How its prescription ended; `None` if it was taken back, of which the patient knows.
    ending: Option<Ending>,
}

impl Order {
    /// Tells the patient how the prescription ended, and of the refund of what was paid.
    async fn tell(&self, tx: &TenantTx, paid: bool, now: Instant) -> AppResult<()> {
        let Some(ending) = self.ending else { return Ok(()) };
        let of = (self.rx, self.patient);
        prescription::tell_ended(tx, of, (ending, paid.then_some(self.bill)), now).await
    }
}

/// Cancels an order: its prescription [ended](Ending) before it was dispensed, or it was taken back.
pub(super) async fn cancel_order(
    extensions: &Extensions,
    records: &Tenant,
    work: &Work,
    (bill, ending): (BillId, Option<Ending>),
    occasion: &Occasion,
) -> AppResult<()> {
    let now = occasion.now;
    let Stored { row, value } = load(records, bill).await?;
    let Subject::Prescription(rx) = subject(&row)? else {
        return Err(AppError::internal("the order of a prescription is a visit's"));
    };
    let order = Order { rx, patient: value.patient(), bill, ending };
    let stands = match value {
        // Known when the payer answers, or a person states it.
        Charge::Settling(_) | Charge::Unknown(_) | Charge::Reversing(_) => {
            return work::postpone(records, work, work::next_try(work, now)).await;
        }
        Charge::Reduced(reduced) => {
            let tx = records.begin().await?;
            touch(&tx, tx.get_document(rx).await?, now).await?;
            order.tell(&tx, true, now).await?;
            give_back(&tx, row, reduced, By::End, now).await?;
            tx.finish_work(work).await?;
            return Ok(tx.commit().await?);
        }
        Charge::Settled(settled) if settled.payers().is_empty() => {
            let refunded = Charge::from(settled.refund_all(By::Host, now)?);
            let tx = records.begin().await?;
            // As whoever cancels it at this moment.
            touch(&tx, tx.get_document(rx).await?, now).await?;
            order.tell(&tx, true, now).await?;
            post_reversed(&tx, row, &refunded, now).await?;
            tx.finish_work(work).await?;
            return Ok(tx.commit().await?);
        }
        settled @ Charge::Settled(_) => settled,
        Charge::Unwinding(unwinding)
            if unwinding.state().refused.is_none() && unwinding.attempts() < MOST_REVERSALS =>
        {
            unwinding.into()
        }
        Charge::Unwinding(_) => return work::finish(records, work).await,
        unpaid => {
            let closed = match unpaid {
                Charge::Quoted(quoted) => quoted.abandon(By::Host, now)?.into(),
                Charge::Confirmed(confirmed) => confirmed.abandon(By::End, now)?,
                ended => ended,
            };
            if matches!(closed, Charge::Unwinding(_)) {
                return take_back(extensions, records, work, (row, closed), &order, occasion).await;
            }
            let tx = records.begin().await?;
            free(&tx, Subject::Prescription(rx), bill, now).await?;
            update(&tx, row, &closed, now).await?;
            order.tell(&tx, false, now).await?;
            tx.finish_work(work).await?;
            return Ok(tx.commit().await?);
        }
    };
    take_back(extensions, records, work, (row, stands), &order, occasion).await
}

/// Begins the reversals of an order and carries them out. If they wait for another bill, the bill is
/// [attended to](super::attend), and the prescription when it is released.
async fn take_back(
    extensions: &Extensions,
    records: &Tenant,
    work: &Work,
    (row, stands): (Row, Charge),
    order: &Order,
    occasion: &Occasion,
) -> AppResult<()> {
    let (now, begun) = (occasion.now, extensions.platform.now());
    let tx = records.begin().await?;
    let free = may_reverse(&tx, &stands).await?;
    // Whoever dispenses at this moment touches the same two rows: one of us is late.
    touch(&tx, tx.get_document(order.rx).await?, now).await?;
    // Of figures that the patient never agreed to, nothing was paid.
    order.tell(&tx, !stands.has_drifted(), now).await?;
    let free = match free {
        Ok(free) => free,
        Err(held) => {
            wait(&tx, row, stands, (By::End, held), now).await?;
            tx.finish_work(work).await?;
            return Ok(tx.commit().await?);
        }
    };
    let reversing = match stands {
        Charge::Settled(settled) => settled.reverse(By::End, begun)?,
        other => other.expecting::<Unwinding>(Act::Reverse)?.reverse(By::End, begun)?,
    };
    let row = begin_reversal(&tx, row, reversing.clone(), &free, begun).await?;
    tx.put_off_work(work, work::next_try(work, now)).await?;
    tx.commit().await?;
    carry_out(extensions, records, row, reversing.into(), occasion).await.map(drop)
}
