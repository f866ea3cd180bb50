//! The part of a plugin's answer that is a decision: what changes the host's action if it
//! changes. Wording and opaque state are not part of it.

mod insurance;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    coding::Coding,
    identity::{self, VerifyError},
    panel::{Act, Block, Panel, PanelError},
    pathway::{Contact, Definition, Destination, Directive, Eligibility, Migrated, Outcome, PathwayError, Reason},
    payer::{Adjudication, Authorized, PayerError, Quoted, Refusal, Reversed, Settled, Status},
    review::{Finding, ReviewError, Verdict},
};

/// The decisions of one answer, by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decisions(BTreeMap<&'static str, BTreeSet<String>>);

/// One kind of decision in which two answers differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// For example `verdict`, `alert`, `amount`.
    pub kind: String,
    /// Values that only the first answer has.
    pub before: Vec<String>,
    /// Values that only the second has.
    pub after: Vec<String>,
}

/// An answer that contains decisions.
pub trait Decides {
    /// Adds its decisions.
    fn decide(&self, decisions: &mut Decisions);
}

impl Decisions {
    /// The decisions of an answer.
    pub fn of(answer: &impl Decides) -> Self {
        let mut decisions = Self::default();
        answer.decide(&mut decisions);
        decisions
    }

    /// For a call that gave no answer.
    pub fn failure(code: &str) -> Self {
        let mut decisions = Self::default();
        decisions.add("failure", code);
        decisions
    }

    fn add(&mut self, kind: &'static str, what: impl Into<String>) {
        self.0.entry(kind).or_default().insert(what.into());
    }

    /// The differences from another answer, by kind; empty if the decisions are equal.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let kinds: BTreeSet<_> = self.0.keys().chain(other.0.keys()).collect();
        let none = BTreeSet::new();
        kinds
            .into_iter()
            .filter_map(|kind| {
                let (before, after) = (self.0.get(kind).unwrap_or(&none), other.0.get(kind).unwrap_or(&none));
                (before != after).then(|| Difference {
                    kind: (*kind).to_owned(),
                    before: before.difference(after).cloned().collect(),
                    after: after.difference(before).cloned().collect(),
                })
            })
            .collect()
    }
}

/// The name in the WIT contract: lower case, as in JSON.
fn word(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => "?".to_owned(),
    }
}

fn coding(coding: &Coding) -> String {
    format!("{}|{}", coding.system, coding.code)
}

impl<T: Decides, E: Decides> Decides for Result<T, E> {
    fn decide(&self, decisions: &mut Decisions) {
        match self {
            Ok(answer) => answer.decide(decisions),
            Err(error) => error.decide(decisions),
        }
    }
}

// --- review ------------------------------------------------------------------

impl Decides for Verdict {
    fn decide(&self, decisions: &mut Decisions) {
        let (verdict, findings) = match self {
            Self::Allow => ("allow", &[][..]),
            Self::Warn(findings) => ("warn", findings.as_slice()),
            Self::Veto(findings) => ("veto", findings.as_slice()),
        };
        decisions.add("verdict", verdict);
        for Finding { code, severity, lines, .. } in findings {
            let lines: String = lines.iter().map(|line| format!(" line {line}")).collect();
            decisions.add("finding", format!("{code} ({}){lines}", word(severity)));
        }
    }
}

impl Decides for ReviewError {
    fn decide(&self, decisions: &mut Decisions) {
        decisions.add(
            "undecided",
            match self {
                Self::MissingData(_) => "missing data",
                Self::NotUnderstood(_) => "not understood",
                Self::Other(_) => "other",
            },
        );
    }
}

// --- pathway -----------------------------------------------------------------

impl Decides for Definition {
    fn decide(&self, decisions: &mut Decisions) {
        decisions.add("definition", format!("{} with state {}", self.code, self.state_version));
        for stage in &self.stages {
            decisions.add("stage", &stage.code);
        }
        for questionnaire in &self.questionnaires {
            decisions.add("questionnaire", &questionnaire.code);
        }
        for need in &self.data_needs {
            decisions.add("data need", word(need));
        }
    }
}

fn reasons(reasons: &[Reason], decisions: &mut Decisions) {
    for reason in reasons {
        decisions.add("reason", &reason.code);
    }
}

impl Decides for Eligibility {
    fn decide(&self, decisions: &mut Decisions) {
        let (eligibility, why) = match self {
            Self::Eligible => ("eligible", &[][..]),
            Self::Ineligible(why) => ("ineligible", why.as_slice()),
            Self::ReferOffline(why) => ("refer offline", why.as_slice()),
        };
        decisions.add("eligibility", eligibility);
        reasons(why, decisions);
    }
}

