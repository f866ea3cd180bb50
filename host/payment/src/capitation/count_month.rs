use xinglin_care::pathway::Occasion;
use xinglin_domain::{
    capitation::{MemberMonths, year::Year},
    ledger::Period as Month,
    time::{Day, Instant},
};
use xinglin_extensions::{Extensions, call::Calls, install};
use xinglin_platform::{AppError, AppResult, work};
use xinglin_runtime::Interface;
use xinglin_store::{CapitationContract, CapitationYear, Tenant, Work};

use super::{Lead, contract_of, lock, put_year, undecided, year_of};

/// The id of the work that counts the months of a lead.
pub(super) fn work_id(lead: &Lead) -> String {
    format!("month/{}", lead.lane())
}

/// One step: the budget of what is counted, or else the next month that is over. A host that was down for
/// months takes them one after the other, each once: the month is counted with its number, in the
/// transaction that moves the contract on.
pub(super) async fn count_month(
    extensions: &Extensions,
    work: &Work,
    lead: &Lead,
    occasion: &Occasion,
) -> AppResult<()> {
    let records = extensions.platform.store().tenant(work.tenant);
    for row in records.list_capitation_years().await? {
        if (row.plugin.as_str(), row.lead.as_str()) == lead.key() {
            let (row, year) = year_of(&records, lead, narrow(row.year)?, occasion.now).await?;
            if year.is_stale() && year.end().is_none() {
                return accrue(extensions, &records, work, lead, (row, year), occasion).await;
            }
        }
    }
    let (_, contract) = contract_of(&records, lead).await?;
    if !contract.next.is_over(Day::of(occasion.now)) {
        return work::postpone(&records, work, due(contract.next)).await;
    }
    count(&records, work, lead, occasion.now).await
}

/// When a month is over.
fn due(month: Month) -> Instant {
    month.last().next().start()
}

fn narrow(year: i64) -> AppResult<i16> {
    i16::try_from(year).map_err(AppError::internal)
}

async fn count(records: &Tenant, work: &Work, lead: &Lead, now: Instant) -> AppResult<()> {
    let tx = records.begin().await?;
    lock(&tx, lead).await?;
    let (row, mut contract) = contract_of(&tx, lead).await?;
    let month = contract.next;
    let start = month.first().start();
    let (year_row, mut year) = year_of(&tx, lead, start.china_year(), now).await?;
    let members = tx.count_month(lead.key(), &month.to_string(), start).await?;
    year.count(month)?;
    put_year(&tx, year_row, &year, now).await?;
    contract.next = month.next();
    let body = serde_json::to_value(&contract).map_err(AppError::internal)?;
    tx.put_capitation_contract(&CapitationContract { body, updated_at: now, ..row }).await?;
    // The budget of it comes next.
    if !tx.put_off_work(work, now).await? {
        return Ok(());
    }
    tx.commit().await?;
    tracing::info!(lead = lead.lane(), %month, members, "members were counted");
    Ok(())
}

async fn accrue(
    extensions: &Extensions,
    records: &Tenant,
    work: &Work,
    lead: &Lead,
    (row, year): (CapitationYear, Year),
    occasion: &Occasion,
) -> AppResult<()> {
    let (first, last) = (format!("{:04}-01", year.number()), format!("{:04}-12", year.number()));
    let sums = records.sum_member_months(lead.key(), &first, &last).await?;
    let months = sums
        .into_iter()
        .map(|(class, count)| {
            let risk_class = serde_json::from_str(&class).map_err(AppError::internal)?;
            Ok(MemberMonths { risk_class, months: u32::try_from(count).map_err(AppError::internal)? })
        })
        .collect::<AppResult<Vec<_>>>()?;
    let (install, plugin) = install::one_playing(extensions, records, &lead.plugin, Interface::Capitation).await?;
    let mut calls = Calls::new(extensions, records.id(), &occasion.request_id, occasion.now).about(lead.lane());
    let context = calls.context(&install, &plugin)?;
    let call = extensions.runtime().accrue_budget(&plugin, context, &year.period(), &months).await;
    let budget = calls.took(&install, call).await?.map_err(|error| undecided(&error))?;
    let tx = records.begin().await?;
    lock(&tx, lead).await?;
    // Counted out of meanwhile: once more, later.
    let (now_row, mut year) = year_of(&tx, lead, year.number(), occasion.now).await?;
    let is_same = now_row.version == row.version;
    if is_same {
        year.accrue(months, budget)?;
        put_year(&tx, now_row, &year, occasion.now).await?;
        calls.write(&tx).await?;
    }
    if !tx.put_off_work(work, occasion.now).await? {
        return Ok(());
    }
    Ok(tx.commit().await?)
}
