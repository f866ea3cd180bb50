//! Checks of a prescription against tables of medicines.
//!
//! Allergies, duplicates, early refills, interactions, doses, age, pregnancy and lactation, and
//! doses in renal impairment, each from a row of `data/*.toml` with its source. There are three
//! results:
//!
//! - the table contains the medicines, without findings: allow;
//! - there are findings, or a medicine is unknown: warn or veto;
//! - a section of the record that the check needs is withheld: no decision.

mod age;
mod allergy;
mod dose;
mod drug;
mod duplicate;
mod interaction;
mod kidney;
mod pregnancy;
mod refill;
#[cfg(test)]
mod rows;
mod table;
mod text;

use drug::Drug;
use table::{Only, review_rule};
use xinglin_sdk::{
    clinical::{Section, Snapshot},
    plugin,
    prescribing::{Error, Finding, Line, Order, Review, Severity, Verdict},
    time::Instant,
    types::{Coding, Codings as _, LocalizedText, system, zh_en},
};

/// Attribute of an observation: its value is a bound (`<`, `<=`, `>=`, `>`).
const COMPARATOR: &str = "xinglin.comparator";

/// The prescribing check.
#[plugin(prescribing)]
pub struct DrugSafety;

impl Review for DrugSafety {
    fn review(order: Order, snapshot: Snapshot, now: Instant) -> Result<Verdict, Error> {
        let case = Case::of(&order, &snapshot, now)?;
        let mut findings = case.coverage();
        findings.extend(allergy::check(&case));
        findings.extend(duplicate::check(&case));
        findings.extend(refill::check(&case));
        findings.extend(interaction::check(&case));
        findings.extend(age::check(&case));
        findings.extend(pregnancy::check(&case));
        findings.extend(dose::check(&case));
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
    prophylaxis: bool,
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
        let ordered: Vec<Drug> = order.lines.iter().map(Drug::ordered).collect();
        let taken: Vec<Drug> = snapshot.active_medications().map(Drug::taken).collect();
        let case = Self { order, snapshot, now, ordered, taken, diabetic: false, prophylaxis: false };
        // A withheld diagnosis may exist.
        let diabetic = case.in_use(&["A10"])
            || case.diagnosed(&["E10", "E11", "E12", "E13", "E14"], &["44054006", "46635009", "73211009"])
            || !snapshot.is_complete(Section::Conditions);
        // Tenofovir with emtricitabine and nothing else is no treatment of HIV.
        let prophylaxis = case.in_use(&["J05AF09"])
            && !case.in_use(&["J05AE", "J05AG", "J05AJ", "J05AX", "J05AR20", "J05AF01", "J05AF05", "J05AF06"])
            && !case.diagnosed(&["B20", "B21", "B22", "B23", "B24", "Z21"], &["86406008"]);
        Ok(Self { diabetic, prophylaxis, ..case })
    }

    /// Each line of the order with its medicine.
    fn lines(&self) -> impl Iterator<Item = (&'a Line, &Drug)> {
        self.order.lines.iter().zip(&self.ordered)
    }

    /// Each ingredient on a line.
    fn parts(&self) -> impl Iterator<Item = (&'a Line, &Drug, &'static table::Ingredient)> {
        self.lines().flat_map(|(line, drug)| drug.ingredients.iter().map(move |ingredient| (line, drug, *ingredient)))
    }

    /// Whether something with such an ATC code is ordered or taken.
    fn in_use(&self, prefixes: &[&str]) -> bool {
        self.ordered.iter().chain(&self.taken).flat_map(|drug| &drug.ingredients).any(|i| i.is_any(prefixes))
    }

    /// Whether there is such an active diagnosis on record.
    fn diagnosed(&self, icd10: &[&str], snomed: &[&str]) -> bool {
        self.snapshot.active_conditions().any(|condition| is_any(&condition.code, icd10, snomed))
    }

    /// Whether a row applies to this patient.
    fn is(&self, only: Option<Only>) -> bool {
        match only {
            None => true,
            Some(Only::Diabetes) => self.diabetic,
            Some(Only::PreExposureProphylaxis) => self.prophylaxis,
            Some(Only::RenalImpairment) => kidney::is_impaired(self),
        }
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
                    vec![line.number],
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

/// Whether a diagnosis is one of these, by beginnings in ICD-10 or by code.
fn is_any(codes: &[Coding], icd10: &[&str], snomed: &[&str]) -> bool {
    icd10.iter().any(|prefix| codes.has_under(system::ICD10, prefix))
        || snomed.iter().any(|code| codes.has(system::SNOMED, code))
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