impl Decides for PathwayError {
    fn decide(&self, decisions: &mut Decisions) {
        decisions.add(
            "undecided",
            match self {
                Self::MissingData(_) => "missing data",
                Self::BadState(_) => "bad state",
                Self::Other(_) => "other",
            },
        );
    }
}

impl Decides for Migrated {
    fn decide(&self, decisions: &mut Decisions) {
        decisions.add("stage", &self.stage);
    }
}

impl Decides for Outcome {
    fn decide(&self, decisions: &mut Decisions) {
        decisions.add("stage", &self.stage);
        for directive in &self.directives {
            directive.decide(decisions);
        }
    }
}

impl Decides for Directive {
    fn decide(&self, decisions: &mut Decisions) {
        match self {
            Self::ScheduleTask(task) => {
                decisions.add("task", format!("{} for {} due {}", task.code, word(task.owner), task.due));
            }
            Self::CancelTask(code) => decisions.add("task", format!("cancel {code}")),
            Self::Ask(question) => decisions.add("questionnaire", &question.questionnaire),
            Self::SendMessage(message) => {
                let arguments: String =
                    message.arguments.iter().map(|(key, value)| format!(" {key}={value}")).collect();
                decisions.add("message", format!("{}{arguments}", message.template));
            }
            Self::RaiseAlert(alert) => {
                let (severity, owner) = (word(alert.severity), word(alert.owner));
                decisions
                    .add("alert", format!("{} ({severity}) to {owner} within {} min", alert.code, alert.sla_minutes));
            }
            Self::Refer(referral) => {
                let to = match &referral.destination {
                    Destination::Offline(department) => department
                        .as_ref()
                        .map_or_else(|| "offline".to_owned(), |code| format!("offline {}", coding(code))),
                    Destination::Emergency => "emergency".to_owned(),
                    Destination::Multidisciplinary => "multidisciplinary".to_owned(),
                };
                decisions.add("referral", to);
            }
            Self::Contact(contact) => {
                let Contact { code, owner, within_minutes, .. } = contact;
                decisions.add("contact", format!("{code} by {} within {within_minutes} min", word(*owner)));
            }
            Self::StopVisit(stop) => decisions.add("visit", format!("stop {}", stop.code)),
            Self::RequestLab(request) => {
                for code in &request.tests {
                    decisions.add("laboratory", coding(code));
                }
            }
            Self::Convene(team) => {
                decisions.add("team", format!("{} of {}", team.code, team.participants.len()));
            }
            Self::WithdrawRequest(code) => decisions.add("request", format!("withdraw {code}")),
            Self::Hold(hold) => {
                decisions.add("hold", format!("{} until the {}", hold.code, word(hold.release)));
            }
            Self::Release(code) => decisions.add("hold", format!("release {code}")),
            Self::ProposeNote(_) => decisions.add("note", "proposed"),
            Self::Close(reason) => decisions.add("close", &reason.code),
        }
    }
}

// --- payer -------------------------------------------------------------------

fn refusals(refusals: &[Refusal], decisions: &mut Decisions) {
    for refusal in refusals {
        decisions.add("refusal", &refusal.code);
    }
}

impl Decides for Adjudication {
    fn decide(&self, decisions: &mut Decisions) {
        for part in &self.parts {
            decisions.add("amount", format!("{} {}", word(part.source), part.amount));
        }
        for line in &self.lines {
            decisions.add("line", format!("{}: in scope {}", line.number, line.in_scope));
        }
        for accumulator in &self.accumulators {
            decisions.add("accumulator", format!("{} {}", accumulator.code, accumulator.amount));
        }
    }
}

impl Decides for Quoted {
    fn decide(&self, decisions: &mut Decisions) {
        match self {
            Self::Covered(adjudication) => adjudication.decide(decisions),
            Self::Declined(why) => refusals(why, decisions),
        }
    }
}

impl Decides for Authorized {
    fn decide(&self, decisions: &mut Decisions) {
        match self {
            Self::Granted(_) => decisions.add("authorization", "granted"),
            Self::Refused(why) => refusals(why, decisions),
        }
    }
}

impl Decides for Settled {
    fn decide(&self, decisions: &mut Decisions) {
        match self {
            Self::Done(settlement) => settlement.adjudication.decide(decisions),
            Self::Refused(why) => refusals(why, decisions),
        }
    }
}

impl Decides for Status {
    fn decide(&self, decisions: &mut Decisions) {
        let status = match self {
            Self::NeverSeen => "never seen",
            Self::Pending => "pending",
            Self::Settled(settlement) => {
                settlement.adjudication.decide(decisions);
                "settled"
            }
            Self::Reversed(_) => "reversed",
            Self::Refused(why) => {
                refusals(why, decisions);
                "refused"
            }
        };
        decisions.add("status", status);
    }
}

