use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::{access::Action, time::Day};
use xinglin_platform::{AppResult, Caller, Platform, boxed};

/// Trial balance.
#[derive(Serialize, ToSchema)]
pub struct TrialBalance {
    /// By name.
    pub accounts: Vec<AccountBalance>,
    /// Sum of all debits, in fen; equals the sum of all credits.
    #[schema(value_type = i64)]
    pub debit_fen: i128,
    /// Sum of all credits, in fen.
    #[schema(value_type = i64)]
    pub credit_fen: i128,
    /// Whether they are equal.
    pub balanced: bool,
}

/// Balance of one account.
#[derive(Serialize, ToSchema)]
pub struct AccountBalance {
    /// Its name.
    pub account: String,
    /// Debits less credits, in fen: wider than an amount, as sums of many may be.
    #[schema(value_type = i64)]
    pub fen: i128,
}

/// The trial balance of the caller's hospital, now or at the end of a day.
///
/// # Errors
/// If the caller may not read the books.
#[boxed]
pub async fn trial_balance(platform: &Platform, caller: &Caller, as_of: Option<Day>) -> AppResult<TrialBalance> {
    caller.may(Action::ReadLedger)?;
    let as_of = as_of.map(|day| day.to_string());
    let balances = platform.records(caller).trial_balance(as_of.as_deref()).await?;
    // Of fewer accounts than an i128 holds amounts.
    let side = |debit: bool| -> i128 { balances.iter().map(|b| b.amount).filter(|fen| (*fen > 0) == debit).sum() };
    let (debit_fen, credit_fen) = (side(true), -side(false));
    let accounts = balances.iter().map(|b| AccountBalance { account: b.account.clone(), fen: b.amount }).collect();
    Ok(TrialBalance { accounts, debit_fen, credit_fen, balanced: debit_fen == credit_fen })
}
