use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    billing::{
        Act, Charge,
        claim::{Settled, Standing},
    },
    code::Code,
    id::BillId,
    money::Money,
};
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, boxed,
    document::{Stored, touch},
};

use super::load;
use crate::ledger::{self, TransactionView};

/// What an insurer denied of a line after it had settled.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDenial {
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
    let charge = Charge::from(value.expecting::<Settled>(Act::Deny)?);
    let invalid = |what: &str| AppError::new(Code::BodyInvalid, what.to_owned());
    let reason = new.reason.trim();
    if reason.is_empty() {
        return Err(invalid("`reason` is missing").with("path", "reason"));
    }
    let of_it = |standing: &&Standing| standing.share.payer() == new.payer;
    let decided = charge.standing().iter().find(of_it).and_then(|s| s.settlement.adjudication.insured.as_ref());
    let line = decided.and_then(|decided| decided.lines.iter().find(|line| line.number == new.line));
    let Some(line) = line else { return Err(invalid("the payer has decided no such line of the bill")) };
    if new.amount_fen > line.benefit {
        let detail = format!("the insurer pays {} of the line", line.benefit);
        return Err(AppError::new(Code::RefundExceeds, detail));
    }
    let undertaken = charge.has_undertaken(new.line);
    let tx = records.begin().await?;
    tx.lock_money(id).await?;
    touch(&tx, row, caller.now).await?;
    let who = (id, new.payer.as_str(), caller.actor.account);
    let booked = ledger::book_denial(&tx, who, (new.amount_fen, undertaken, reason), caller.now).await?;
    ledger::share(&tx, id, caller.now).await?;
    tx.commit().await?;
    Ok(TransactionView::from(&booked))
}
