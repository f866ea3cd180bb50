//! Money that came in, and money that went back, whoever tells it: into the share, the books and the
//! movements that statements are compared with, in one transaction.

use xinglin_domain::{
    billing::cash::{Heard, Received, Stage, Till, name, statement::Way},
    code::Code,
    money::Money,
    time::{Day, Instant},
};
use xinglin_platform::{AppError, AppResult};
use xinglin_store::{CashMovement, TenantTx};

use super::notice;
use crate::{
    ledger::{self, Arrived},
    till::{Stored, put},
};

/// Money came in. A repetition changes nothing.
///
/// # Errors
/// `RECON_BREAK` if the transaction is known with another amount, order or bill.
pub(super) async fn receive(tx: &TenantTx, stored: Stored, received: Received, now: Instant) -> AppResult<Till> {
    let Stored { row, till } = stored;
    let (bill, planned) = (till.bill(), till.refunds().len());
    let (till, heard) = till.receive(received.clone(), now)?;
    let (kept, rest) = match heard {
        Heard::Known => return Ok(till),
        Heard::Pays { rest } => (received.amount.minus(rest).map_err(AppError::internal)?, rest),
        Heard::GoesBack(_) => (Money::ZERO, received.amount),
    };
    let movement = CashMovement {
        channel: received.channel.as_str().to_owned(),
        way: Way::Payment.as_str().to_owned(),
        name: match received.order {
            0 => received.transaction.clone(),
            order => name::of_order(bill, order),
        },
        reference: received.transaction.clone(),
        bill_id: bill,
        day: Day::of(received.at).to_string(),
        amount: received.amount,
        recorded_at: now,
    };
    if !tx.insert_cash_movement(&movement).await? {
        let detail = format!("transaction `{}` was received for another bill", received.transaction);
        return Err(AppError::new(Code::ReconBreak, detail));
    }
    let arrived = Arrived { channel: received.channel, kept, rest, by: received.by };
    ledger::receive(tx, bill, arrived, now).await?;
    // At the counter the patient is there.
    if kept > Money::ZERO && received.channel.is_online() {
        notice::paid(tx, &till, now).await?;
    }
    for refund in till.refunds().iter().skip(planned) {
        notice::returned(tx, &till, refund, now).await?;
    }
    put(tx, row, &till, now).await?;
    tracing::info!(%bill, channel = received.channel.as_str(), ?heard, "money of a patient came in");
    Ok(till)
}

/// The patient has the money of a refund. A repetition changes nothing.
///
/// # Errors
/// `RECON_BREAK` if it failed before, or its reference is known of another refund.
pub(super) async fn gave(
    tx: &TenantTx,
    stored: Stored,
    number: u32,
    (reference, at): (&str, Instant),
    (by, now): (Option<xinglin_domain::id::AccountId>, Instant),
) -> AppResult<Till> {
    let Stored { row, till } = stored;
    if till.refund(number).is_some_and(|refund| matches!(refund.stage, Stage::Done { .. })) {
        return Ok(till);
    }
    let till = till.refunded(number, reference, at, now)?;
    let bill = till.bill();
    let refund = till.refund(number).cloned().ok_or_else(|| AppError::internal("a refund that is not there"))?;
    let movement = CashMovement {
        channel: refund.channel.as_str().to_owned(),
        way: Way::Refund.as_str().to_owned(),
        name: name::of_refund(bill, number),
        reference: reference.to_owned(),
        bill_id: bill,
        day: Day::of(at).to_string(),
        amount: refund.amount,
        recorded_at: now,
    };
    if !tx.insert_cash_movement(&movement).await? {
        let detail = format!("refund `{reference}` was carried out for another one");
        return Err(AppError::new(Code::ReconBreak, detail));
    }
    ledger::repay(tx, bill, (refund.channel, refund.amount), by, now).await?;
    put(tx, row, &till, now).await?;
    tracing::info!(%bill, channel = refund.channel.as_str(), number, "money of a patient went back");
    Ok(till)
}
