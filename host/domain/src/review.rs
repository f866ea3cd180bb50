//! Checks of a prescription: the order, the answers of checkers, and their combination. As in
//! `xinglin:prescribing/review`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    canonical::Digest,
    code::Code,
    coding::{Attribute, Citation, Coding, Decimal, LocalizedText, Quantity},
};

/// One medicine of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Position, from 1.
    pub number: u32,
    /// The product, in every known coding.
    pub code: Vec<Coding>,
    /// Its active ingredients, if known.
    pub ingredients: Vec<Coding>,
    /// One dose.
    pub dose: Quantity,
    /// Doses per day.
    pub doses_per_day: Decimal,
    /// Length of treatment in days.
    pub days: u16,
    /// Route of administration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Coding>,
    /// Additional attributes, for later versions.
    #[serde(default)]
    pub attributes: Vec<Attribute>,
}

/// A drafted prescription, as checkers receive it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Coded diagnoses of the follow-up.
    pub diagnoses: Vec<Coding>,
    /// The medicines.
    pub lines: Vec<Line>,
    /// Long-term prescription (长期处方).
    pub long_term: bool,
    /// Additional attributes, for later versions.
    #[serde(default)]
    pub attributes: Vec<Attribute>,
}

/// Severity of a finding: the indicators of a CDS Hooks card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are those of CDS Hooks")]
pub enum Severity {
    Info,
    Warning,
    Critical,
}

/// A finding for the prescriber.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Stable, upper snake case.
    pub code: String,
    /// Severity.
    pub severity: Severity,
    /// The text.
    pub message: LocalizedText,
    /// A suggested alternative.
    pub suggestion: LocalizedText,
    /// Lines concerned; empty means the whole order.
    pub lines: Vec<u32>,
    /// The source.
    pub citation: Citation,
    /// Additional attributes, for later versions.
    pub attributes: Vec<Attribute>,
}

/// Verdict of one checker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No findings.
    Allow,
    /// May be signed after each finding is acknowledged.
    Warn(Vec<Finding>),
    /// Must not be signed unchanged.
    Veto(Vec<Finding>),
}

/// Why a checker gave no verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewError {
    /// Data that it needs are missing.
    MissingData(LocalizedText),
    /// Unknown unit or code system.
    NotUnderstood(String),
    /// Anything else.
    Other(String),
}

/// A checker that is called for every order of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checker {
    /// Id of the plugin.
    pub plugin: String,
    /// Whether its verdict is required for a signature.
    pub required: bool,
}

/// A call of a checker that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailedCall {
    /// Stable code, for example `PLUGIN_TRAP`.
    pub code: Code,
    /// Details for the operator.
    pub message: String,
}

/// Result of calling one checker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// A verdict.
    Verdict(Verdict),
    /// The checker could not decide.
    Undecided(ReviewError),
    /// The call failed.
    Failed(FailedCall),
    /// It was not called, or the answer was lost.
    Missing,
}

impl Answer {
    /// From the two nested results of a plugin call.
    pub fn from_call(call: Result<Result<Verdict, ReviewError>, FailedCall>) -> Self {
        match call {
            Ok(Ok(verdict)) => Self::Verdict(verdict),
            Ok(Err(error)) => Self::Undecided(error),
            Err(failed) => Self::Failed(failed),
        }
    }
}

/// One checker and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// The checker.
    pub checker: Checker,
    /// The answer.
    pub answer: Answer,
}

impl Check {
    /// Whether a required verdict is missing. Fails closed: a required checker that failed or
    /// could not decide prevents the signature.
    pub const fn is_unchecked(&self) -> bool {
        self.checker.required && !matches!(self.answer, Answer::Verdict(_))
    }
}

/// All answers to one order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReviewOutcome {
    subject: Digest,
    checks: Vec<Check>,
}