impl Decides for Reversed {
    fn decide(&self, decisions: &mut Decisions) {
        match self {
            Self::Done(reversal) => {
                decisions.add("reversal", "done");
                for accumulator in &reversal.accumulators {
                    decisions.add("accumulator", format!("{} {}", accumulator.code, accumulator.amount));
                }
            }
            Self::Refused(why) => refusals(why, decisions),
        }
    }
}

impl Decides for PayerError {
    fn decide(&self, decisions: &mut Decisions) {
        decisions.add(
            "undecided",
            match self {
                Self::Conflict(_) => "conflict",
                Self::MissingData(_) => "missing data",
                Self::Unavailable(_) => "unavailable",
                Self::Other(_) => "other",
            },
        );
    }
}

// --- verifier ----------------------------------------------------------------

impl Decides for identity::Outcome {
    fn decide(&self, decisions: &mut Decisions) {
        let outcome = match self {
            Self::Verified { level, valid_until } => {
                decisions.add("level", level.as_str());
                if let Some(until) = valid_until {
                    decisions.add("verified until", until.to_string());
                }
                "verified"
            }
            Self::Refused(findings) => {
                for finding in findings {
                    decisions.add("finding", format!("{} ({})", finding.code, word(finding.severity)));
                }
                "refused"
            }
            Self::Pending { .. } => "pending",
        };
        decisions.add("outcome", outcome);
    }
}

impl Decides for VerifyError {
    fn decide(&self, decisions: &mut Decisions) {
        decisions.add(
            "undecided",
            match self {
                Self::MissingData(_) => "missing data",
                Self::NotUnderstood(_) => "not understood",
                Self::Unavailable(_) => "unavailable",
                Self::Other(_) => "other",
            },
        );
    }
}

// --- panel -------------------------------------------------------------------

/// It decides nothing but what can be started, and how what it shows is meant.
impl Decides for Panel {
    fn decide(&self, decisions: &mut Decisions) {
        for block in &self.0 {
            match block {
                Block::Text(text) => decisions.add("text", word(text.tone)),
                Block::Metric(metric) => decisions.add("metric", format!("{} in `{}`", word(metric.tone), metric.unit)),
                Block::Series(series) => {
                    decisions.add("series", format!("{} in `{}`", word(series.scale), series.unit))
                }
                Block::Table(table) => decisions.add("table", format!("{} columns", table.columns.len())),
                Block::Form(code) => decisions.add("form", code),
                Block::Action(Act::DoTask(code)) => decisions.add("task", code),
                Block::Action(Act::Call) => decisions.add("action", "call"),
            }
        }
    }
}

impl Decides for PanelError {
    fn decide(&self, decisions: &mut Decisions) {
        decisions.add(
            "undecided",
            match self {
                Self::MissingData(_) => "missing data",
                Self::Other(_) => "other",
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coding::{Citation, LocalizedText};

    fn finding(code: &str) -> Finding {
        Finding {
            code: code.into(),
            severity: crate::review::Severity::Warning,
            message: LocalizedText(Vec::new()),
            suggestion: LocalizedText(Vec::new()),
            lines: vec![1],
            citation: Citation { title: "T".into(), section: None, year: 2024, url: None },
            attributes: Vec::new(),
        }
    }

    #[test]
    fn a_verdict_that_turns_is_a_difference_by_kind() {
        let warned = Decisions::of(&Verdict::Warn(vec![finding("A"), finding("B")]));
        let vetoed = Decisions::of(&Verdict::Veto(vec![finding("A"), finding("C")]));
        let differences = warned.differences(&vetoed);
        let kinds: Vec<_> = differences.iter().map(|d| d.kind.as_str()).collect();
        assert_eq!(kinds, ["finding", "verdict"]);
        let [findings, verdict] = differences.as_slice() else { panic!() };
        assert_eq!(
            (verdict.before.as_slice(), verdict.after.as_slice()),
            (&["warn".to_owned()][..], &["veto".to_owned()][..])
        );
        assert!(findings.before[0].starts_with('B') && findings.after[0].starts_with('C'));
    }

    #[test]
    fn other_words_decide_the_same() {
        let mut reworded = finding("A");
        reworded.citation.title = "another edition".into();
        let (one, other) = (Verdict::Warn(vec![finding("A")]), Verdict::Warn(vec![reworded]));
        assert!(Decisions::of(&one).differences(&Decisions::of(&other)).is_empty());
    }

    #[test]
    fn no_answer_differs_from_any_answer() {
        let differences = Decisions::of(&Verdict::Allow).differences(&Decisions::failure("PLUGIN_TRAP"));
        assert_eq!(differences.iter().map(|d| d.kind.as_str()).collect::<Vec<_>>(), ["failure", "verdict"]);
    }
}
