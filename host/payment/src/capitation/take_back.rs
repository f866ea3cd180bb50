use xinglin_domain::{id::BillId, time::Instant};
use xinglin_platform::{AppError, AppResult};
use xinglin_store::{CapitationUse, Queue, TenantTx};

use super::{
    Lead,
    charge_bill::{lock_bill, work_id},
    lock, open_year_of, put_year,
};

/// Takes what was charged of a bill off its year, in the transaction that takes the bill back, before its
/// contra entries: they take back the entry in the books too. Exactly what was charged; the scheme is not
/// asked.
pub(crate) async fn take_back(tx: &TenantTx, bill: BillId, now: Instant) -> AppResult<()> {
    lock_bill(tx, bill).await?;
    tx.drop_work(Queue::Capitation, &work_id(bill)).await?;
    let key = format!("{bill}/back");
    let Some(used) = tx.find_capitation_use(&bill.to_string()).await? else { return Ok(()) };
    if tx.find_capitation_use(&key).await?.is_some() {
        return Ok(());
    }
    let lead = Lead { plugin: used.plugin.clone(), lead: used.lead.clone() };
    lock(tx, &lead).await?;
    let served_at = used.body["served_at"].as_i64().map_or(used.at, Instant::from_micros);
    let (row, mut year) = open_year_of(tx, &lead, served_at, now).await?;
    let less = |amount: xinglin_domain::money::Money| amount.negate().map_err(AppError::internal);
    let (fund, charged) = (less(used.fund)?, less(used.charged)?);
    year.charge(charged)?;
    let number = i64::from(year.number());
    tx.insert_capitation_use(&CapitationUse { key, year: number, fund, charged, at: now, ..used }).await?;
    put_year(tx, row, &year, now).await
}