/// The combined answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// May be signed.
    Clear,
    /// May be signed after every warning is acknowledged.
    Warned,
    /// A required verdict is missing.
    NotChecked,
    /// Must not be signed.
    Vetoed,
}

/// Combines the answers of all checkers, by plugin id. `subject` is the fingerprint of the
/// checked order. An answer of a plugin that is not in `checkers` counts as that of an optional
/// checker, so no veto is lost.
pub fn fold(subject: Digest, checkers: &[Checker], mut answers: BTreeMap<String, Answer>) -> ReviewOutcome {
    let mut checks: Vec<Check> = checkers
        .iter()
        .map(|checker| Check {
            checker: checker.clone(),
            answer: answers.remove(&checker.plugin).unwrap_or(Answer::Missing),
        })
        .collect();
    checks.extend(
        answers.into_iter().map(|(plugin, answer)| Check { checker: Checker { plugin, required: false }, answer }),
    );
    ReviewOutcome { subject, checks }
}

impl ReviewOutcome {
    /// Fingerprint of the checked order.
    pub const fn subject(&self) -> Digest {
        self.subject
    }

    /// Every checker with its answer.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// Checkers that vetoed, with findings.
    pub fn vetoes(&self) -> impl Iterator<Item = (&Checker, &[Finding])> {
        self.checks.iter().filter_map(|check| match &check.answer {
            Answer::Verdict(Verdict::Veto(findings)) => Some((&check.checker, findings.as_slice())),
            _ => None,
        })
    }

    /// Findings that must be acknowledged.
    pub fn warnings(&self) -> impl Iterator<Item = (&Checker, &Finding)> {
        self.checks.iter().flat_map(|check| {
            let findings = match &check.answer {
                Answer::Verdict(Verdict::Warn(findings)) => findings.as_slice(),
                _ => &[],
            };
            findings.iter().map(move |finding| (&check.checker, finding))
        })
    }

    /// Required checkers without a verdict.
    pub fn unchecked(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.is_unchecked())
    }

    /// The combined answer: a veto wins, then a missing verdict, then a warning.
    pub fn conclusion(&self) -> Conclusion {
        if self.vetoes().next().is_some() {
            Conclusion::Vetoed
        } else if self.unchecked().next().is_some() {
            Conclusion::NotChecked
        } else if self.warnings().next().is_some() {
            Conclusion::Warned
        } else {
            Conclusion::Clear
        }
    }

    /// The proof that the checked order may be signed, given the codes of the findings that the
    /// prescriber acknowledges.
    ///
    /// # Errors
    /// If there is a veto, a missing required verdict, or an unacknowledged warning.
    pub fn acknowledge(&self, acknowledged: &BTreeSet<String>) -> Result<Reviewed, NotReviewed> {
        let plugins = |list: Vec<&Checker>| list.into_iter().map(|c| c.plugin.clone()).collect();
        match self.conclusion() {
            Conclusion::Vetoed => Err(NotReviewed::Vetoed(plugins(self.vetoes().map(|(c, _)| c).collect()))),
            Conclusion::NotChecked => {
                Err(NotReviewed::NotChecked(plugins(self.unchecked().map(|c| &c.checker).collect())))
            }
            Conclusion::Warned | Conclusion::Clear => {
                let open: BTreeSet<String> = self
                    .warnings()
                    .map(|(_, finding)| finding.code.clone())
                    .filter(|code| !acknowledged.contains(code))
                    .collect();
                if open.is_empty() {
                    Ok(Reviewed { outcome: self.clone(), acknowledged: acknowledged.clone() })
                } else {
                    Err(NotReviewed::Unacknowledged(open))
                }
            }
        }
    }
}

/// Proof that an order was checked and may be signed. Bound to its fingerprint; constructed only
/// by [`ReviewOutcome::acknowledge`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewed {
    outcome: ReviewOutcome,
    acknowledged: BTreeSet<String>,
}

