//! What an insurer decides of a claim, line by line.

use serde::{Deserialize, Serialize};

use super::{
    Claim, Document, Draw, Pending, Policy, Refusal,
    balance::check_draws,
    fault::{Fault, Wrong, amount, citation, coding, reference, refused, sums, text},
};
use crate::{
    coding::{Attribute, Citation, Coding, LocalizedText},
    money::{Money, MoneyError, Rounding},
};

/// Why a line is not paid as charged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// X12 CARC or the insurer's own.
    pub code: Coding,
    /// For patient and doctor.
    pub message: LocalizedText,
    /// The source of the rule.
    pub citation: Citation,
}

/// How the insurer shares one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineAdjudication {
    /// Number of the line.
    pub number: u32,
    /// Given up by the provider under its contract.
    pub contractual: Money,
    /// Excluded or denied.
    pub not_covered: Money,
    /// What the benefit is applied to.
    pub allowed: Money,
    /// Patient: 起付线.
    pub deductible: Money,
    /// Patient: a fixed sum.
    pub copay: Money,
    /// Patient: a percentage (共付比例).
    pub coinsurance: Money,
    /// Patient: beyond a limit (封顶线).
    pub over_limit: Money,
    /// What the insurer pays.
    pub benefit: Money,
    /// At least one if `contractual` or `not_covered` is above zero.
    pub reasons: Vec<Reason>,
}

/// How the insurer shares a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adjudication {
    /// By line.
    pub lines: Vec<LineAdjudication>,
    /// What it uses up.
    pub draws: Vec<Draw>,
    /// The source of the rule.
    pub citation: Citation,
    /// The insurer's own figures.
    pub attributes: Vec<Attribute>,
}

/// Sums over the lines of an adjudication.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// What payers before pay.
    pub prior: Money,
    /// The provider's by contract.
    pub contractual: Money,
    /// Excluded or denied: the patient's only if they undertook it.
    pub not_covered: Money,
    /// The patient's under the policy: deductible, copay, coinsurance, over the limit.
    pub patient: Money,
    /// The insurer's.
    pub benefit: Money,
}

impl LineAdjudication {
    /// The patient's share under the policy: all of the allowed amount but the benefit.
    ///
    /// # Errors
    /// On overflow.
    pub fn patient(&self) -> Result<Money, MoneyError> {
        Money::sum([self.deductible, self.copay, self.coinsurance, self.over_limit])
    }
}

impl Adjudication {
    /// Checks the figures against the claim and the policy that they are of.
    ///
    /// # Errors
    /// If a line is missing, an amount negative, one of the two equations of a line does not hold,
    /// less is paid without a reason, or a draw is not on a balance of the policy within its limit.
    pub fn check(&self, claim: &Claim, policy: &Policy) -> Result<(), Fault> {
        if !self.lines.iter().map(|line| line.number).eq(claim.numbers()) {
            return Err(Wrong::Lines.at("lines"));
        }
        for (asked, line) in claim.lines.iter().zip(&self.lines) {
            let LineAdjudication { contractual, not_covered, allowed, .. } = *line;
            let field = format!("lines[{}]", line.number);
            let part = |name: &str| format!("{field}.{name}");
            for (name, money) in [
                ("contractual", contractual),
                ("not_covered", not_covered),
                ("allowed", allowed),
                ("deductible", line.deductible),
                ("copay", line.copay),
                ("coinsurance", line.coinsurance),
                ("over_limit", line.over_limit),
                ("benefit", line.benefit),
            ] {
                amount(part(name), money)?;
            }
            let prior = asked.prior.iter().map(|share| share.amount);
            sums(&field, asked.gross, prior.chain([contractual, not_covered, allowed]))?;
            let shares = [line.deductible, line.copay, line.coinsurance, line.over_limit, line.benefit];
            sums(&part("allowed"), allowed, shares)?;
            if line.reasons.is_empty() && (contractual > Money::ZERO || not_covered > Money::ZERO) {
                return Err(Wrong::Empty.at(part("reasons")));
            }
            for (at, reason) in line.reasons.iter().enumerate() {
                coding(part(&format!("reasons[{at}].code")), &reason.code)?;
                text(part(&format!("reasons[{at}].message")), &reason.message)?;
                citation(part(&format!("reasons[{at}].citation")), &reason.citation)?;
            }
        }
        citation("citation", &self.citation)?;
        check_draws(&self.draws, &policy.balances, claim.served_at)
    }

