use xinglin_domain::{access::Action, id::InsuranceRequestId};
use xinglin_extensions::Extensions;
use xinglin_platform::{AppError, AppResult, Caller, boxed, document::Stored};

use super::{RequestView, load, request_guarantee::asked, send, update};
use crate::insurer;

/// Gives a guarantee of payment back, granted or not decided yet. What the insurer refuses to take back, since
/// a claim rests on it, stands.
///
/// # Errors
/// `PAY_STATE` of anything else.
#[boxed]
pub async fn cancel(extensions: &Extensions, caller: &Caller, id: InsuranceRequestId) -> AppResult<RequestView> {
    caller.may(Action::AskInsurer)?;
    let records = extensions.platform.records(caller);
    let Stored { row, value } = load(&records, id).await?;
    caller.may_act_on(value.patient, "insurance request", id)?;
    let insurer = insurer::find(extensions, &records, &value.payer, send::role_of(&value.ask)).await?;
    let now = extensions.platform.now();
    let cancelling = value.cancel(now).map_err(|error| AppError::new(error.code(), error.to_string()))?;
    let tx = records.begin().await?;
    let row = update(&tx, row, &cancelling, now).await?;
    asked(extensions, caller, tx, (row, cancelling), &insurer).await
}
