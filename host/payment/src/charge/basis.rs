//! What a quote rests on: the formulary, and what its payers were told of the patient.

use xinglin_domain::{
    billing::{Basis, Charge},
    code::Code,
    money::Rounding,
    payer::Line,
};
use xinglin_platform::{AppError, AppResult, settings::settings};
use xinglin_store::{Executor, TenantScope};

use crate::coverage;

/// Checks that the bill's lines are still what the formulary has them as, at its prices.
///
/// # Errors
/// `PAY_QUOTE_STALE`.
pub(super) async fn same_prices<E: Executor>(records: &TenantScope<E>, charge: &Charge) -> AppResult<()> {
    let settings = settings(records).await?;
    let same = |line: &Line| {
        let item = charge.item(line.number).and_then(|item| settings.item(&item.code).ok());
        item.is_some_and(|item| {
            let gross = item.price_fen.share(line.quantity.unscaled(), 1, Rounding::HalfUp);
            item.kind == line.kind && item.all_codings() == line.code && gross == Ok(line.gross)
        })
    };
    match charge.bill().lines.iter().find(|line| !same(line)) {
        None => Ok(()),
        Some(line) => {
            let detail = format!("line {} is another price or item now; ask for another quote", line.number);
            Err(stale(Basis::Prices, detail))
        }
    }
}

/// Checks that each payer that is still to settle would be told of the patient what it was told when it
/// quoted.
///
/// # Errors
/// `PAY_QUOTE_STALE`.
pub(super) async fn same_coverage<E: Executor>(records: &TenantScope<E>, charge: &Charge) -> AppResult<()> {
    if charge.to_settle().is_empty() {
        return Ok(());
    }
    let memberships = coverage::of_patient(records, charge.patient()).await?;
    for share in charge.to_settle() {
        let (payer, told) = (share.payer(), share.told());
        let membership = memberships.iter().find(|(row, _)| row.payer == payer).map(|(_, membership)| membership);
        let now = membership.and_then(|known| known.told(told.contract(), charge.bill().served_at));
        let (changed, what) = match now.as_ref().map(|now| told.changed(now)) {
            Some(None) => continue,
            Some(Some(Basis::Figures)) => (Basis::Figures, "what it counts of the patient has changed"),
            Some(Some(_)) | None => (Basis::Coverage, "the patient's coverage has changed"),
        };
        return Err(stale(changed, format!("`{payer}`: {what} since the quote; ask for another")));
    }
    Ok(())
}

fn stale(changed: Basis, detail: String) -> AppError {
    AppError::new(Code::PayQuoteStale, detail).with("changed", changed)
}