    /// Checks that the provider gives up no more of a line than so many of a thousand of its gross,
    /// the discount of its contract with the insurer.
    ///
    /// # Errors
    /// If it would.
    pub fn check_discount(&self, claim: &Claim, per_mille: u16) -> Result<(), Fault> {
        for line in &self.lines {
            let field = || format!("lines[{}].contractual", line.number);
            let asked = claim.line(line.number).ok_or_else(|| Wrong::Lines.at("lines"))?;
            let most = asked.gross.share(i64::from(per_mille), 1000, Rounding::HalfUp);
            let most = most.map_err(|error| Wrong::Money(error).at(field()))?;
            if line.contractual > most {
                return Err(Wrong::Above { amount: line.contractual, most }.at(field()));
            }
        }
        Ok(())
    }

    /// Sums over the lines.
    ///
    /// # Errors
    /// On overflow.
    pub fn totals(&self, claim: &Claim) -> Result<Totals, MoneyError> {
        let prior = claim.lines.iter().flat_map(|line| &line.prior).map(|share| share.amount);
        let of = |amount: fn(&LineAdjudication) -> Money| Money::sum(self.lines.iter().map(amount));
        Ok(Totals {
            prior: Money::sum(prior)?,
            contractual: of(|line| line.contractual)?,
            not_covered: of(|line| line.not_covered)?,
            patient: self.lines.iter().try_fold(Money::ZERO, |sum, line| sum.plus(line.patient()?))?,
            benefit: of(|line| line.benefit)?,
        })
    }
}

/// Answer to a predetermination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Predetermined {
    /// How it would share the claim.
    Covered(Adjudication),
    /// Nothing is paid here.
    Declined(Vec<Refusal>),
}

impl Predetermined {
    /// Checks the answer.
    ///
    /// # Errors
    /// If the figures are wrong, or it is declined without a reason.
    pub fn check(&self, claim: &Claim, policy: &Policy) -> Result<(), Fault> {
        match self {
            Self::Covered(adjudication) => adjudication.check(claim, policy),
            Self::Declined(why) => refused("declined", why),
        }
    }
}

/// An explanation of benefit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExplanationOfBenefit {
    /// The insurer's, unique for ever.
    pub reference: String,
    /// The authoritative figures.
    pub adjudication: Adjudication,
}

/// That a claim was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cancellation {
    /// The insurer's reference.
    pub reference: String,
}

/// What became of a claim, a cancellation or an appeal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// Decided.
    Adjudicated(ExplanationOfBenefit),
    /// Not yet.
    Pending(Pending),
    /// Not taken up; nothing is owed.
    Refused(Vec<Refusal>),
    /// Taken back.
    Cancelled(Cancellation),
}

/// What the hospital holds against a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objection {
    /// Of the explanation of benefit.
    pub reference: String,
    /// Lines concerned; empty means all.
    pub lines: Vec<u32>,
    /// The grounds.
    pub grounds: LocalizedText,
    /// What supports it.
    pub documents: Vec<Document>,
}

/// The operation that an answer is about.
#[derive(Debug, Clone, Copy)]
pub enum Asked<'a> {
    /// `submit`.
    Submit {
        /// The claim.
        claim: &'a Claim,
        /// Under this policy.
        policy: &'a Policy,
    },
    /// `cancel`.
    Cancel,
    /// `appeal`.
    Appeal {
        /// Reference of the former decision.
        reference: &'a str,
        /// The claim that was decided.
        claim: &'a Claim,
        /// Under this policy, without what the former decision drew.
        policy: &'a Policy,
    },
}

