use xinglin_domain::{
    access::Action,
    capitation::Closing,
    code::Code,
    ledger::{Book, Entry, Stamp, Transaction},
    money::Money,
};
use xinglin_extensions::{Extensions, call::Calls, install};
use xinglin_platform::{AppError, AppResult, Caller, boxed};
use xinglin_runtime::Interface;
use xinglin_store::Queue;

use super::{Lead, YearView, charge_bill, contract_of, lock, put_year, undecided, year, year_of};
use crate::ledger;

/// Closes a year that is over, for ever: the scheme says what is kept and borne, the host checks the
/// figures against the account and books them. The balancing payment is booked when it arrives.
///
/// # Errors
/// `CAP_CLOSED` the second time; `CAP_NOT_CLOSABLE` if it is not over, months are not accrued, the quality is
/// not scored or care is still being charged; `PLUGIN_OUTPUT` if the figures of the scheme are not sound.
#[tracing::instrument(target = "xinglin::trace", name = "close_capitation", skip_all)]
#[boxed]
pub async fn close(extensions: &Extensions, caller: &Caller, (lead, number): (Lead, i16)) -> AppResult<YearView> {
    caller.may(Action::KeepCapitation)?;
    let records = extensions.platform.records(caller);
    contract_of(&records, &lead).await?;
    let (before, year) = year_of(&records, &lead, number, caller.now).await?;
    let account = year.account(caller.now)?;
    for work in records.list_work(Queue::Capitation, &lead.lane()).await? {
        if let Some(bill) = charge_bill::bill_of(&work)? {
            let detail = format!("care of a member is still being charged: {bill}");
            return Err(AppError::new(Code::CapNotClosable, detail).with("bill", bill));
        }
    }
    let (install, plugin) = install::one_playing(extensions, &records, &lead.plugin, Interface::Capitation).await?;
    let mut calls = Calls::new(extensions, records.id(), &caller.request_id, caller.now).about(lead.lane());
    let context = calls.context(&install, &plugin)?;
    let call = extensions.runtime().close_year(&plugin, context, &account).await;
    let closing = calls.took(&install, call).await?.map_err(|error| undecided(&error).with("calls", calls.views()))?;

    let tx = records.begin().await?;
    lock(&tx, &lead).await?;
    let (row, mut year) = year_of(&tx, &lead, number, caller.now).await?;
    if row.version != before.version {
        // Also the second of two at once.
        year.account(caller.now)?;
        return Err(AppError::new(Code::VersionConflict, "the account has changed meanwhile"));
    }
    let (_, contract) = contract_of(&tx, &lead).await?;
    let stamp = ledger::stamp_now(&tx, caller.now, Some(caller.actor.account)).await?;
    let transactions = booked(&closing, &lead, number, || (stamp(), contract.payer.clone()))?;
    ledger::put(&tx, &mut Book::default(), transactions).await?;
    year.close(closing, caller.actor.account, caller.now)?;
    put_year(&tx, row, &year, caller.now).await?;
    calls.write(&tx).await?;
    tx.commit().await?;
    Ok(year::view(lead, &year))
}

/// The entries of an end: what is kept is revenue, and the partners' and the team's part of it is owed to
/// them; what is borne is a loss.
fn booked(
    closing: &Closing,
    lead: &Lead,
    number: i16,
    of: impl Fn() -> (Stamp, String),
) -> AppResult<Vec<Transaction>> {
    let entry = || {
        let (stamp, payer) = of();
        Entry { stamp, bill: None, payer: Some(payer), doctor: None }
    };
    let note = format!("{} {number}", lead.lead);
    let share = |code: &str| closing.shares.iter().find(|share| share.code == code).map_or(Money::ZERO, |it| it.amount);
    let (partners, team) = (share("partners"), share("team"));
    let mut made = Vec::new();
    if closing.kept > Money::ZERO {
        made.push(Transaction::capitation_surplus(entry(), closing.kept)?.noted(Some(&note)));
    }
    if partners > Money::ZERO || team > Money::ZERO {
        made.push(Transaction::capitation_division(entry(), partners, team)?.noted(Some(&note)));
    }
    if closing.provider_bears > Money::ZERO {
        made.push(Transaction::capitation_overrun(entry(), closing.provider_bears)?.noted(Some(&note)));
    }
    Ok(made)
}
