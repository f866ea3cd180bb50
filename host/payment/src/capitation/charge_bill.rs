use xinglin_care::pathway::Occasion;
use xinglin_domain::{
    billing::Charge,
    capitation::{Consumption, Place, year::Contract},
    consent::Purpose,
    id::BillId,
    ledger::{Account, Book, Entry, Kind, Transaction},
    money::Money,
    time::Instant,
};
use xinglin_extensions::{Extensions, call::Calls, install};
use xinglin_platform::{AppError, AppResult, document::Stored, work};
use xinglin_runtime::Interface;
use xinglin_store::{CapitationMember, CapitationUse, Executor, Queue, TenantScope, TenantTx, Work};

use super::{Lead, chosen, contract_of, lock, open_year_of, patient_of, put_year, undecided};
use crate::ledger;

const PREFIX: &str = "use/";

/// The id of the work that charges a bill.
pub(super) fn work_id(bill: BillId) -> String {
    format!("{PREFIX}{bill}")
}

/// The bill of a piece of work, if it is of one.
pub(super) fn bill_of(work: &Work) -> AppResult<Option<BillId>> {
    work.id.strip_prefix(PREFIX).map(str::parse).transpose().map_err(AppError::internal)
}

/// Has the fund's share of a bill charged to the member's lead, if the patient is one, by the job. In the
/// transaction that settles it.
pub(crate) async fn charge_later(tx: &TenantTx, charge: &Charge, now: Instant) -> AppResult<()> {
    let memberships = tx.list_memberships(&charge.patient().to_string()).await?;
    let works: Vec<Work> = at(&memberships, charge.bill().served_at)
        .take(1)
        .map(|member| {
            let lead = Lead { plugin: member.plugin.clone(), lead: member.lead.clone() };
            Work::new(Queue::Capitation, work_id(charge.id()), lead.lane(), now)
        })
        .collect();
    Ok(tx.put_work(&works).await?)
}

/// What a patient was a member of at a moment. Of several schemes, the first by its plugin is asked.
fn at(memberships: &[CapitationMember], moment: Instant) -> impl Iterator<Item = &CapitationMember> {
    let mut found: Vec<_> = memberships
        .iter()
        .filter(|member| member.since <= moment && member.until.is_none_or(|until| moment < until))
        .collect();
    found.sort_by(|one, other| one.plugin.cmp(&other.plugin));
    found.into_iter()
}

/// Held by whoever charges a bill, or takes it back.
pub(super) async fn lock_bill(tx: &TenantTx, bill: BillId) -> AppResult<()> {
    Ok(tx.lock(&format!("capitation/{bill}")).await?)
}

/// What was charged of a bill and is not taken back, with its key; or the key of what is charged next. A bill that was
/// settled anew, since a part was given back, is charged anew.
pub(super) async fn standing_use<E: Executor>(
    records: &TenantScope<E>,
    bill: BillId,
) -> AppResult<(String, Option<CapitationUse>)> {
    let mut key = bill.to_string();
    for next in 2_u32.. {
        let used = records.find_capitation_use(&key).await?;
        if used.is_none() || records.find_capitation_use(&back(&key)).await?.is_none() {
            return Ok((key, used));
        }
        key = format!("{bill}/{next}");
    }
    Err(AppError::internal("a bill that is settled anew for ever"))
}

/// The key of what takes a use back.
pub(super) fn back(key: &str) -> String {
    format!("{key}/back")
}

/// What the fund still owes of a bill, and the payer that settled it.
async fn share<E: Executor>(records: &TenantScope<E>, bill: BillId) -> AppResult<(Book, Money, Option<String>)> {
    let book = ledger::load(records, bill).await?;
    let balance = book.trial_balance().map_err(AppError::internal)?;
    let owed = balance.get(&Account::BasicFundReceivable).copied().unwrap_or_default();
    let owed = owed.balance().map_err(AppError::internal)?;
    let settled = |transaction: &&Transaction| {
        matches!(transaction.kind(), Kind::Settlement | Kind::Transfer)
            && transaction.postings().iter().any(|posting| posting.account == Account::BasicFundReceivable)
    };
    let payer = book.transactions().iter().rev().find(settled).and_then(|it| it.entry().payer.clone());
    Ok((book, owed, payer))
}

