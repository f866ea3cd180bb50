use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    billing::cash::{Channel, Received},
    code::Code,
    id::BillId,
    money::Money,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};

use super::{
    CashView,
    open::{close_open, is_due, settled},
    receive::receive,
    view,
};
use crate::{
    ledger,
    till::{take, taken},
};

/// Money that a cashier took.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PayAtCounter {
    /// How much, in fen.
    #[schema(value_type = i64)]
    pub amount_fen: Money,
    /// Number of the receipt, unique in the hospital: under the same number the same is recorded once.
    pub receipt: String,
}

/// The number of a receipt, if it is one.
pub(super) fn receipt(text: &str) -> AppResult<String> {
    let good = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    match good {
        true => Ok(text.to_owned()),
        false => {
            Err(AppError::new(Code::BodyInvalid, "receipt: 1 to 64 letters, digits and signs").with("path", "receipt"))
        }
    }
}

/// A cashier records money that was taken at the counter. Repeating it with the same receipt changes
/// nothing. What is more than is due is to be [handed back](super::hand_back).
///
/// # Errors
/// `PAY_STATE` if nothing is due, or the time to pay is over; `MONEY_INVALID` for less than is due; `RECON_BREAK`
/// for a receipt that is known with another amount.
#[boxed]
pub async fn pay_at_counter(
    platform: &Platform,
    caller: &Caller,
    id: BillId,
    paid: PayAtCounter,
) -> AppResult<CashView> {
    caller.may(Action::CollectCash)?;
    let transaction = receipt(&paid.receipt)?;
    let records = platform.records(caller);
    let row = records.get_document::<BillId>(id).await?;
    caller.trail.saw(row.patient_id.parse().map_err(AppError::internal)?);
    close_open(platform, caller, id).await?;
    let now = platform.now();
    let tx = records.begin().await?;
    let known = |received: &&Received| received.channel == Channel::Counter && received.transaction == transaction;
    let before = take(&tx, id).await?;
    if before.is_none_or(|before| before.till.received().iter().find(known).is_none()) {
        settled(&tx, id).await?;
        // It may be from before shares were kept.
        ledger::update_share(&tx, id, now).await?;
        let stored = taken(&tx, id).await?;
        // Money that cannot be kept is not taken.
        is_due(stored.till.clone())?.at_the_counter(now)?;
        let outstanding = stored.till.outstanding().map_err(AppError::internal)?;
        if paid.amount_fen < outstanding {
            let detail = format!("{} fen are due", outstanding.as_fen());
            return Err(AppError::new(Code::MoneyInvalid, detail).with("due_fen", outstanding));
        }
    }
    let stored = taken(&tx, id).await?;
    let received = Received {
        channel: Channel::Counter,
        order: 0,
        transaction,
        amount: paid.amount_fen,
        at: now,
        by: Some(caller.actor.account),
    };
    let till = receive(&tx, stored, received, now).await?;
    tx.commit().await?;
    Ok(view::view(&till))
}
