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
use xinglin_store::TenantTx;

use super::channel::Settings;
use crate::{ledger, till};

/// The patient's share of a bill is due, now that its payers have settled and it is in the books; if there is one.
/// It can be paid until the shortest term of the channels that the hospital has; without any, at the counter, as
/// long as the order stands. If the bill is settled anew, it is another amount.
pub(crate) async fn due(tx: &TenantTx, charge: &Charge, now: Instant) -> AppResult<()> {
    if till::take(tx, charge.id()).await?.is_some() {
        return ledger::update_share(tx, charge.id(), now).await;
    }
    let amount = charge.allocation().map_or(Money::ZERO, |allocation| allocation.part(Source::Cash));
    if amount <= Money::ZERO {
        return Ok(());
    }
    let channels = tx.list_cash_channels().await?;
    let channels = channels.iter().map(Settings::read).collect::<AppResult<Vec<_>>>()?;
    let terms = channels.iter().filter(|channel| channel.enabled).map(|channel| channel.pay_within_minutes);
    // What a refund has left was handed out, and does not lapse.
    let terms = terms.filter(|_| charge.replaced().is_empty());
    let until = terms.min().map(|minutes| now.plus_minutes(minutes.into()));
    let owed = Owed { bill: charge.id(), tenant: charge.tenant(), patient: charge.patient(), amount };
    till::insert(tx, &Till::from(Cash::due(owed, until, now)?), now).await
}
