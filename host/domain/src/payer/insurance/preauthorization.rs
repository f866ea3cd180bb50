//! Guarantees of payment before a service is given.

use serde::{Deserialize, Serialize};

use super::{
    Claim, Pending, Refusal,
    fault::{Fault, Wrong, amount, reference, refusals, refused},
};
use crate::{money::Money, time::Instant};

/// The most that the insurer will pay of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuaranteedLine {
    /// Number of the line.
    pub number: u32,
    /// At most what payers before leave of the line.
    pub amount: Money,
    /// Why it is less than was asked.
    pub reasons: Vec<Refusal>,
}

/// A guarantee of payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guarantee {
    /// The insurer's reference.
    pub reference: String,
    /// The guaranteed lines.
    pub lines: Vec<GuaranteedLine>,
    /// For services given before this.
    pub expires: Instant,
}

/// Answer to a request for a guarantee, or to its cancellation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Every line in full.
    Approved(Guarantee),
    /// Some lines, or not all of a line.
    Partial(Guarantee),
    /// Not yet.
    Pending(Pending),
    /// Refused.
    Refused(Vec<Refusal>),
    /// Given back.
    Cancelled,
}

/// The operation that an answer is about.
#[derive(Debug, Clone, Copy)]
pub enum Asked<'a> {
    /// `submit`, at this moment.
    Submit(&'a Claim, Instant),
    /// `cancel`.
    Cancel,
}

impl Guarantee {
    /// Checks it against the claim; `true` if every line is guaranteed in full.
    fn check(&self, claim: &Claim, asked_at: Instant) -> Result<bool, Fault> {
        reference("reference", &self.reference)?;
        if self.lines.is_empty() {
            return Err(Wrong::Empty.at("lines"));
        }
        if self.expires <= asked_at {
            return Err(Wrong::Time(self.expires).at("expires"));
        }
        let mut in_full = 0;
        for (at, line) in self.lines.iter().enumerate() {
            let field = format!("lines[{}]", line.number);
            if self.lines[..at].iter().any(|other| other.number == line.number) {
                return Err(Wrong::Twice.at(field));
            }
            let Some(asked) = claim.line(line.number) else { return Err(Wrong::Strange.at(field)) };
            let most = asked.rest().map_err(|error| Wrong::Money(error).at(&field))?;
            let guaranteed = amount(format!("{field}.amount"), line.amount)?;
            if guaranteed > most {
                return Err(Wrong::Above { amount: guaranteed, most }.at(format!("{field}.amount")));
            }
            refusals(&format!("{field}.reasons"), &line.reasons)?;
            match guaranteed == most {
                true => in_full += 1,
                false if line.reasons.is_empty() => return Err(Wrong::Empty.at(format!("{field}.reasons"))),
                false => {}
            }
        }
        Ok(in_full == claim.lines.len())
    }
}

impl Decision {
    /// Checks an answer to `submit` or `cancel`, or to `status` of one of them.
    ///
    /// # Errors
    /// If more is guaranteed than is asked, `approved` is not every line in full, or it is an answer
    /// to something else.
    pub fn check(&self, asked: Asked<'_>) -> Result<(), Fault> {
        match (self, asked) {
            (Self::Approved(guarantee), Asked::Submit(claim, at)) => match guarantee.check(claim, at)? {
                true => Ok(()),
                false => Err(Wrong::Verb.at("approved")),
            },
            (Self::Partial(guarantee), Asked::Submit(claim, at)) => match guarantee.check(claim, at)? {
                true => Err(Wrong::Verb.at("partial")),
                false => Ok(()),
            },
            (Self::Cancelled, Asked::Cancel) => Ok(()),
            (Self::Pending(pending), _) => pending.check(),
            (Self::Refused(why), _) => refused("refused", why),
            (Self::Approved(_) | Self::Partial(_) | Self::Cancelled, _) => Err(Wrong::Verb.at("decision")),
        }
    }

