//! Notices to a patient of what became of their money. They name no medicine: others may read along.

use serde_json::json;
use xinglin_domain::{billing::Charge, time::Instant};
use xinglin_platform::{AppResult, ambient};
use xinglin_store::TenantTx;

/// The order is cancelled, as the prescription expired before it was dispensed.
pub(super) async fn expired(tx: &TenantTx, charge: &Charge, now: Instant) -> AppResult<()> {
    let zh = "您的处方已过有效期，药品未发出，订单已取消；已付款项将原路退回，无需您操作。";
    let en = "Your prescription has expired before the medicines were dispensed. The order is cancelled and what \
              was paid is refunded; you need not do anything.";
    tell(tx, charge, "expired", (zh, en), now).await
}

/// What was paid is refunded. Of figures that the patient never agreed to, nothing was paid.
pub(super) async fn refunded(tx: &TenantTx, charge: &Charge, now: Instant) -> AppResult<()> {
    if charge.has_drifted() {
        return Ok(());
    }
    let zh = "您的订单已退款，款项原路退回。";
    let en = "Your order was refunded, to where it was paid from.";
    tell(tx, charge, "refunded", (zh, en), now).await
}

/// The payer did not take the settlement back.
pub(super) async fn not_refunded(tx: &TenantTx, charge: &Charge, now: Instant) -> AppResult<()> {
    let zh = "您的订单暂未能退款：付款方未同意。医院将与其联系，如有疑问请联系医院。";
    let en = "Your order could not be refunded yet: the payer did not agree. The hospital is in touch with it; ask the \
              hospital if you have any doubt.";
    tell(tx, charge, "not-refunded", (zh, en), now).await
}

/// Once for a bill and an occasion.
async fn tell(tx: &TenantTx, charge: &Charge, occasion: &str, (zh, en): (&str, &str), now: Instant) -> AppResult<()> {
    let message = xinglin_store::Message {
        id: format!("msg-{:032x}", ambient::fresh_id()),
        patient_id: charge.patient().to_string(),
        dedupe_key: format!("{}/{occasion}", charge.id()),
        body: json!({
            "kind": "notice",
            "text": [{ "language": "zh-CN", "text": zh }, { "language": "en", "text": en }],
            "charge": charge.id(), "occasion": occasion,
        }),
        created_at: now,
        read_at: None,
    };
    tx.insert_message(&message).await?;
    Ok(())
}
