//! What the patient is told of their money. It names no medicine and no disease.

use serde_json::json;
use xinglin_domain::{
    billing::cash::{Refund, Till},
    time::Instant,
};
use xinglin_platform::AppResult;
use xinglin_records::notice::{self, Notice};
use xinglin_store::TenantTx;

/// The time to pay is over.
pub(super) async fn lapsed(tx: &TenantTx, till: &Till, now: Instant) -> AppResult<()> {
    let zh = "您的订单未在规定时间内付款，已取消。";
    let en = "Your order was not paid in time, and is cancelled.";
    tell(tx, till, ("lapsed", "lapsed"), [zh, en], now).await
}

/// The money is there.
pub(super) async fn paid(tx: &TenantTx, till: &Till, now: Instant) -> AppResult<()> {
    let zh = "已收到您的付款。";
    let en = "Your payment has arrived.";
    tell(tx, till, ("paid", "paid"), [zh, en], now).await
}

/// Money that is not owed goes back.
pub(super) async fn returned(tx: &TenantTx, till: &Till, refund: &Refund, now: Instant) -> AppResult<()> {
    let zh = "您多付的款项将原路退回。";
    let en = "What you paid beyond what you owe goes back, to where it was paid from.";
    let key = format!("returned/{}", refund.number);
    tell(tx, till, (&key, "returned"), [zh, en], now).await
}

/// Once for a share and a key.
async fn tell(
    tx: &TenantTx,
    till: &Till,
    (key, occasion): (&str, &str),
    text: [&str; 2],
    now: Instant,
) -> AppResult<()> {
    let notice = Notice {
        patient: till.patient(),
        key: format!("{}/cash/{key}", till.bill()),
        text,
        about: json!({ "charge": till.bill(), "occasion": occasion }),
    };
    notice::tell(tx, notice, now).await
}
