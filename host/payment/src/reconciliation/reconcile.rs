use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    id::{BillId, BreakId},
    insurance::{
        InsurerError, Period,
        reconciliation::{Entry, Remittance, Statement},
    },
    ledger::reconciliation::{
        Against, Found, Owed, Trace, by_bill, compare_bank, compare_claims, compare_remitted, owed, sums,
    },
    money::Money,
    time::Day,
};
use xinglin_extensions::{Extensions, call::Calls};
use xinglin_fhir::insurance::{Remitted, payment_notice, payment_reconciliation};
use xinglin_platform::{AppError, AppResult, Caller, ambient, boxed};
use xinglin_records::resource;
use xinglin_runtime::Interface;
use xinglin_store::{PayerClaim, PayerRemittance, ReconciliationBreak, Tenant, TenantTx};

use super::{BreakView, ClaimView};
use crate::{
    insurer::{self, Insurer},
    ledger, parties,
};

/// What to compare.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReconciliation {
    /// Id of the payer's plugin.
    pub payer: String,
    /// The first business day, in Asia/Shanghai.
    #[schema(value_type = String)]
    pub from: Day,
    /// The last one.
    #[schema(value_type = String)]
    pub to: Day,
    /// The payer's claim file of these days; if left out, its plugin is asked.
    #[serde(default)]
    pub claim_file: Option<Vec<FiledClaim>>,
    /// What the payer says it sent on these days; if left out, its plugin is asked.
    #[serde(default)]
    pub remittances: Option<Vec<NewRemittance>>,
    /// What the bank shows. Left out: the bank is not compared yet.
    #[serde(default)]
    pub bank: Option<Vec<BankLine>>,
}

/// A line of a payer's claim file.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FiledClaim {
    /// The payer's reference.
    pub reference: String,
    /// What it owes, in fen; below zero of what was taken back.
    #[schema(value_type = i64)]
    pub amount_fen: Money,
}

/// An advice of payment.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRemittance {
    /// Trace number under which the bank shows it.
    pub trace: String,
    /// The day on which it was sent.
    #[schema(value_type = String)]
    pub sent_on: Day,
    /// Sum of the claims and the adjustment, in fen.
    #[schema(value_type = i64)]
    pub amount_fen: Money,
    /// What was paid for each claim.
    pub claims: Vec<FiledClaim>,
    /// What belongs to no claim.
    #[serde(default)]
    #[schema(value_type = i64)]
    pub adjustment_fen: Money,
}

/// A line of the bank's statement.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BankLine {
    /// Trace number.
    pub trace: String,
    /// The bank's day.
    #[schema(value_type = String)]
    pub day: Day,
    /// How much arrived, in fen.
    #[schema(value_type = i64)]
    pub amount_fen: Money,
}

/// What was compared.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReconciliationView {
    /// What the payer owes by our ledger, of decisions of these days, in fen.
    #[schema(value_type = i64)]
    pub ledger_fen: Money,
    /// What its claim file says.
    #[schema(value_type = i64)]
    pub file_fen: Money,
    /// What arrived at the bank on these days.
    #[schema(value_type = i64)]
    pub bank_fen: Money,
    /// Claim by claim.
    pub claims: Vec<ClaimView>,
    /// Differences that are open.
    pub breaks: Vec<BreakView>,
}

/// The longest time of one comparison, in days: a month.
const LONGEST_DAYS: i64 = 31;

/// Most remittances of one comparison (`xinglin:payment@1.1`).
const MOST_REMITTANCES: usize = 1_000;

fn invalid(what: impl Into<String>) -> AppError {
    AppError::new(Code::BodyInvalid, what)
}

fn unavailable(error: &InsurerError) -> AppError {
    AppError::new(Code::PayUnavailable, "the payer cannot be asked for its books now: hand them in, or try later")
        .because(format!("{error:?}"))
}

/// What the payer's side says.
struct Theirs {
    file: BTreeMap<String, Money>,
    remittances: Vec<NewRemittance>,
}

