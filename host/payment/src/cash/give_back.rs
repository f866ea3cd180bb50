use xinglin_domain::{billing::cash::Till, id::BillId, time::Instant};
use xinglin_platform::AppResult;
use xinglin_store::TenantTx;

use super::notice;
use crate::till::{put, take};

/// The bill was taken back: what the patient paid goes back by the way that it came, and what was not
/// paid is not due any more. An order that is still open is closed by the job; what is paid for it meanwhile
/// goes back. Returns whether it was the time to pay that was over, of which the patient is told.
pub(crate) async fn give_back(tx: &TenantTx, bill: BillId, now: Instant) -> AppResult<bool> {
    let Some(stored) = take(tx, bill).await? else { return Ok(false) };
    let (till, over) = match stored.till {
        Till::Due(due) => {
            let over = due.state().until.is_some_and(|until| until <= now);
            (due.lapse(now)?, over)
        }
        Till::Paid(paid) => (paid.give_back(now)?.into(), false),
        Till::Refunding(_) | Till::Refunded(_) | Till::Lapsed(_) => return Ok(false),
    };
    if over {
        notice::lapsed(tx, &till, now).await?;
    }
    put(tx, stored.row, &till, now).await?;
    Ok(over)
}
