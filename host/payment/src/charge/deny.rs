use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    billing::{
        Act, Charge,
        claim::{Denial, Settled},
    },
    code::Code,
    id::{BillId, TransactionId},
    money::Money,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, document::Stored};

use super::{load, update};
use crate::ledger::{self, TransactionView};

/// What an insurer denied of a line after it had settled.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDenial {
    /// `txn-…`, drawn by the caller: under the same id nothing is booked twice.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub id: Option<TransactionId>,
    /// Id of the insurer's plugin.
    pub payer: String,
    /// Number of the line.
    pub line: u32,
    /// How much of it, in fen: at most what the insurer pays of the line.
    #[schema(value_type = i64)]
    pub amount_fen: Money,
    /// Why, and upon which document of the insurer. No names of patients.
    pub reason: String,
}

/// Books that an insurer denies a line that it had settled. It becomes the patient's balance only if the patient
/// undertook beforehand to pay it; otherwise the provider writes it off. If an appeal is granted later, `correct`
/// takes this back.
///
/// # Errors
/// `PAY_STATE` of a bill that is not settled; `BODY_INVALID` of an unknown payer or line, or without a reason;
/// `REFUND_EXCEEDS` for more than the insurer pays of the line, or still owes of the bill.
#[boxed]
pub async fn deny(platform: &Platform, caller: &Caller, id: BillId, new: NewDenial) -> AppResult<TransactionView> {
    caller.may(Action::ObjectToInsurer)?;
    let records = platform.records(caller);
    let Stored { row, value } = load(&records, id).await?;
    caller.trail.saw(value.patient());
    let settled = value.expecting::<Settled>(Act::Deny)?;
    let reason = new.reason.trim();
    if reason.is_empty() {
        return Err(AppError::new(Code::BodyInvalid, "`reason` is missing").with("path", "reason"));
    }
    let tx = records.begin().await?;
    tx.lock_money(id).await?;
    let denial = Denial {
        transaction: new.id.unwrap_or_else(ledger::fresh),
        payer: new.payer.clone(),
        line: new.line,
        amount: new.amount_fen,
    };
    let transaction = denial.transaction;
    ledger::is_new(&tx, transaction).await?;
    let reversed = ledger::reversed(&tx, id).await?;
    let settled = settled.deny(denial, |transaction| reversed.contains(&transaction))?;
    let charge = Charge::from(settled);
    let undertaken = charge.has_undertaken(new.line);
    update(&tx, row, &charge, caller.now).await?;
    let who = (id, new.payer.as_str(), caller.actor.account);
    let booked = ledger::book_denial(&tx, who, (transaction, new.amount_fen, undertaken, reason), caller.now).await?;
    ledger::update_share(&tx, id, caller.now).await?;
    tx.commit().await?;
    Ok(TransactionView::from(&booked))
}