/// Compares what a payer owes by our ledger with its claim file, and what it remitted with both and with the
/// bank, claim by claim. Money that arrived as advised is booked on its bills, once. Differences become
/// `RECON_BREAK` rows that the caller owns; one that is gone by now is resolved.
///
/// # Errors
/// `BODY_INVALID` of days that are no month or less, of references that come twice, or of sums that do not hold;
/// `PAY_UNAVAILABLE` if the payer cannot be asked for what was not handed in.
#[tracing::instrument(target = "xinglin::trace", name = "reconcile_payer", skip_all)]
#[boxed]
pub async fn reconcile(
    extensions: &Extensions,
    caller: &Caller,
    new: NewReconciliation,
) -> AppResult<ReconciliationView> {
    caller.may(Action::Reconcile)?;
    let (platform, records) = (&extensions.platform, extensions.platform.records(caller));
    records.get_install(&new.payer).await?;
    let period = Period { start: new.from.start(), end: new.to.next().start() };
    if new.from > new.to || period.end > period.start.plus_days(LONGEST_DAYS) || new.to > Day::of(caller.now) {
        return Err(invalid(format!("from, to: at most {LONGEST_DAYS} days, none of which is yet to come")));
    }
    let most = u32::try_from(Statement::MOST).unwrap_or(u32::MAX);
    let ours = records.list_payer_claims(&new.payer, (period.start, period.end), most.saturating_add(1)).await?;
    if ours.len() > Statement::MOST {
        return Err(invalid(format!("more than {most} claims: compare shorter periods")));
    }
    let owed_now = sum_of(&ours)?;
    let theirs = theirs(extensions, caller, &records, &new, period, &owed_now).await?;
    checked(&theirs.remittances, new.bank.as_deref().unwrap_or_default())?;
    let names = vec![(new.payer.clone(), name(extensions, &records, &new.payer).await)];
    parties::introduce(platform, &records, &names, caller.now).await?;

    let tx = records.begin().await?;
    tx.lock(&format!("reconciliation/{}", new.payer)).await?;
    take_in(&tx, &new, &theirs.remittances).await?;
    let days = (new.from.to_string(), new.to.to_string());
    let stored = tx.list_remittances(&new.payer, (&days.0, &days.1), most).await?;
    let mut references: BTreeSet<String> = owed_now.keys().cloned().collect();
    for remittance in &stored {
        let items = tx.list_remittance_items(&new.payer, &remittance.trace).await?;
        references.extend(items.into_iter().map(|(reference, _)| reference));
    }
    let references: Vec<String> = references.into_iter().collect();
    let owed_ever = sum_of(&tx.find_payer_claims(&new.payer, &references).await?)?;
    let items = tx.find_remitted(&new.payer, &references).await?;
    let remitted = sums(items.iter().map(|(reference, amount)| (reference.as_str(), *amount)));
    let remitted = remitted.map_err(AppError::internal)?;
    let stored = book(&tx, caller, stored, &owed_ever).await?;

    let mut found = compare_claims(&owed_now, &theirs.file);
    found.extend(compare_remitted(&owed_ever, &remitted));
    let trace = |remittance: &PayerRemittance| remittance.banked.is_some() || new.bank.is_some();
    found.extend(compare_bank(stored.iter().filter(|remittance| trace(remittance)).map(|remittance| Trace {
        trace: &remittance.trace,
        advised: remittance.advised,
        adjustment: remittance.adjustment,
        banked: remittance.banked,
    })));
    let day_of: BTreeMap<&str, &str> = stored.iter().map(|one| (one.trace.as_str(), one.day.as_str())).collect();
    let booked_on: BTreeMap<&str, Day> =
        ours.iter().map(|claim| (claim.reference.as_str(), Day::of(claim.booked_at))).collect();
    let day = |found: &Found| match found.against {
        Against::Bank => day_of.get(found.reference.as_str()).map_or(new.to.to_string(), |day| (*day).to_owned()),
        _ => booked_on.get(found.reference.as_str()).unwrap_or(&new.to).to_string(),
    };
    let found: Vec<(Found, String)> =
        found.into_iter().map(|found| (day(&found), found)).map(|(d, f)| (f, d)).collect();
    let breaks = keep(&tx, caller, (&new, new.bank.is_some()), found).await?;
    tx.commit().await?;

    let bank_fen = Money::sum(stored.iter().filter_map(|remittance| remittance.banked)).map_err(AppError::internal)?;
    let claims = owed_now.iter().map(|(reference, (bill, amount))| ClaimView {
        reference: reference.clone(),
        bill: *bill,
        ledger_fen: *amount,
        file_fen: theirs.file.get(reference).copied(),
        remitted_fen: remitted.get(reference).copied(),
    });
    Ok(ReconciliationView {
        ledger_fen: Money::sum(owed_now.values().map(|(_, amount)| *amount)).map_err(AppError::internal)?,
        file_fen: Money::sum(theirs.file.values().copied()).map_err(AppError::internal)?,
        bank_fen,
        claims: claims.collect(),
        breaks,
    })
}

