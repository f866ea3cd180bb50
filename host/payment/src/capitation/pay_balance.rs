use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    ledger::{Book, Transaction},
};
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::{Lead, YearView, contract_of, entry, invalid, lock, put_year, year, year_of};
use crate::ledger;

/// The balancing payment of a closed year.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Slip {
    /// The bank slip.
    pub slip: String,
}

/// Books the balancing payment of a closed year, in the amount that its end came to: of the fund, or to
/// it. Nothing of the prepayment is left then.
///
/// # Errors
/// `CAP_NOT_CLOSABLE` if the year is open; `CAP_CLOSED` if it was paid before, or nothing is due.
#[boxed]
pub async fn pay_balance(
    platform: &Platform,
    caller: &Caller,
    (lead, number): (Lead, i16),
    Slip { slip }: Slip,
) -> AppResult<YearView> {
    caller.may(Action::KeepCapitation)?;
    if slip.trim().is_empty() {
        return Err(invalid("slip", "which bank slip?"));
    }
    let tx = platform.records(caller).begin().await?;
    lock(&tx, &lead).await?;
    let (_, contract) = contract_of(&tx, &lead).await?;
    let (row, mut year) = year_of(&tx, &lead, number, caller.now).await?;
    let payable = year.pay(slip.clone())?;
    let entry = entry(&tx, &contract, caller.now, caller.actor.account).await?;
    let booked = Transaction::capitation_balance(entry, payable, &slip)?;
    ledger::put(&tx, &mut Book::default(), vec![booked]).await?;
    put_year(&tx, row, &year, caller.now).await?;
    tx.commit().await?;
    Ok(year::view(lead, &year))
}
