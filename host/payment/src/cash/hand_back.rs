use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    billing::cash::{Channel, Refund, Stage},
    code::Code,
    id::BillId,
    money::Money,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};

use super::{CashView, pay_at_counter::receipt, receive::gave, view};
use crate::till::taken;

/// Money that a cashier handed back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HandBack {
    /// How much, in fen: all that waits at the counter.
    #[schema(value_type = i64)]
    pub amount_fen: Money,
    /// Number of the patient's receipt, unique in the hospital: under the same number the same is
    /// recorded once.
    pub receipt: String,
}

/// A cashier records that money was handed back at the counter: what was paid there and is not owed any
/// more. Repeating it with the same receipt changes nothing.
///
/// # Errors
/// `REFUND_EXCEEDS` for another amount than what waits at the counter; `PAY_STATE` if nothing does.
#[boxed]
pub async fn hand_back(platform: &Platform, caller: &Caller, id: BillId, back: HandBack) -> AppResult<CashView> {
    caller.may(Action::CollectCash)?;
    let number = receipt(&back.receipt)?;
    let records = platform.records(caller);
    let row = records.get_document::<BillId>(id).await?;
    caller.trail.saw(row.patient_id.parse().map_err(AppError::internal)?);
    let now = platform.now();
    let tx = records.begin().await?;
    let mut stored = taken(&tx, id).await?;
    let at_counter = |refund: &&Refund| refund.channel == Channel::Counter;
    let of_receipt = |refund: &&Refund| {
        matches!(&refund.stage, Stage::Done { reference, .. } if *reference == number
            || reference.strip_prefix(&number).is_some_and(|rest| rest.starts_with('#')))
    };
    let sum =
        |refunds: Vec<&Refund>| Money::sum(refunds.iter().map(|refund| refund.amount)).map_err(AppError::internal);
    let done = sum(stored.till.refunds().iter().filter(at_counter).filter(of_receipt).collect())?;
    if done > Money::ZERO {
        return match done == back.amount_fen {
            true => Ok(view::view(&stored.till)),
            false => Err(AppError::new(Code::PayIdempotencyConflict, "the receipt is known with another amount")),
        };
    }
    let waiting: Vec<Refund> =
        stored.till.refunds().iter().filter(at_counter).filter(|refund| refund.is_pending()).cloned().collect();
    let owed = sum(waiting.iter().collect())?;
    if waiting.is_empty() {
        return Err(AppError::new(Code::PayState, "nothing is to be handed back"));
    }
    if owed != back.amount_fen {
        let detail = format!("{} fen are to be handed back", owed.as_fen());
        return Err(AppError::new(Code::RefundExceeds, detail).with("owed_fen", owed));
    }
    for (place, refund) in waiting.iter().enumerate() {
        // A reference is of one refund.
        let reference = if place == 0 { number.clone() } else { format!("{number}#{place}") };
        gave(&tx, stored, refund.number, (&reference, now), (Some(caller.actor.account), now)).await?;
        stored = taken(&tx, id).await?;
    }
    tx.commit().await?;
    Ok(view::view(&stored.till))
}