fn sum_of(claims: &[PayerClaim]) -> AppResult<Owed> {
    let rows = claims.iter().map(|claim| (claim.reference.as_str(), claim.bill_id, claim.amount));
    owed(rows).map_err(AppError::internal)
}

/// The payer's name, for people.
async fn name(extensions: &Extensions, records: &Tenant, payer: &str) -> String {
    let found = insurer::find(extensions, records, payer, Interface::Reconciliation).await;
    found.map_or_else(|_| payer.to_owned(), |insurer| insurer.name())
}

/// The payer's books: as handed in, otherwise as its plugin says.
async fn theirs(
    extensions: &Extensions,
    caller: &Caller,
    records: &Tenant,
    new: &NewReconciliation,
    period: Period,
    ours: &Owed,
) -> AppResult<Theirs> {
    let mut calls = Calls::new(extensions, records.id(), &caller.request_id, caller.now);
    let asked = match (&new.claim_file, &new.remittances) {
        (Some(_), Some(_)) => None,
        _ => Some(insurer::find(extensions, records, &new.payer, Interface::Reconciliation).await?),
    };
    let file = match (&new.claim_file, &asked) {
        (Some(file), _) => sums(file.iter().map(|claim| (claim.reference.as_str(), claim.amount_fen)))
            .map_err(|error| AppError::new(Code::MoneyInvalid, error.to_string()))?,
        (None, Some(insurer)) => file_of(extensions, &mut calls, insurer, period, ours, caller).await?,
        (None, None) => BTreeMap::new(),
    };
    let remittances = match (&new.remittances, &asked) {
        (Some(handed_in), _) => handed_in.clone(),
        (None, Some(insurer)) => {
            let Insurer { install, plugin } = insurer;
            let context = calls.context(install, plugin)?;
            let call = extensions.runtime().remittances(plugin, context, &period, caller.now).await;
            let told = calls.took(install, call).await?.map_err(|error| unavailable(&error))?;
            told.into_iter().map(advised).collect()
        }
        (None, None) => Vec::new(),
    };
    let tx = records.begin().await?;
    calls.write(&tx).await?;
    tx.commit().await?;
    Ok(Theirs { file, remittances })
}

/// The payer's file: ours, with the differences that its plugin finds.
async fn file_of(
    extensions: &Extensions,
    calls: &mut Calls<'_>,
    insurer: &Insurer,
    period: Period,
    ours: &Owed,
    caller: &Caller,
) -> AppResult<BTreeMap<String, Money>> {
    let Insurer { install, plugin } = insurer;
    let entry =
        |(reference, (_, amount)): (&String, &(BillId, Money))| Entry { reference: reference.clone(), amount: *amount };
    let statement = Statement { period, entries: ours.iter().map(entry).collect() };
    let context = calls.context(install, plugin)?;
    let call = extensions.runtime().compare_statement(plugin, context, &statement, caller.now).await;
    let comparison = calls.took(install, call).await?.map_err(|error| unavailable(&error))?;
    let mut file: BTreeMap<String, Money> =
        statement.entries.into_iter().map(|one| (one.reference, one.amount)).collect();
    for difference in comparison.differences {
        match difference.theirs {
            Some(theirs) => file.insert(difference.reference, theirs),
            None => file.remove(&difference.reference),
        };
    }
    Ok(file)
}

