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

impl Finding {
    /// Why it is not valid for an order: its code must be upper snake case, its message and the
    /// title of its source must not be empty, and its lines must be lines of the order.
    fn fault(&self, order: &Order) -> Option<String> {
        let code = &self.code;
        let letters = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        if code.len() > LONGEST_CODE
            || !code.starts_with(|c: char| c.is_ascii_uppercase())
            || !code.chars().all(letters)
        {
            return Some(format!("the code `{code}` of a finding is not in upper snake case"));
        }
        if self.message.is_empty() {
            return Some(format!("the finding {code} has no message"));
        }
        if self.citation.title.trim().is_empty() {
            return Some(format!("the finding {code} names no source"));
        }
        let strange = self.lines.iter().find(|number| order.lines.iter().all(|line| line.number != **number))?;
        Some(format!("the finding {code} is about line {strange}, which the order does not have"))
    }
}

/// Longest code of a finding, in bytes.
const LONGEST_CODE: usize = 64;

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

impl Verdict {
    /// Its findings.
    pub fn findings(&self) -> &[Finding] {
        match self {
            Self::Allow => &[],
            Self::Warn(findings) | Self::Veto(findings) => findings,
        }
    }

    /// Checks that a prescriber can read and trust it: a warning or veto has findings, and each
    /// has a code, a message, a source, and lines of the order.
    ///
    /// # Errors
    /// What is wrong, in words for the author of the checker.
    pub fn validate(&self, order: &Order) -> Result<(), String> {
        if !matches!(self, Self::Allow) && self.findings().is_empty() {
            return Err("a warning or veto without a finding; a prescriber must be told why".to_owned());
        }
        self.findings().iter().find_map(|finding| finding.fault(order)).map_or(Ok(()), Err)
    }
}

/// Code of a finding that rests on a part of the record that the reader may not see.
pub const RESTRICTED_INTERACTION: &str = "RESTRICTED_INTERACTION";

impl Finding {
    /// That there is a finding, how severe it is, and whom to ask; nothing of what it is about.
    fn masked(&self) -> Self {
        let text = LocalizedText::zh_en;
        Self {
            code: RESTRICTED_INTERACTION.to_owned(),
            severity: self.severity,
            message: text(
                "患者受限病历中的药品或过敏史与此医嘱有冲突。",
                "A medicine or allergy in a restricted part of the patient's record conflicts with this order.",
            ),
            suggestion: text(
                "请咨询有权查看该部分病历的主治医师，或经患者同意后查看。",
                "Ask the doctor who treats the patient there, or the patient to open that part to you.",
            ),
            lines: self.lines.clone(),
            citation: Citation {
                title: "《医疗机构处方审核规范》(国卫办医发〔2018〕14号)".to_owned(),
                section: Some("第十五条".to_owned()),
                year: 2018,
                url: None,
            },
            attributes: Vec::new(),
        }
    }
}

impl Answer {
    /// The answer for readers who may not see the restricted part of the record. `open` is the
    /// answer of the same checker without that part: what it does not contain is masked.
    pub fn masked(&self, open: &Self) -> Self {
        let known: &[Finding] = if let Self::Verdict(verdict) = open { verdict.findings() } else { &[] };
        let mask = |findings: &[Finding]| {
            let mut masked: Vec<Finding> = Vec::new();
            for finding in findings {
                let one = if known.contains(finding) { finding.clone() } else { finding.masked() };
                if !masked.contains(&one) {
                    masked.push(one);
                }
            }
            masked
        };
        match self {
            Self::Verdict(Verdict::Warn(findings)) => Self::Verdict(Verdict::Warn(mask(findings))),
            Self::Verdict(Verdict::Veto(findings)) => Self::Verdict(Verdict::Veto(mask(findings))),
            Self::Undecided(_) if self != open => {
                Self::Undecided(ReviewError::Other("a restricted part of the record is needed".to_owned()))
            }
            Self::Failed(failed) if self != open => {
                Self::Failed(FailedCall { code: failed.code, message: String::new() })
            }
            other => other.clone(),
        }
    }
}

/// A finding and the checker that made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Id of the plugin.
    pub plugin: String,
    /// The finding.
    #[serde(flatten)]
    pub finding: Finding,
}

