//! Notices to a patient of what became of their money.

use serde_json::json;
use xinglin_domain::{billing::Charge, time::Instant};
use xinglin_platform::AppResult;
use xinglin_records::notice::{self, Notice};
use xinglin_store::TenantTx;

/// What was paid is refunded. Of figures that the patient never agreed to, nothing was paid.
pub(super) async fn refunded(tx: &TenantTx, charge: &Charge, now: Instant) -> AppResult<()> {
    if charge.has_drifted() {
        return Ok(());
    }
    let zh = "您的订单已退款，款项原路退回。";
    let en = "Your order was refunded, to where it was paid from.";
    tell(tx, charge, "refunded", [zh, en], now).await
}

/// Some of what was paid is refunded, by this name.
pub(super) async fn refunded_in_part(tx: &TenantTx, charge: &Charge, key: &str, now: Instant) -> AppResult<()> {
    let zh = "您的订单已部分退款，款项原路退回；剩余部分的金额请查看账单。";
    let en = "Your order was refunded in part, to where it was paid from; the bill shows what is left.";
    let notice = Notice {
        patient: charge.patient(),
        key: format!("{}/refunded-in-part/{key}", charge.id()),
        text: [zh, en],
        about: json!({ "charge": charge.id(), "occasion": "refunded-in-part", "refund": key }),
    };
    notice::tell(tx, notice, now).await
}

/// What is left after a refund would cost the patient more than before: it is theirs to agree.
pub(super) async fn offered(tx: &TenantTx, charge: &Charge, now: Instant) -> AppResult<()> {
    let zh = "您的订单部分退款后，剩余部分按支付方的计算需由您多付；未经您同意不会收取，请查看账单并确认。";
    let en = "After the refund of a part of your order, you would have to pay more for what is left, as its payers \
              calculate. It is not taken unless you agree: see the bill, and confirm it.";
    let key = format!("offered/{}", charge.attempts());
    tell(tx, charge, &key, [zh, en], now).await
}

/// The payer did not take the settlement back.
pub(super) async fn not_refunded(tx: &TenantTx, charge: &Charge, now: Instant) -> AppResult<()> {
    let zh = "您的订单暂未能退款：付款方未同意。医院将与其联系，如有疑问请联系医院。";
    let en = "Your order could not be refunded yet: the payer did not agree. The hospital is in touch with it; ask the \
              hospital if you have any doubt.";
    tell(tx, charge, "not-refunded", [zh, en], now).await
}

/// An insurer decided anew, so that the patient owes less, or is owed money.
pub(super) async fn decided_anew(tx: &TenantTx, charge: &Charge, reference: &str, now: Instant) -> AppResult<()> {
    let zh = "保险公司重新裁定了您的账单，您应付的金额已更新；多付的款项由医院退还。";
    let en = "The insurer decided your bill anew; what you owe has changed, and the hospital returns what you paid beyond \
              it.";
    tell(tx, charge, &format!("decided-anew/{reference}"), [zh, en], now).await
}

/// Once for a bill and an occasion.
async fn tell(tx: &TenantTx, charge: &Charge, occasion: &str, text: [&str; 2], now: Instant) -> AppResult<()> {
    let notice = Notice {
        patient: charge.patient(),
        key: format!("{}/{occasion}", charge.id()),
        text,
        about: json!({ "charge": charge.id(), "occasion": occasion }),
    };
    notice::tell(tx, notice, now).await
}