fn advised(remittance: Remittance) -> NewRemittance {
    NewRemittance {
        trace: remittance.trace,
        sent_on: Day::of(remittance.sent_at),
        amount_fen: remittance.amount,
        claims: remittance
            .items
            .into_iter()
            .map(|item| FiledClaim { reference: item.reference, amount_fen: item.amount })
            .collect(),
        adjustment_fen: remittance.adjustment,
    }
}

/// Sums hold, and nothing comes twice. What a plugin says was checked as well before.
fn checked(remittances: &[NewRemittance], bank: &[BankLine]) -> AppResult<()> {
    if remittances.len() > MOST_REMITTANCES || bank.len() > MOST_REMITTANCES {
        return Err(invalid(format!("more than {MOST_REMITTANCES} remittances: compare shorter periods")));
    }
    let mut traces = BTreeSet::new();
    for one in remittances {
        let parts = one.claims.iter().map(|claim| claim.amount_fen).chain([one.adjustment_fen]);
        if Money::sum(parts) != Ok(one.amount_fen) {
            return Err(AppError::new(Code::MoneyInvalid, format!("`{}`: the claims do not sum to it", one.trace)));
        }
        let references: BTreeSet<&str> = one.claims.iter().map(|claim| claim.reference.as_str()).collect();
        if references.len() != one.claims.len() || one.trace.trim().is_empty() || !traces.insert(&one.trace) {
            return Err(invalid(format!("`{}`: a trace number or a reference comes twice", one.trace)));
        }
    }
    let mut traces = BTreeSet::new();
    match bank.iter().find(|line| line.trace.trim().is_empty() || !traces.insert(&line.trace)) {
        Some(line) => Err(invalid(format!("bank `{}`: a trace number comes twice", line.trace))),
        None => Ok(()),
    }
}

/// Stores what is new of remittances and of the bank. What was told before with another amount is a difference:
/// the first word stands.
async fn take_in(tx: &TenantTx, new: &NewReconciliation, remittances: &[NewRemittance]) -> AppResult<()> {
    for one in remittances {
        let known = tx.find_remittance(&new.payer, &one.trace).await?;
        if known.as_ref().is_some_and(|known| known.advised.is_some()) {
            continue;
        }
        let known = known.unwrap_or_else(|| empty(&new.payer, &one.trace, one.sent_on));
        let told = PayerRemittance {
            day: one.sent_on.to_string(),
            advised: Some(one.amount_fen),
            adjustment: one.adjustment_fen,
            ..known
        };
        tx.put_remittance(&told).await?;
        let items: Vec<(String, Money)> =
            one.claims.iter().map(|claim| (claim.reference.clone(), claim.amount_fen)).collect();
        tx.insert_remittance_items(&new.payer, &one.trace, &items).await?;
    }
    for line in new.bank.iter().flatten() {
        let known = tx.find_remittance(&new.payer, &line.trace).await?;
        if known.as_ref().is_some_and(|known| known.banked.is_some()) {
            continue;
        }
        let known = known.unwrap_or_else(|| empty(&new.payer, &line.trace, line.day));
        let shown = PayerRemittance { banked: Some(line.amount_fen), bank_day: Some(line.day.to_string()), ..known };
        tx.put_remittance(&shown).await?;
    }
    Ok(())
}

fn empty(payer: &str, trace: &str, day: Day) -> PayerRemittance {
    PayerRemittance {
        payer: payer.to_owned(),
        trace: trace.to_owned(),
        day: day.to_string(),
        advised: None,
        adjustment: Money::ZERO,
        banked: None,
        bank_day: None,
        posted_at: None,
        version: 0,
    }
}