/// Asks the scheme what of a bill is charged, and books it.
pub(super) async fn charge_bill(
    extensions: &Extensions,
    work: &Work,
    lead: &Lead,
    id: BillId,
    occasion: &Occasion,
) -> AppResult<()> {
    let (records, now) = (extensions.platform.store().tenant(work.tenant), occasion.now);
    let row = match records.get_document(id).await {
        Ok(row) => row,
        Err(xinglin_store::StoreError::NotFound { .. }) => return work::finish(&records, work).await,
        Err(error) => return Err(error.into()),
    };
    let Stored { row, value: charge } = Stored::<_, Charge>::try_from(row)?;
    let (_, contract) = contract_of(&records, lead).await?;
    let memberships = records.list_memberships(&row.patient_id).await?;
    let member = at(&memberships, charge.bill().served_at)
        .find(|member| (member.plugin.as_str(), member.lead.as_str()) == lead.key());
    let (_, fund, payer) = share(&records, id).await?;
    let is_of_fund = payer.as_deref() == Some(contract.payer.as_str()) && fund > Money::ZERO;
    let (Some(member), true) = (member, is_of_fund) else { return work::finish(&records, work).await };
    if standing_use(&records, id).await?.1.is_some() {
        return work::finish(&records, work).await;
    }
    let here = records.id().to_string();
    let consumption = Consumption {
        bill: id.to_string(),
        served_at: charge.bill().served_at,
        place: place(&contract, member, &here)?,
        institution: here,
        lead: lead.lead.clone(),
        diagnoses: charge.bill().diagnoses.clone(),
        fund,
    };
    let (install, plugin) = install::one_playing(extensions, &records, &lead.plugin, Interface::Capitation).await?;
    let mut calls = Calls::new(extensions, records.id(), &occasion.request_id, now)
        .of(patient_of(member)?, Purpose::Payment)
        .about(id);
    let context = calls.context(&install, &plugin)?;
    let call = extensions.runtime().charge_budget(&plugin, context, &consumption).await;
    let charged = calls.took(&install, call).await?.map_err(|error| undecided(&error))?;

    let tx = records.begin().await?;
    lock_bill(&tx, id).await?;
    tx.lock_money(id).await?;
    lock(&tx, lead).await?;
    let (key, _) = standing_use(&tx, id).await?;
    let (mut book, owed, _) = share(&tx, id).await?;
    if owed != fund {
        // It was taken back, or paid, meanwhile: looked at again.
        return Err(AppError::new(xinglin_domain::code::Code::VersionConflict, "the bill has changed meanwhile"));
    }
    if charged > Money::ZERO {
        let stamp = ledger::stamp_now(&tx, now, None).await?();
        let doctor = ledger::doctor_of(&tx, id).await?;
        let entry = Entry { stamp, bill: Some(id), payer: Some(contract.payer.clone()), doctor };
        let booked = Transaction::capitation_consumption(entry, charged)?;
        ledger::put(&tx, &mut book, vec![booked]).await?;
    }
    let mut body = serde_json::to_value(&consumption).map_err(AppError::internal)?;
    // The contract may name another fund by the time it is taken back.
    body["payer"] = contract.payer.as_str().into();
    let (year_row, mut year) = open_year_of(&tx, lead, consumption.served_at, now).await?;
    year.charge(charged)?;
    tx.insert_capitation_use(&CapitationUse {
        key,
        plugin: lead.plugin.clone(),
        lead: lead.lead.clone(),
        year: i64::from(year.number()),
        patient_id: Some(row.patient_id.clone()),
        bill: Some(id),
        fund,
        charged,
        body,
        at: now,
    })
    .await?;
    put_year(&tx, year_row, &year, now).await?;
    calls.write(&tx).await?;
    if !tx.finish_work(work).await? {
        return Ok(());
    }
    Ok(tx.commit().await?)
}

/// Where an institution stands to a member.
pub(super) fn place(contract: &Contract, member: &CapitationMember, institution: &str) -> AppResult<Place> {
    Ok(if contract.lead.id == institution {
        Place::Lead
    } else if chosen(member)?.partners.iter().any(|partner| partner == institution) {
        Place::Partner
    } else {
        Place::Elsewhere
    })
}