    /// Checks an answer to `status`: what was answered once was seen.
    ///
    /// # Errors
    /// As [`check`](Self::check), or if it was answered before and is `none` now.
    pub fn check_status(now: Option<&Self>, asked: Asked<'_>, answered: bool) -> Result<(), Fault> {
        match now {
            Some(now) => now.check(asked),
            None if answered => Err(Wrong::Forgotten.at("status")),
            None => Ok(()),
        }
    }

    /// The insurer's reference, if it gave one.
    pub fn reference(&self) -> Option<&str> {
        match self {
            Self::Approved(guarantee) | Self::Partial(guarantee) => Some(&guarantee.reference),
            Self::Pending(pending) => Some(&pending.reference),
            Self::Refused(_) | Self::Cancelled => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insurance::fixture::{YEAR, refusal, secondary};

    /// `(number, amount)`; with a reason where asked.
    fn guarantee(lines: &[(u32, i64, bool)]) -> Guarantee {
        let line = |&(number, fen, explained): &(u32, i64, bool)| GuaranteedLine {
            number,
            amount: Money::fen(fen),
            reasons: if explained { vec![refusal("OVER_LIMIT")] } else { Vec::new() },
        };
        Guarantee { reference: "GOP-1".into(), lines: lines.iter().map(line).collect(), expires: YEAR.end }
    }

    const FULL: [(u32, i64, bool); 4] = [(1, 1_105, false), (2, 2_762, false), (3, 4_383, false), (4, 4_500, false)];

    #[test]
    fn a_guarantee_is_at_most_what_is_left_of_each_line() {
        let (claim, _, _) = secondary();
        let asked = Asked::Submit(&claim, YEAR.start);
        let above = Wrong::Above { amount: Money::fen(1_106), most: Money::fen(1_105) };
        for (decision, wrong) in [
            (Decision::Approved(guarantee(&FULL)), None),
            (Decision::Partial(guarantee(&FULL[..3])), None),
            (Decision::Partial(guarantee(&[(3, 4_000, true)])), None),
            (Decision::Refused(vec![refusal("NOT_IN_NETWORK")]), None),
            (Decision::Approved(guarantee(&FULL[..3])), Some(Wrong::Verb)),
            (Decision::Partial(guarantee(&FULL)), Some(Wrong::Verb)),
            (Decision::Partial(guarantee(&[(1, 1_106, false)])), Some(above)),
            (Decision::Partial(guarantee(&[(3, 4_000, false)])), Some(Wrong::Empty)),
            (Decision::Partial(guarantee(&[(5, 1, false)])), Some(Wrong::Strange)),
            (Decision::Partial(guarantee(&[(1, 1_105, false), (1, 1_105, false)])), Some(Wrong::Twice)),
            (Decision::Partial(guarantee(&[])), Some(Wrong::Empty)),
            (Decision::Partial(guarantee(&[(1, -1, true)])), Some(Wrong::Money(crate::money::MoneyError::Negative))),
            (Decision::Approved(Guarantee { expires: YEAR.start, ..guarantee(&FULL) }), Some(Wrong::Time(YEAR.start))),
            (Decision::Approved(Guarantee { reference: String::new(), ..guarantee(&FULL) }), Some(Wrong::Reference)),
            (Decision::Cancelled, Some(Wrong::Verb)),
            (Decision::Refused(Vec::new()), Some(Wrong::Empty)),
        ] {
            assert_eq!(decision.check(asked).err().map(|fault| fault.wrong), wrong, "{decision:?}");
        }
        assert_eq!(Decision::Cancelled.check(Asked::Cancel), Ok(()));
        let approved = Decision::Approved(guarantee(&FULL));
        assert_eq!(approved.check(Asked::Cancel), Err(Wrong::Verb.at("decision")));
        assert_eq!(Decision::check_status(None, asked, false), Ok(()));
        assert_eq!(Decision::check_status(None, asked, true), Err(Wrong::Forgotten.at("status")));
        assert_eq!(Decision::check_status(Some(&approved), asked, true), Ok(()));
        assert_eq!(approved.reference(), Some("GOP-1"));
    }
}