/// Books money that arrived as advised on its bills, once, and tells the record.
async fn book(
    tx: &TenantTx,
    caller: &Caller,
    stored: Vec<PayerRemittance>,
    owed: &Owed,
) -> AppResult<Vec<PayerRemittance>> {
    let mut after = Vec::with_capacity(stored.len());
    for mut remittance in stored {
        let (Some(amount), true) = (remittance.banked, remittance.posted_at.is_none()) else {
            after.push(remittance);
            continue;
        };
        if remittance.advised != Some(amount) {
            after.push(remittance);
            continue;
        }
        let items = tx.list_remittance_items(&remittance.payer, &remittance.trace).await?;
        let bills = by_bill(items.iter().map(|(reference, amount)| (reference.as_str(), *amount)), owed);
        let bills = bills.map_err(AppError::internal)?;
        let booked: Vec<(BillId, Money)> = bills.into_iter().collect();
        for (bill, paid) in &booked {
            let who = (*bill, remittance.payer.as_str(), caller.actor.account);
            ledger::book_remitted(tx, who, (*paid, &remittance.trace), caller.now).await?;
        }
        let told = Remitted {
            tenant: tx.id(),
            payer: &remittance.payer,
            trace: &remittance.trace,
            amount,
            day: remittance.bank_day.as_deref().unwrap_or(&remittance.day),
            bills: &booked,
            created: caller.now,
        };
        resource::project(tx, vec![payment_reconciliation(&told), payment_notice(&told)], caller.now).await?;
        remittance.posted_at = Some(caller.now);
        remittance.version = tx.put_remittance(&remittance).await?;
        after.push(remittance);
    }
    Ok(after)
}

/// Why a difference is resolved that is not found any more.
const GONE: &str = "a later comparison does not find it any more";

/// Stores differences: new ones are the caller's; known ones keep their owner, and are open again if their
/// figures are others than those that were resolved. Those of these days that are gone are resolved.
async fn keep(
    tx: &TenantTx,
    caller: &Caller,
    (new, with_bank): (&NewReconciliation, bool),
    found: Vec<(Found, String)>,
) -> AppResult<Vec<BreakView>> {
    let days = new.from.to_string()..=new.to.to_string();
    let is_there = |row: &ReconciliationBreak| {
        found.iter().any(|(found, _)| found.against.as_str() == row.kind && found.reference == row.reference)
    };
    let known = tx.list_breaks(Some(&new.payer), true, u32::MAX).await?;
    for row in known {
        let of_payers = Against::ALL.iter().any(|against| against.as_str() == row.kind);
        let compared = row.kind != Against::Bank.as_str() || with_bank;
        if of_payers && compared && days.contains(&row.day) && !is_there(&row) {
            let resolved_by = Some(caller.actor.account);
            let gone =
                ReconciliationBreak { reason: Some(GONE.to_owned()), resolved_by, updated_at: caller.now, ..row };
            tx.put_break(&gone).await?;
        }
    }
    let mut views = Vec::new();
    for (Found { against, reference, bill, ours, theirs }, day) in found {
        let known = tx.find_break(against.as_str(), &new.payer, &reference).await?;
        let same = known.as_ref().is_some_and(|row| (row.ours, row.theirs) == (ours, theirs));
        let row = match known {
            Some(row) if same => row,
            Some(row) => {
                let again = ReconciliationBreak {
                    bill_id: bill.or(row.bill_id),
                    ours,
                    theirs,
                    reason: None,
                    resolved_by: None,
                    updated_at: caller.now,
                    ..row
                };
                tx.put_break(&again).await?;
                again
            }
            None => {
                let row = ReconciliationBreak {
                    id: BreakId::from_u128(ambient::fresh_id()),
                    kind: against.as_str().to_owned(),
                    payer: new.payer.clone(),
                    reference,
                    bill_id: bill,
                    day,
                    ours,
                    theirs,
                    owner: caller.actor.account,
                    reason: None,
                    resolved_by: None,
                    opened_at: caller.now,
                    updated_at: caller.now,
                    version: 0,
                };
                tx.put_break(&row).await?;
                row
            }
        };
        if row.is_open() {
            views.push(BreakView::from(row));
        }
    }
    Ok(views)
}
