//! Whether a condition is fulfilled: yes, no, or not known.

use std::cmp::Ordering;

use super::{Comparison, Expression, Operator, Term, Value};
use crate::number::Number;

/// How values went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trend {
    /// Each is above the one before it.
    Rising,
    /// Each is below the one before it.
    Falling,
    /// Neither.
    Neither,
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// Yes or no.
    Truth(bool),
    /// A number, in the unit of the question.
    Number(Number),
    /// The code of a choice, or a text.
    Code(String),
}

/// What is known of one patient. `None` is: not known.
pub trait Facts {
    /// Values with this code, newest first, in the unit of its measure; `None` for a value that cannot
    /// be read.
    fn series(&self, code: &str, laboratory: bool, within_days: Option<u32>) -> Vec<Option<Number>>;
    /// The newest and the oldest value that [`Term::Delta`] and [`Term::Change`] compare.
    fn pair(&self, term: &Term) -> Option<(Number, Number)>;
    /// How the newest values went.
    fn trend(&self, code: &str, count: u8) -> Option<Trend>;
    /// The last answer.
    fn answer(&self, questionnaire: &str, item: &str) -> Option<Answered>;
    /// Of a term that is a yes or no.
    fn truth(&self, term: &Term) -> Option<bool>;
    /// Days and years.
    fn count(&self, term: &Term) -> Option<i64>;
    /// As in FHIR.
    fn sex(&self) -> Option<String>;
    /// A threshold in the unit of the measure; `None` if the unit is not one of it. Of a difference,
    /// only the factor counts.
    fn convert(&self, code: &str, number: Number, unit: Option<&str>, difference: bool) -> Option<Number>;
}

/// Whether it is fulfilled; `None` if that is not known. `and` is false if one part is, whatever the
/// others; `or` is true if one part is (Kleene).
pub fn evaluate(expression: &Expression, facts: &dyn Facts) -> Option<bool> {
    match expression {
        Expression::All(parts) => {
            let mut all = Some(true);
            for part in parts {
                match evaluate(part, facts) {
                    Some(false) => return Some(false),
                    None => all = None,
                    Some(true) => {}
                }
            }
            all
        }
        Expression::Any(parts) => {
            let mut any = Some(false);
            for part in parts {
                match evaluate(part, facts) {
                    Some(true) => return Some(true),
                    None => any = None,
                    Some(false) => {}
                }
            }
            any
        }
        Expression::Not(part) => evaluate(part, facts).map(|truth| !truth),
        Expression::Is(comparison) => is(comparison, facts),
    }
}

fn is(comparison: &Comparison, facts: &dyn Facts) -> Option<bool> {
    let Comparison { term, operator, value, last, within_days } = comparison;
    match (term, value) {
        (Term::Observed { code, laboratory }, Value::Number(limit, unit)) => {
            let limit = facts.convert(code, *limit, unit.as_deref(), false)?;
            let series = facts.series(code, *laboratory, *within_days);
            let newest = series.get(..usize::from(*last))?;
            let mut all = Some(true);
            for value in newest {
                match value.and_then(|value| holds(value.compare(limit)?, *operator)) {
                    Some(false) => return Some(false),
                    None => all = None,
                    Some(true) => {}
                }
            }
            all
        }
        (Term::Delta { code, .. }, Value::Number(limit, unit)) => {
            let limit = facts.convert(code, *limit, unit.as_deref(), true)?;
            let (new, old) = facts.pair(term)?;
            holds(new.minus(old)?.compare(limit)?, *operator)
        }
        // 100 × (new − old) against limit × old: exact, as there is no quotient.
        (Term::Change { .. }, Value::Number(limit, _)) => {
            let (new, old) = facts.pair(term)?;
            if old.compare(Number::whole(0))? != Ordering::Greater {
                return None;
            }
            let change = new.minus(old)?.times(Number::whole(100))?;
            holds(change.compare(limit.times(old)?)?, *operator)
        }
        (Term::Trend { code, count }, Value::Text(wanted)) => {
            let wanted = match wanted.as_str() {
                "rising" => Trend::Rising,
                "falling" => Trend::Falling,
                _ => return None,
            };
            same(facts.trend(code, *count)? == wanted, *operator)
        }
        (Term::Answer { questionnaire, item }, value) => match (facts.answer(questionnaire, item)?, value) {
            (Answered::Number(given), Value::Number(limit, _)) => holds(given.compare(*limit)?, *operator),
            (Answered::Truth(given), Value::Truth(wanted)) => same(given == *wanted, *operator),
            (Answered::Code(given), Value::Text(wanted)) => same(given == *wanted, *operator),
            _ => None,
        },
        (Term::Sex, Value::Text(wanted)) => same(facts.sex()? == *wanted, *operator),
        (Term::DaysInStage | Term::DaysEnrolled | Term::AgeYears, Value::Number(limit, None)) => {
            holds(Number::whole(facts.count(term)?).compare(*limit)?, *operator)
        }
        (term, Value::Truth(wanted)) if term.is_truth() => same(facts.truth(term)? == *wanted, *operator),
        _ => None,
    }
}

const fn holds(ordering: Ordering, operator: Operator) -> Option<bool> {
    Some(match operator {
        Operator::AtLeast => !matches!(ordering, Ordering::Less),
        Operator::AtMost => !matches!(ordering, Ordering::Greater),
        Operator::Above => matches!(ordering, Ordering::Greater),
        Operator::Below => matches!(ordering, Ordering::Less),
        Operator::Equal => matches!(ordering, Ordering::Equal),
        Operator::Unequal => !matches!(ordering, Ordering::Equal),
    })
}

/// Codes and truths are equal or not; nothing else.
const fn same(equal: bool, operator: Operator) -> Option<bool> {
    match operator {
        Operator::Equal => Some(equal),
        Operator::Unequal => Some(!equal),
        _ => None,
    }
}
