//! Notices to a patient that a prescription of theirs can be used no more.

use serde_json::json;
use xinglin_domain::{
    id::{BillId, PatientId, PrescriptionId},
    time::Instant,
};
use xinglin_platform::AppResult;
use xinglin_records::{
    notice::{self, Notice, Weight},
    patient,
};
use xinglin_store::TenantTx;

/// Why a signed prescription can be used no more, though nobody withdrew it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Its time is over.
    Expired,
    /// It [can never be used](super::is_void), though its time is not over.
    Cancelled,
}

/// Tells the patient, once for a prescription; `paid` is the bill of an order that was paid: it is
/// refunded. Who has died is told nothing.
///
/// # Errors
/// If the store fails.
pub async fn tell_ended(
    tx: &TenantTx,
    (id, of): (PrescriptionId, PatientId),
    (ending, paid): (Ending, Option<BillId>),
    now: Instant,
) -> AppResult<()> {
    if patient::has_died(tx, of).await? {
        return Ok(());
    }
    let text = match (ending, paid.is_some()) {
        (Ending::Expired, true) => [
            "您的处方已过有效期，药品未发出，订单已取消；已付款项将原路退回，无需您操作。",
            "Your prescription has expired before the medicines were dispensed. The order is cancelled and what was paid \
             is refunded; you need not do anything.",
        ],
        (Ending::Expired, false) => [
            "您有一张处方已过有效期，不能再使用。如仍需用药，请联系医生。",
            "A prescription of yours has expired and can be used no more. If you still need it, ask your doctor.",
        ],
        (Ending::Cancelled, true) => [
            "您有一张处方已被医院停用，订单已取消；已付款项将原路退回，无需您操作。如有疑问请联系医院。",
            "The hospital has cancelled a prescription of yours and the order. What was paid is refunded; you need not do \
             anything. Ask the hospital if you have any doubt.",
        ],
        (Ending::Cancelled, false) => [
            "您有一张处方已被医院停用，不能再使用。如有疑问请联系医院。",
            "The hospital has cancelled a prescription of yours; it can be used no more. Ask the hospital if you have any \
             doubt.",
        ],
    };
    let occasion = match ending {
        Ending::Expired => "expired",
        Ending::Cancelled => "cancelled",
    };
    let notice = Notice {
        patient: of,
        key: format!("{id}/ended"),
        text,
        about: json!({ "prescription": id, "charge": paid, "occasion": occasion }),
    };
    // Somebody may be taking what must not be taken any more.
    let weight = match ending {
        Ending::Expired => Weight::Ordinary,
        Ending::Cancelled => Weight::Urgent,
    };
    notice::tell_as(tx, notice, weight, now).await
}
