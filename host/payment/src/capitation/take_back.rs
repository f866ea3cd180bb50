use xinglin_domain::{id::BillId, money::Money, time::Instant};
use xinglin_platform::{AppError, AppResult};
use xinglin_store::{CapitationUse, TenantTx};

use super::{
    Lead,
    charge_bill::{back, lock_bill, standing_use},
    contract_of, lock, open_year_of, put_year,
};

/// Takes what was charged of a bill off its year, in the transaction in which the fund has taken its share
/// back, before its contra entries: they take back the entry in the books too. Exactly what was charged;
/// the scheme is not asked. What is not charged yet will not be: nothing is owed of the bill any more.
pub(crate) async fn take_back(tx: &TenantTx, bill: BillId, payer: &str, now: Instant) -> AppResult<()> {
    lock_bill(tx, bill).await?;
    let (key, Some(used)) = standing_use(tx, bill).await? else { return Ok(()) };
    let key = back(&key);
    let lead = Lead { plugin: used.plugin.clone(), lead: used.lead.clone() };
    lock(tx, &lead).await?;
    let charged_to = match used.body["payer"].as_str() {
        Some(charged_to) => charged_to.to_owned(),
        // Charged by an earlier release.
        None => contract_of(tx, &lead).await?.1.payer,
    };
    if charged_to != payer {
        return Ok(());
    }
    let served_at = used.body["served_at"].as_i64().map_or(used.at, Instant::from_micros);
    let (row, mut year) = open_year_of(tx, &lead, served_at, now).await?;
    let less = |amount: Money| amount.negate().map_err(AppError::internal);
    let (fund, charged) = (less(used.fund)?, less(used.charged)?);
    year.charge(charged)?;
    let number = i64::from(year.number());
    tx.insert_capitation_use(&CapitationUse { key, year: number, fund, charged, at: now, ..used }).await?;
    put_year(tx, row, &year, now).await
}
