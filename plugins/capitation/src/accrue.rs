//! The budget of the member-months so far.

use scheme::edition::Edition;
use xinglin_sdk::{
    capitation::{Budget, MemberMonths},
    insurance::Error,
    money::{MoneyError, Rounding},
};

use crate::{enrol::CLASSES, fen, invalid, rules::Scheme, unknown};

/// Months of a year; a month counts the same whatever its days.
const MONTHS: i128 = 12;
/// Weights are in ten-thousandths.
const WEIGHT_ONE: i128 = 10_000;

/// base × Σ (months × weight) ÷ 12, rounded down once: the fund does not round up.
pub fn accrue(edition: &Edition<Scheme>, months: &[MemberMonths]) -> Result<Budget, Error> {
    let scheme = &edition.scheme;
    let mut weighted = 0_i128;
    for MemberMonths { risk_class, months } in months {
        let class = scheme.class.iter().find(|class| risk_class.is(CLASSES, &class.code));
        let class = class.ok_or_else(|| unknown("风险分组", "risk class", &risk_class.code))?;
        // Below 2^32 · 2^77, as often as a host may say.
        weighted = weighted
            .checked_add(i128::from(*months) * class.weight.ten_thousandths())
            .ok_or_else(|| invalid(MoneyError::Overflow))?;
    }
    let total = i128::from(scheme.budget.base.fen().amount()).checked_mul(weighted);
    let total = total.ok_or_else(|| invalid(MoneyError::Overflow))?;
    let amount = fen(total / (MONTHS * WEIGHT_ONE))?;
    let prepayment = scheme.budget.prepaid.of(amount, Rounding::Floor).map_err(invalid)?;
    let citation = edition.cite(&scheme.budget.source);
    Ok(Budget { amount: amount.into(), prepayment: prepayment.into(), citation })
}