impl Response {
    /// Checks an answer to `submit`, `cancel` or `appeal`.
    ///
    /// # Errors
    /// If figures, references or reasons are wrong, or it is an answer to something else.
    pub fn check(&self, asked: Asked<'_>) -> Result<(), Fault> {
        match (self, asked) {
            (Self::Adjudicated(decided), Asked::Submit { claim, policy } | Asked::Appeal { claim, policy, .. }) => {
                reference("reference", &decided.reference)?;
                if matches!(asked, Asked::Appeal { reference, .. } if reference == decided.reference) {
                    return Err(Wrong::Twice.at("reference"));
                }
                decided.adjudication.check(claim, policy)
            }
            (Self::Cancelled(cancelled), Asked::Cancel) => reference("reference", &cancelled.reference),
            (Self::Pending(pending), _) => pending.check(),
            (Self::Refused(why), _) => refused("refused", why),
            (Self::Adjudicated(_) | Self::Cancelled(_), _) => Err(Wrong::Verb.at("response")),
        }
    }

    /// Checks an answer to `status`. What was decided once stays decided, and what was answered
    /// once was seen.
    ///
    /// # Errors
    /// As [`check`](Self::check), or if it contradicts what was answered `before`.
    pub fn check_status(now: Option<&Self>, asked: Asked<'_>, before: Option<&Self>) -> Result<(), Fault> {
        match (now, before) {
            (None, None) => Ok(()),
            (None, Some(_)) => Err(Wrong::Forgotten.at("status")),
            (Some(now), None | Some(Self::Pending(_))) => now.check(asked),
            (Some(Self::Refused(why)), Some(Self::Refused(_))) => refused("refused", why),
            (Some(now), Some(before)) if now == before => Ok(()),
            (Some(_), Some(_)) => Err(Wrong::Changed.at("status")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::insurance::{
        Allowance,
        fixture::{adjudicated, primary, reason, refusal, secondary},
    };

    fn fen(totals: &Totals) -> [i64; 5] {
        let Totals { prior, contractual, not_covered, patient, benefit } = *totals;
        [prior, contractual, not_covered, patient, benefit].map(Money::as_fen)
    }

    fn gross(totals: &Totals) -> Money {
        Money::sum([totals.prior, totals.contractual, totals.not_covered, totals.patient, totals.benefit])
            .expect("fits")
    }

    #[test]
    fn both_examples_add_up_to_the_fen() {
        for ((claim, policy, adjudication), expected, gross_fen) in [
            (secondary(), [5_550, 0, 4_500, 4_050, 4_200], 18_300),
            (primary(), [0, 6_000, 0, 10_000, 104_000], 120_000),
        ] {
            adjudication.check(&claim, &policy).expect("the example");
            let totals = adjudication.totals(&claim).expect("it fits");
            assert_eq!(fen(&totals), expected);
            assert_eq!(gross(&totals), Money::fen(gross_fen));
        }
        let (claim, _, adjudication) = primary();
        assert_eq!(adjudication.check_discount(&claim, 50), Ok(()));
        let most = Wrong::Above { amount: Money::fen(6_000), most: Money::fen(5_880) };
        assert_eq!(adjudication.check_discount(&claim, 49), Err(most.at("lines[1].contractual")));
    }

    /// What is changed in the second example, and where the fault is found.
    type Case = (fn(&mut Adjudication), &'static str, Option<Wrong>);

    #[test]
    fn each_deviation_is_found_where_it_is() {
        let negative = || Some(Wrong::Money(MoneyError::Negative));
        let cases: &[Case] = &[
            (|a| a.lines.swap(0, 1), "lines", Some(Wrong::Lines)),
            (|a| a.lines.truncate(3), "lines", Some(Wrong::Lines)),
            (|a| a.lines.push(adjudicated(5, [0; 8])), "lines", Some(Wrong::Lines)),
            (|a| a.lines[1].number = 1, "lines", Some(Wrong::Lines)),
            (|a| a.lines[0] = adjudicated(1, [-1, 0, 1_106, 1_106, 0, 0, 0, 0]), "lines[1].contractual", negative()),
            (|a| a.lines[0] = adjudicated(1, [0, 0, 1_105, 1_106, 0, -1, 0, 0]), "lines[1].coinsurance", negative()),
            (|a| a.lines[0] = adjudicated(1, [0, 0, 1_105, 1_106, 0, 0, 0, -1]), "lines[1].benefit", negative()),
            // As if the fund had paid nothing.
            (|a| a.lines[0] = adjudicated(1, [0, 0, 2_000, 2_000, 0, 0, 0, 0]), "lines[1]", None),
            // A fen is lost.
            (|a| a.lines[0] = adjudicated(1, [0, 0, 1_104, 1_104, 0, 0, 0, 0]), "lines[1]", None),
            // The patient pays the insurer's part.
            (|a| a.lines[2] = adjudicated(3, [0, 0, 4_383, 0, 0, 878, 0, 3_506]), "lines[3].allowed", None),
            (
                |a| a.lines[2] = adjudicated(3, [0, 0, 4_383, 0, i64::MAX, i64::MAX, 0, 0]),
                "lines[3].allowed",
                Some(Wrong::Money(MoneyError::Overflow)),
            ),
            (|a| a.lines[3].reasons.clear(), "lines[4].reasons", Some(Wrong::Empty)),
            (|a| a.lines[3].reasons = vec![reason(" ")], "lines[4].reasons[0].code", Some(Wrong::Empty)),
            (|a| a.lines[3].reasons[0].message.0.clear(), "lines[4].reasons[0].message", Some(Wrong::Empty)),
            (|a| a.citation.title.clear(), "citation.title", Some(Wrong::Empty)),
            (|a| a.draws[0].amount = Allowance::Money(Money::fen(3_001)), "draws[deductible]", Some(Wrong::Balance)),
            (|a| a.draws[0].code = "annual-limit".into(), "draws[annual-limit]", Some(Wrong::Strange)),
            (|a| a.draws.push(a.draws[0].clone()), "draws[deductible]", Some(Wrong::Twice)),
        ];
        for (at, (change, field, wrong)) in cases.iter().enumerate() {
            let (claim, policy, mut adjudication) = secondary();
            change(&mut adjudication);
            let fault = adjudication.check(&claim, &policy).expect_err(field);
            assert_eq!(fault.field, *field, "case {at}");
            match wrong {
                Some(wrong) => assert_eq!(fault.wrong, *wrong, "case {at}"),
                None => assert!(matches!(fault.wrong, Wrong::Sum { .. }), "case {at}: {fault}"),
            }
        }
    }

    fn pending(reference: &str) -> Response {
        let ask_after = crate::time::Instant::from_micros(0);
        Response::Pending(Pending { reference: reference.into(), ask_after, documents_wanted: Vec::new() })
    }

    #[test]
    fn an_answer_fits_its_question() {
        let (claim, policy, adjudication) = secondary();
        let decided = |reference: &str| {
            Response::Adjudicated(ExplanationOfBenefit {
                reference: reference.into(),
                adjudication: adjudication.clone(),
            })
        };
        let cancelled = |reference: &str| Response::Cancelled(Cancellation { reference: reference.into() });
        let submit = Asked::Submit { claim: &claim, policy: &policy };
        let appeal = Asked::Appeal { reference: "EOB-1", claim: &claim, policy: &policy };
        let long = "x".repeat(201);
        for (answer, asked, wrong) in [
            (decided("EOB-1"), submit, None),
            (decided("EOB-2"), appeal, None),
            (pending("P-1"), Asked::Cancel, None),
            (cancelled("C-1"), Asked::Cancel, None),
            (Response::Refused(vec![refusal("CLAIM_NO_PREAUTH")]), submit, None),
            (decided(&"x".repeat(200)), submit, None),
            (decided(""), submit, Some(Wrong::Reference)),
            (decided(&long), submit, Some(Wrong::Reference)),
            (decided("EOB-1"), appeal, Some(Wrong::Twice)),
            (decided("EOB-1"), Asked::Cancel, Some(Wrong::Verb)),
            (cancelled("C-1"), submit, Some(Wrong::Verb)),
            (cancelled("C-1"), appeal, Some(Wrong::Verb)),
            (cancelled(""), Asked::Cancel, Some(Wrong::Reference)),
            (pending(""), submit, Some(Wrong::Reference)),
            (Response::Refused(Vec::new()), submit, Some(Wrong::Empty)),
            (Response::Refused(vec![refusal("not a code")]), submit, Some(Wrong::Code)),
        ] {
            assert_eq!(answer.check(asked).err().map(|fault| fault.wrong), wrong, "{answer:?} to {asked:?}");
        }

        let (first, other) = (decided("EOB-1"), decided("EOB-2"));
        for (now, before, wrong) in [
            (None, None, None),
            (Some(&first), None, None),
            (Some(&first), Some(pending("P-1")), None),
            (Some(&first), Some(first.clone()), None),
            (None, Some(pending("P-1")), Some(Wrong::Forgotten)),
            (None, Some(first.clone()), Some(Wrong::Forgotten)),
            (Some(&other), Some(first.clone()), Some(Wrong::Changed)),
            (Some(&pending("P-1")), Some(first.clone()), Some(Wrong::Changed)),
            (Some(&first), Some(Response::Refused(vec![refusal("LATE")])), Some(Wrong::Changed)),
        ] {
            let found = Response::check_status(now, submit, before.as_ref()).err().map(|fault| fault.wrong);
            assert_eq!(found, wrong, "{now:?} after {before:?}");
        }
    }

    proptest! {
        /// Whatever passes the check splits the gross among all, and the insurer never pays more
        /// than what payers before it leave.
        #[test]
        fn what_is_accepted_splits_the_gross(amounts in proptest::array::uniform8(-50_i64..150_000)) {
            let (claim, policy, mut adjudication) = primary();
            adjudication.lines[0] = adjudicated(1, amounts);
            let passes = adjudication.check(&claim, &policy).is_ok();
            let [contractual, not_covered, allowed, shares @ ..] = amounts;
            let holds = contractual + not_covered + allowed == 120_000 && shares.iter().sum::<i64>() == allowed;
            prop_assert_eq!(passes, holds && amounts.iter().all(|fen| *fen >= 0));
        }

        #[test]
        fn a_split_of_the_gross_is_accepted(cuts in proptest::array::uniform6(0_i64..=120_000)) {
            let (claim, policy, mut adjudication) = primary();
            let mut at = cuts;
            at.sort_unstable();
            let part = |from: usize| at[from] - if from == 0 { 0 } else { at[from - 1] };
            let (contractual, not_covered) = (part(0), part(1));
            let [deductible, copay, coinsurance, over_limit] = [part(2), part(3), part(4), part(5)];
            let benefit = 120_000 - at[5];
            let allowed = 120_000 - contractual - not_covered;
            adjudication.lines[0] = adjudicated(
                1,
                [contractual, not_covered, allowed, deductible, copay, coinsurance, over_limit, benefit],
            );
            prop_assert_eq!(adjudication.check(&claim, &policy), Ok(()));
            let totals = adjudication.totals(&claim).expect("it fits");
            prop_assert_eq!(gross(&totals), Money::fen(120_000));
        }
    }
}
