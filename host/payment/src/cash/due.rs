use xinglin_domain::{
    billing::{
        Charge,
        cash::{Cash, Owed, Till},
    },
    money::Money,
    payer::Source,
    time::Instant,
};
use xinglin_platform::AppResult;
use xinglin_store::{CashRow, TenantTx};

use super::{channel::Settings, put, take};

/// The patient's share of a bill is due, now that its payers have settled; if there is one. It can be
/// paid until the shortest term of the channels that the hospital has; without any, at the counter, as long
/// as the order stands.
pub(crate) async fn due(tx: &TenantTx, charge: &Charge, now: Instant) -> AppResult<()> {
    let amount = charge.allocation().map_or(Money::ZERO, |allocation| allocation.part(Source::Cash));
    if amount <= Money::ZERO || take(tx, charge.id()).await?.is_some() {
        return Ok(());
    }
    let channels = tx.list_cash_channels().await?;
    let channels = channels.iter().map(Settings::read).collect::<AppResult<Vec<_>>>()?;
    let terms = channels.iter().filter(|channel| channel.enabled).map(|channel| channel.pay_within_minutes);
    let until = terms.min().map(|minutes| now.plus_minutes(minutes.into()));
    let owed = Owed { bill: charge.id(), tenant: charge.tenant(), patient: charge.patient(), amount };
    let till = Till::from(Cash::due(owed, until, now)?);
    let row = CashRow {
        bill_id: charge.id(),
        status: String::new(),
        to_return: 0,
        body: serde_json::Value::Null,
        version: 0,
        created_at: now,
        updated_at: now,
    };
    put(tx, row, &till, now).await
}