/// That a prescriber has read a warning and signs nevertheless. Codes are unique within a
/// plugin only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledgement {
    /// Id of the plugin.
    pub plugin: String,
    /// Code of the finding.
    pub code: String,
    /// Why, in the prescriber's words.
    pub reason: String,
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

    /// The outcome for readers who may not see the restricted part of the record; `open` has the
    /// answers without that part, of the checkers whose answers could differ.
    #[must_use]
    pub fn masked(&self, open: &BTreeMap<String, Answer>) -> Self {
        let mut masked = self.clone();
        for check in &mut masked.checks {
            if let Some(open) = open.get(&check.checker.plugin) {
                check.answer = check.answer.masked(open);
            }
        }
        masked
    }

    /// Every finding with its checker, vetoes first.
    pub fn findings(&self) -> impl Iterator<Item = Found> {
        let found =
            |checker: &Checker, finding: &Finding| Found { plugin: checker.plugin.clone(), finding: finding.clone() };
        let vetoes =
            self.vetoes().flat_map(move |(checker, findings)| findings.iter().map(move |one| found(checker, one)));
        vetoes.chain(self.warnings().map(move |(checker, finding)| found(checker, finding)))
    }

    /// The proof that the checked order may be signed, given what the prescriber acknowledges.
    ///
    /// # Errors
    /// If there is a veto, a missing required verdict, a warning that is not acknowledged, or one
    /// that is acknowledged without a reason.
    pub fn acknowledge(&self, acknowledged: &BTreeSet<Acknowledgement>) -> Result<Reviewed, NotReviewed> {
        let plugins = |list: Vec<&Checker>| list.into_iter().map(|c| c.plugin.clone()).collect();
        match self.conclusion() {
            Conclusion::Vetoed => Err(NotReviewed::Vetoed(plugins(self.vetoes().map(|(c, _)| c).collect()))),
            Conclusion::NotChecked => {
                Err(NotReviewed::NotChecked(plugins(self.unchecked().map(|c| &c.checker).collect())))
            }
            Conclusion::Warned | Conclusion::Clear => {
                let mut open = BTreeSet::new();
                let mut kept = BTreeSet::new();
                for (checker, finding) in self.warnings() {
                    let of_it = |one: &&Acknowledgement| one.plugin == checker.plugin && one.code == finding.code;
                    match acknowledged.iter().find(of_it) {
                        Some(one) if one.reason.trim().is_empty() => return Err(NotReviewed::Reason(one.code.clone())),
                        Some(one) => drop(kept.insert(one.clone())),
                        None => drop(open.insert(format!("{} {}", checker.plugin, finding.code))),
                    }
                }
                match open.is_empty() {
                    true => Ok(Reviewed { outcome: self.clone(), acknowledged: kept }),
                    false => Err(NotReviewed::Unacknowledged(open)),
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
    acknowledged: BTreeSet<Acknowledgement>,
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

    /// The warnings that the prescriber acknowledged, each with a reason.
    pub const fn acknowledged(&self) -> &BTreeSet<Acknowledgement> {
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
    /// These findings, each with its plugin, are not acknowledged.
    #[error("not acknowledged: {}", .0.iter().map(String::as_str).collect::<Vec<_>>().join(", "))]
    Unacknowledged(BTreeSet<String>),
    /// This finding is acknowledged without a reason.
    #[error("{0} is acknowledged without a reason")]
    Reason(String),
}

impl NotReviewed {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::Vetoed(_) => Code::RxVetoed,
            Self::NotChecked(_) => Code::RxNotChecked,
            Self::Unacknowledged(_) => Code::RxWarningUnacknowledged,
            Self::Reason(_) => Code::RxReasonRequired,
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
            let refused = outcome.acknowledge(&BTreeSet::from([seen("b", "DDI", "监测")])).expect_err("veto");
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

    fn seen(plugin: &str, code: &str, reason: &str) -> Acknowledgement {
        Acknowledgement { plugin: plugin.into(), code: code.into(), reason: reason.into() }
    }

    #[test]
    fn a_warning_is_acknowledged_by_plugin_and_code_with_a_reason() {
        let warned =
            outcome(true, Some(Answer::Verdict(Verdict::Warn(vec![fixture::finding("A"), fixture::finding("B")]))));
        assert_eq!(warned.conclusion(), Conclusion::Warned);
        let acknowledge = |list: &[Acknowledgement]| warned.acknowledge(&list.iter().cloned().collect());
        let open = |codes: &[&str]| Err(NotReviewed::Unacknowledged(codes.iter().map(|c| (*c).to_owned()).collect()));
        assert_eq!(acknowledge(&[seen("b", "A", "已停药")]), open(&["b B"]));
        // Another plugin's finding of the same code is another finding.
        assert_eq!(acknowledge(&[seen("a", "A", "已停药"), seen("b", "B", "监测")]), open(&["b A"]));
        let mute = acknowledge(&[seen("b", "A", " "), seen("b", "B", "监测")]);
        assert_eq!(mute, Err(NotReviewed::Reason("A".into())));
        let all = [seen("b", "A", "已停药"), seen("b", "B", "监测"), seen("b", "NOT_FOUND", "无")];
        let proof = acknowledge(&all).expect("all seen");
        assert_eq!(proof.subject(), Digest::of_bytes(b"order"));
        // What was not found is not kept as acknowledged.
        assert_eq!(proof.acknowledged(), &all[..2].iter().cloned().collect());
    }

    #[test]
    fn a_finding_without_code_text_source_or_line_is_no_finding() {
        let order =
            Order { diagnoses: vec![], lines: vec![fixture::metformin().line], long_term: false, attributes: vec![] };
        let judge = |change: fn(&mut Finding)| {
            let mut finding = fixture::finding("DDI");
            change(&mut finding);
            [Verdict::Warn(vec![finding.clone()]), Verdict::Veto(vec![finding])].map(|v| v.validate(&order).is_ok())
        };
        assert_eq!(judge(|_| {}), [true, true]);
        assert_eq!(judge(|f| f.lines = vec![order_line()]), [true, true]);
        let wrong: [fn(&mut Finding); 8] = [
            |f| f.code = "ddi".into(),
            |f| f.code = "_DDI".into(),
            |f| f.code = String::new(),
            |f| f.code = "D".repeat(65),
            |f| f.message = LocalizedText(vec![]),
            |f| f.message.0.iter_mut().for_each(|t| t.text = " ".into()),
            |f| f.citation.title = " ".into(),
            |f| f.lines = vec![order_line() + 1],
        ];
        for change in wrong {
            assert_eq!(judge(change), [false, false]);
        }
        assert!(Verdict::Allow.validate(&order).is_ok());
        assert!(Verdict::Warn(vec![]).validate(&order).is_err());
        assert!(Verdict::Veto(vec![]).validate(&order).is_err());
    }

    #[test]
    fn what_rests_on_the_restricted_part_is_masked() {
        let [secret, known, other] = ["DDI_HIV", "RENAL", "DDI_HIV_2"].map(fixture::finding);
        let open = Answer::Verdict(Verdict::Warn(vec![known.clone()]));
        let raw = outcome(true, Some(Answer::Verdict(Verdict::Veto(vec![secret, known, other]))));
        let masked = raw.masked(&BTreeMap::from([("b".to_owned(), open)]));
        assert_eq!(masked.conclusion(), Conclusion::Vetoed);
        let found: Vec<Found> = masked.findings().collect();
        let codes: Vec<&str> = found.iter().map(|one| one.finding.code.as_str()).collect();
        // Two that say the same are one.
        assert_eq!(codes, [RESTRICTED_INTERACTION, "RENAL"]);
        let json = serde_json::to_string(&masked).expect("json");
        assert!(!json.contains("DDI_HIV"), "{json}");
        // Where nothing is known of the open part, everything is masked.
        assert_eq!(raw.masked(&BTreeMap::from([("b".to_owned(), failed())])).findings().count(), 1);
        let undecided = Answer::Undecided(ReviewError::NotUnderstood("tenofovir".into()));
        assert!(!format!("{:?}", undecided.masked(&Answer::Verdict(Verdict::Allow))).contains("tenofovir"));
        assert_eq!(undecided.masked(&undecided.clone()), undecided);
    }

    fn order_line() -> u32 {
        fixture::metformin().line.number
    }
}
