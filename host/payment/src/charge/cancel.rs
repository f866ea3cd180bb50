use xinglin_domain::{access::Action, id::BillId};
use xinglin_extensions::Extensions;
use xinglin_platform::{AppResult, Caller, boxed, document::Stored};

use super::{ChargeView, load, reverse::take_back};

/// Cancels a quote or an order, by the patient or who acts for them: what was paid is refunded as a
/// whole, as long as nothing was dispensed for it. If the payer cannot be called now, the refund
/// waits (`REVERSING`) and is carried out later; the patient is told.
///
/// # Errors
/// `PAY_LATER_FIRST` if a later bill was priced on what this one moved: cancel that one first;
/// `PAY_ALREADY_REVERSED`, `REFUND_DRUG_NOT_RETURNABLE`; `PAY_STATE` while the outcome of the payment is not
/// known, or an insurer is at another bill.
#[tracing::instrument(target = "xinglin::trace", name = "cancel_charge", skip_all)]
#[boxed]
pub async fn cancel(extensions: &Extensions, caller: &Caller, id: BillId) -> AppResult<ChargeView> {
    caller.may(Action::CancelCharge)?;
    let Stored { row, value } = load(&extensions.platform.records(caller), id).await?;
    caller.may_see(value.patient(), "bill", id)?;
    take_back(extensions, caller, row, value).await
}
