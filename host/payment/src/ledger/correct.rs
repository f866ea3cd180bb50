use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    id::TransactionId,
    ledger::{Book, LedgerError},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, settings::settings};

use super::{
    TransactionView, load_to_post,
    post::{may_change, posted},
    read, stamp_now,
};

/// A correction.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Correct {
    /// What was wrong.
    pub reason: String,
}

/// Takes a transaction back by its contra entry, on the first open day. What replaces it is posted
/// separately.
///
/// # Errors
/// `PAY_ALREADY_REVERSED` the second time, or of a contra entry; `PAY_STATE` for what only the
/// reversal of its bill takes back, or if it changes what the patient owes of a bill that is not settled at this moment; `LEDGER_APPROVAL` for one's own above the limit for one person; `BODY_INVALID` without a reason; `REFUND_EXCEEDS` if what was
/// booked later of the bill rests on it.
#[boxed]
pub async fn correct(
    platform: &Platform,
    caller: &Caller,
    id: TransactionId,
    ask: Correct,
) -> AppResult<TransactionView> {
    caller.may(Action::CorrectLedger)?;
    let reason = ask.reason.trim();
    if reason.is_empty() {
        return Err(AppError::new(Code::BodyInvalid, "`reason` is missing").with("path", "reason"));
    }
    let tx = platform.records(caller).begin().await?;
    let original = read(tx.get_transaction(id).await?)?;
    if original.reverses().is_some() {
        return Err(LedgerError::AlreadyReversed(id).into());
    }
    if original.kind().is_of_the_bill() {
        let detail = format!("a {} is taken back with its bill: reverse the bill", original.kind());
        return Err(AppError::new(Code::PayState, detail).with("bill", original.entry().bill));
    }
    // What is above the limit of one person is not taken back by that person either.
    let limit = settings(&tx).await?.money.two_persons_above;
    let own = original.entry().stamp.by == Some(caller.actor.account);
    if own && limit.is_some_and(|limit| original.amount().is_ok_and(|amount| amount > limit)) {
        return Err(AppError::new(Code::LedgerApproval, "it is your own, and above the limit for one person"));
    }
    let mut book = match original.entry().bill {
        Some(bill) => {
            caller.trail.saw(tx.get_document(bill).await?.patient_id.parse().map_err(AppError::internal)?);
            load_to_post(&tx, bill).await?
        }
        // Whether it was taken back before, the store knows.
        None => Book::load([original.clone()])?,
    };
    let stamp = stamp_now(&tx, caller.now, Some(caller.actor.account)).await?;
    let contra = original.contra(stamp(), Some(reason));
    may_change(&tx, &contra).await?;
    let view = TransactionView::from(&contra);
    let all = book.evened(vec![contra], stamp)?;
    posted(&tx, &mut book, all, caller.now).await?;
    tx.commit().await?;
    Ok(view)
}
