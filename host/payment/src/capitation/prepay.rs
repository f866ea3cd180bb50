use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    id::TransactionId,
    ledger::{Book, Transaction},
    money::Money,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_store::StoreError;

use super::{Lead, YearView, check_year, contract_of, entry, invalid, lock, put_year, year, year_of};
use crate::ledger;

/// A payment of the fund in advance.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Prepay {
    /// Its id in the books, `txn-…`, if the request may have to be repeated: an id is used once.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub id: Option<TransactionId>,
    /// How much.
    #[schema(value_type = i64)]
    pub amount_fen: Money,
    /// The bank slip.
    pub source: String,
}

/// Books what the fund has paid in advance for a year.
///
/// # Errors
/// `CAP_CLOSED`; `MONEY_INVALID`; `BODY_INVALID` without a source; `PAY_IDEMPOTENCY_CONFLICT` if the id was used.
#[boxed]
pub async fn prepay(
    platform: &Platform,
    caller: &Caller,
    (lead, number): (Lead, i16),
    ask: Prepay,
) -> AppResult<YearView> {
    caller.may(Action::KeepCapitation)?;
    check_year(number, caller.now)?;
    if ask.source.trim().is_empty() {
        return Err(invalid("source", "which bank slip?"));
    }
    let tx = platform.records(caller).begin().await?;
    lock(&tx, &lead).await?;
    let (_, contract) = contract_of(&tx, &lead).await?;
    let (row, mut year) = year_of(&tx, &lead, number, caller.now).await?;
    year.prepay(ask.amount_fen)?;
    let mut entry = entry(&tx, &contract, caller.now, caller.actor.account).await?;
    if let Some(id) = ask.id {
        match tx.get_transaction(id).await {
            Err(StoreError::NotFound { .. }) => entry.stamp.id = id,
            Ok(_) => return Err(AppError::new(Code::PayIdempotencyConflict, format!("`{id}` is posted already"))),
            Err(error) => return Err(error.into()),
        }
    }
    let booked = Transaction::capitation_prepayment(entry, ask.amount_fen)?.noted(Some(&ask.source));
    ledger::put(&tx, &mut Book::default(), vec![booked]).await?;
    put_year(&tx, row, &year, caller.now).await?;
    tx.commit().await?;
    Ok(year::view(lead, &year))
}
