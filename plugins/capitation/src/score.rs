//! The quality score of a year.

use scheme::edition::{Edition, unique};
use xinglin_sdk::{
    capitation::{Indicator, Points, Quality},
    insurance::Error,
    types::Decimal,
};

use crate::rules::{IndicatorRule, Scheme};

/// Points are given in hundredths.
const DIGITS: u8 = 2;

/// The points of each indicator, rounded half up to two digits as on a scoring sheet, and their sum.
/// What is not given, or was measured in nobody, earns nothing. Indicators that the scheme does not
/// have are ignored.
pub fn score(edition: &Edition<Scheme>, indicators: &[Indicator]) -> Result<Quality, Error> {
    unique(indicators.iter().map(|indicator| indicator.code.as_str())).map_err(Error::Other)?;
    if let Some(indicator) = indicators.iter().find(|indicator| indicator.numerator > indicator.denominator) {
        return Err(Error::Other(format!("`{}`: more counted than there are", indicator.code)));
    }
    let mut total = 0;
    let mut points = Vec::new();
    for rule in &edition.scheme.indicator {
        let counted = indicators.iter().find(|indicator| indicator.code == rule.code);
        let earned = counted.map_or(0, |counted| earned(rule, counted));
        total += earned;
        points.push(Points {
            code: rule.code.clone(),
            points: hundredths(earned),
            maximum: hundredths(i64::from(rule.points.hundredths())),
        });
    }
    let citation = edition.cite(&edition.scheme.quality.source);
    Ok(Quality { points, total: hundredths(total), citation })
}

fn hundredths(points: i64) -> Decimal {
    Decimal::new(points, DIGITS).normalized()
}

/// points × (rate − none) ÷ (full − none), between zero and all of them, in hundredths.
fn earned(rule: &IndicatorRule, counted: &Indicator) -> i64 {
    let (numerator, denominator) = (i128::from(counted.numerator), i128::from(counted.denominator));
    if denominator == 0 {
        return 0;
    }
    let [points, none, full] = [rule.points, rule.none_at, rule.full_at].map(|it| i128::from(it.hundredths()));
    // Both sides times the denominator; below zero both if less is better.
    let (above, span) = (numerator * 10_000 - none * denominator, (full - none) * denominator);
    let (above, span) = (above * span.signum(), span.abs());
    let above = above.clamp(0, span);
    i64::try_from((2 * points * above + span) / (2 * span)).unwrap_or(0)
}
