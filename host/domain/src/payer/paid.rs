//! What an answer of a payer to a claim comes to, line by line: to compare a candidate with what was paid.

use std::collections::BTreeMap;

use super::{PayerError, Settled, Source, insurance::InsurerError, insurance::claims::Response};
use crate::money::{Money, MoneyError};

/// What a payer pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paid {
    /// `paid`, `refused`, `pending`, `cancelled` or `error`.
    pub outcome: &'static str,
    /// In all, of the sources that are not the patient's cash.
    pub total: Money,
    /// Of each line: what an insurer pays; of a scheme, what its rules apply to.
    pub lines: BTreeMap<u32, Money>,
    /// Codes of reasons and refusals.
    pub reasons: Vec<String>,
}

impl Paid {
    const fn nothing(outcome: &'static str, reasons: Vec<String>) -> Self {
        Self { outcome, total: Money::ZERO, lines: BTreeMap::new(), reasons }
    }

    /// An insurer's answer to a claim.
    ///
    /// # Errors
    /// On overflow.
    pub fn of_claim(answer: &Result<Response, InsurerError>) -> Result<Self, MoneyError> {
        let decided = match answer {
            Ok(Response::Adjudicated(eob)) => &eob.adjudication,
            Ok(Response::Pending(pending)) => {
                let wanted = pending.documents_wanted.iter().map(|kind| kind.code.clone());
                return Ok(Self::nothing("pending", wanted.collect()));
            }
            Ok(Response::Refused(why)) => {
                return Ok(Self::nothing("refused", why.iter().map(|why| why.code.clone()).collect()));
            }
            Ok(Response::Cancelled(_)) => return Ok(Self::nothing("cancelled", Vec::new())),
            Err(_) => return Ok(Self::nothing("error", Vec::new())),
        };
        let reasons = decided.lines.iter().flat_map(|line| &line.reasons).map(|reason| reason.code.code.clone());
        Ok(Self {
            outcome: "paid",
            total: Money::sum(decided.lines.iter().map(|line| line.benefit))?,
            lines: decided.lines.iter().map(|line| (line.number, line.benefit)).collect(),
            reasons: reasons.collect(),
        })
    }

    /// A scheme's answer to a bill.
    ///
    /// # Errors
    /// On overflow.
    pub fn of_bill(answer: &Result<Settled, PayerError>) -> Result<Self, MoneyError> {
        let decided = match answer {
            Ok(Settled::Done(settlement)) => &settlement.adjudication,
            Ok(Settled::Refused(why)) => {
                return Ok(Self::nothing("refused", why.iter().map(|why| why.code.clone()).collect()));
            }
            Err(_) => return Ok(Self::nothing("error", Vec::new())),
        };
        let of_it = decided.parts.iter().filter(|part| part.source != Source::Cash);
        Ok(Self {
            outcome: "paid",
            total: Money::sum(of_it.map(|part| part.amount))?,
            lines: decided.lines.iter().map(|line| (line.number, line.in_scope)).collect(),
            reasons: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture,
        insurance::{
            claims::{Cancellation, ExplanationOfBenefit},
            fixture::{primary, refusal, secondary},
        },
        payer::Settlement,
    };

    #[test]
    fn every_answer_comes_to_something() {
        let eob =
            |adjudication| Ok(Response::Adjudicated(ExplanationOfBenefit { reference: "E-1".into(), adjudication }));
        let cancelled = Response::Cancelled(Cancellation { reference: "C-1".into() });
        for (answer, outcome, total, reasons) in [
            (eob(primary().2), "paid", 104_000, vec!["96"]),
            (eob(secondary().2), "paid", 4_200, vec!["96"]),
            (Ok(Response::Refused(vec![refusal("CLAIM_NO_PREAUTH")])), "refused", 0, vec!["CLAIM_NO_PREAUTH"]),
            (Ok(cancelled), "cancelled", 0, vec![]),
            (Err(InsurerError::Unknown("lost".into())), "error", 0, vec![]),
        ] {
            let paid = Paid::of_claim(&answer).expect("sums");
            assert_eq!(
                (paid.outcome, paid.total, paid.reasons),
                (outcome, Money::fen(total), reasons.iter().map(|code| (*code).to_owned()).collect())
            );
        }
        let settled = Settled::Done(Settlement { reference: "S".into(), adjudication: fixture::adjudication() });
        let paid = Paid::of_bill(&Ok(settled)).expect("sums");
        assert_eq!((paid.outcome, paid.total, paid.lines.len()), ("paid", Money::fen(11_550), 4));
        assert_eq!(Paid::of_bill(&Err(PayerError::Unavailable("down".into()))).expect("nothing").outcome, "error");
    }
}