impl Reviewed {
    /// Fingerprint of the checked order.
    pub const fn subject(&self) -> Digest {
        self.outcome.subject
    }

    /// The answers.
    pub const fn outcome(&self) -> &ReviewOutcome {
        &self.outcome
    }

    /// Codes of the findings that the prescriber acknowledged.
    pub const fn acknowledged(&self) -> &BTreeSet<String> {
        &self.acknowledged
    }
}

/// Why an order may not be signed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotReviewed {
    /// These checkers vetoed.
    #[error("vetoed by {}", .0.join(", "))]
    Vetoed(Vec<String>),
    /// These required checkers gave no verdict.
    #[error("not checked by {}", .0.join(", "))]
    NotChecked(Vec<String>),
    /// These findings are not acknowledged.
    #[error("not acknowledged: {}", .0.iter().map(String::as_str).collect::<Vec<_>>().join(", "))]
    Unacknowledged(BTreeSet<String>),
}

impl NotReviewed {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::Vetoed(_) => Code::RxVetoed,
            Self::NotChecked(_) => Code::RxNotChecked,
            Self::Unacknowledged(_) => Code::RxWarningUnacknowledged,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn outcome(required: bool, answer: Option<Answer>) -> ReviewOutcome {
        let checkers = [Checker { plugin: "a".into(), required: true }, Checker { plugin: "b".into(), required }];
        let mut answers = BTreeMap::from([("a".to_owned(), Answer::Verdict(Verdict::Allow))]);
        answers.extend(answer.map(|answer| ("b".to_owned(), answer)));
        fold(Digest::of_bytes(b"order"), &checkers, answers)
    }

    fn failed() -> Answer {
        Answer::from_call(Err(FailedCall { code: Code::PluginTrap, message: "unreachable".into() }))
    }

    #[test]
    fn any_veto_wins() {
        let veto = Answer::Verdict(Verdict::Veto(vec![fixture::finding("DDI")]));
        for required in [true, false] {
            let outcome = outcome(required, Some(veto.clone()));
            assert_eq!(outcome.conclusion(), Conclusion::Vetoed);
            let refused = outcome.acknowledge(&BTreeSet::from(["DDI".to_owned()])).expect_err("veto");
            assert_eq!(refused, NotReviewed::Vetoed(vec!["b".into()]));
        }
        let stranger = fold(
            Digest::of_bytes(b"order"),
            &[],
            BTreeMap::from([("x".to_owned(), Answer::Verdict(Verdict::Veto(vec![])))]),
        );
        assert_eq!(stranger.conclusion(), Conclusion::Vetoed);
    }

    #[test]
    fn a_required_checker_without_a_verdict_fails_closed() {
        let undecided = Answer::from_call(Ok(Err(ReviewError::Other("?".into()))));
        for answer in [None, Some(failed()), Some(undecided)] {
            let closed = outcome(true, answer.clone());
            assert_eq!(closed.conclusion(), Conclusion::NotChecked);
            assert_eq!(closed.acknowledge(&BTreeSet::new()).map_err(|e| e.code()), Err(Code::RxNotChecked));
            assert_eq!(outcome(false, answer).conclusion(), Conclusion::Clear);
        }
    }

    #[test]
    fn warnings_are_acknowledged_by_code() {
        let warned =
            outcome(true, Some(Answer::Verdict(Verdict::Warn(vec![fixture::finding("A"), fixture::finding("B")]))));
        assert_eq!(warned.conclusion(), Conclusion::Warned);
        let refused = warned.acknowledge(&BTreeSet::from(["A".to_owned()])).expect_err("B is open");
        assert_eq!(refused, NotReviewed::Unacknowledged(BTreeSet::from(["B".to_owned()])));
        let proof = warned.acknowledge(&BTreeSet::from(["A".to_owned(), "B".to_owned()])).expect("all seen");
        assert_eq!(proof.subject(), Digest::of_bytes(b"order"));
    }
}
