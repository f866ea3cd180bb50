//! Checks of a prescription against tables of medicines.
//!
//! Allergies, duplicates, interactions, and doses in renal impairment, each from a row
//! of `data/*.toml` with its source. There are three
//! results:
//!
//! - the table contains the medicines, without findings: allow;
//! - there are findings, or a medicine is unknown: warn or veto;
//! - a section of the record that the check needs is withheld: no decision.

mod allergy;
mod drug;
mod duplicate;
mod interaction;
mod kidney;
mod table;

use drug::Drug;
use table::review_rule;
use xinglin_sdk::{
    clinical::{Section, Snapshot},
    plugin,
    prescribing::{Error, Finding, Order, Review, Severity, Verdict},
    time::Instant,
    types::{Codings as _, LocalizedText, system, zh_en},
};

/// The prescribing check.
#[plugin(prescribing)]
pub struct DrugSafety;

impl Review for DrugSafety {
    fn review(order: Order, snapshot: Snapshot, now: Instant) -> Result<Verdict, Error> {
        let case = Case::of(&order, &snapshot, now)?;
        let mut findings = case.coverage();
        findings.extend(allergy::check(&case));
        findings.extend(duplicate::check(&case));
        findings.extend(interaction::check(&case));
        findings.extend(kidney::check(&case)?);
        findings.sort_by_key(|finding| match finding.severity {
            Severity::Critical => 0,
            Severity::Warning => 1,
            Severity::Info => 2,
        });
        Ok(match findings.first().map(|finding| finding.severity) {
            None => Verdict::Allow,
            Some(Severity::Critical) => Verdict::Veto(findings),
            Some(_) => Verdict::Warn(findings),
        })
    }
}

/// An order and a patient, with all medicines resolved.
struct Case<'a> {
    order: &'a Order,
    snapshot: &'a Snapshot,
    now: Instant,
    /// In the order of the lines.
    ordered: Vec<Drug>,
    /// Current medications.
    taken: Vec<Drug>,
    diabetic: bool,
}

impl<'a> Case<'a> {
    fn of(order: &'a Order, snapshot: &'a Snapshot, now: Instant) -> Result<Self, Error> {
        for (section, zh, en) in
            [(Section::Allergies, "过敏史", "allergies"), (Section::Medications, "用药史", "medications")]
        {
            if !snapshot.is_complete(section) {
                return Err(Error::MissingData(zh_en(
                    format!("看不到完整的{zh},无法审核。"),
                    format!("Not all {en} are visible, so the order cannot be checked."),
                )));
            }
        }
        let ordered: Vec<Drug> = order.lines.iter().map(|line| Drug::of(&line.code, &line.ingredients)).collect();
        let taken: Vec<Drug> = snapshot.active_medications().map(|m| Drug::of(&m.code, &m.ingredients)).collect();
        let treated = ordered.iter().chain(&taken).flat_map(|drug| &drug.ingredients).any(|i| i.is_any(&["A10"]));
        let diagnosed = snapshot.active_conditions().any(|condition| {
            ["E10", "E11", "E12", "E13", "E14"].iter().any(|prefix| condition.code.has_under(system::ICD10, prefix))
                || ["44054006", "46635009", "73211009"].iter().any(|code| condition.code.has(system::SNOMED, code))
        });
        // A withheld diagnosis may exist.
        let diabetic = treated || diagnosed || !snapshot.is_complete(Section::Conditions);
        Ok(Self { order, snapshot, now, ordered, taken, diabetic })
    }

    /// Each line of the order with its medicine.
    fn lines(&self) -> impl Iterator<Item = (u32, &Drug)> {
        self.order.lines.iter().map(|line| line.number).zip(&self.ordered)
    }

    /// Findings on unknown medicines.
    fn coverage(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self
            .lines()
            .filter(|(_, drug)| !drug.known)
            .map(|(line, drug)| Finding {
                suggestion: zh_en("请药师人工审核。", "Have a pharmacist check it by hand."),
                ..finding(
                    "MEDICINE_NOT_COVERED",
                    Severity::Warning,
                    zh_en(
                        format!("知识表未收录“{}”,未作审核。", drug.label),
                        format!("The table does not cover “{}”: it was not checked.", drug.label),
                    ),
                    vec![line],
                )
            })
            .collect();
        let unknown: Vec<&str> = self.taken.iter().filter(|drug| !drug.known).map(|drug| drug.label.as_str()).collect();
        if !unknown.is_empty() {
            findings.push(finding(
                "MEDICATION_NOT_COVERED",
                Severity::Info,
                zh_en(
                    format!("患者正在使用的下列药品未收录,未核对相互作用:{}。", unknown.join("、")),
                    format!(
                        "Not covered, so not checked for interactions: {}, which the patient takes.",
                        unknown.join(", ")
                    ),
                ),
                Vec::new(),
            ));
        }
        findings
    }
}

/// A finding with the general source, without a suggestion.
fn finding(code: &str, severity: Severity, message: LocalizedText, lines: Vec<u32>) -> Finding {
    Finding {
        code: code.to_owned(),
        severity,
        message,
        suggestion: Vec::new(),
        lines,
        citation: review_rule(),
        attributes: Vec::new(),
    }
}
