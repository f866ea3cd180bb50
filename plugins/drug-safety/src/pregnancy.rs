//! Medicines that harm the unborn or the breast-fed.

use xinglin_sdk::{
    clinical::{ObservationValue, Sex},
    prescribing::{Finding, Severity},
    time::{Instant, days_between},
    types::{Coding, Codings as _, system, zh_en},
};

use crate::{
    Case, finding, is_any,
    table::{LACTATION, PREGNANCY, Pregnancy},
};

/// LOINC: pregnancy status.
const STATUS: &str = "82810-3";
/// Days after its onset in which a pregnancy may last: 42 weeks.
const TERM: i64 = 294;
/// Days in which nobody becomes pregnant who was found not to be: monthly tests are required of
/// the strongest teratogens (isotretinoin iPLEDGE REMS, valproate pregnancy prevention programme).
const NOT_PREGNANT: i64 = 30;
/// Days in which a child is nursed at least in part: two years (WHO, *Infant and young child feeding*).
const NURSING: i64 = 730;
/// A pregnancy that goes on: without abortive outcomes (O00–O08: methotrexate treats O00), delivery
/// (O80–O84) and what follows (O85–O92).
const PREGNANT: ([&str; 15], [&str; 1]) =
    (["O09", "O1", "O2", "O3", "O4", "O6", "O7", "O94", "O95", "O98", "O99", "Z33", "Z34", "Z35", "Z36"], ["77386006"]);
const LACTATING: ([&str; 3], [&str; 1]) = (["O91", "O92", "Z39"], ["413712001"]);
/// No longer able: menopause, uterus removed.
const INFERTILE: [&str; 2] = ["N95", "Z90.7"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Pregnant,
    Not,
    Unknown,
}

/// Findings for each line and reason.
pub fn check(case: &Case) -> Vec<Finding> {
    if case.snapshot.subject.sex == Sex::Male {
        return Vec::new();
    }
    let mut findings = match status(case) {
        Status::Pregnant => each(case, PREGNANCY, "PREGNANCY", |_| true),
        Status::Unknown if may_be_pregnant(case) => unknown(case),
        Status::Unknown | Status::Not => Vec::new(),
    };
    if has(case, &LACTATING.0, &LACTATING.1, NURSING) {
        findings.extend(each(case, LACTATION, "LACTATION", |_| true));
    }
    findings
}

/// A finding for each line and row.
fn each(case: &Case, table: &'static [Pregnancy], code: &str, wanted: impl Fn(&Pregnancy) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, _, ingredient) in case.parts() {
        for row in table.iter().filter(|row| ingredient.is_any(row.members) && wanted(row)) {
            findings.push(Finding {
                citation: row.source.citation(),
                ..finding(
                    code,
                    row.level.severity(),
                    zh_en(
                        format!("{}:{}", ingredient.name.zh, row.text.zh),
                        format!("{}: {}", ingredient.name.en, row.text.en),
                    ),
                    vec![line.number],
                )
            });
        }
    }
    findings
}

/// Asks for the status before the strongest teratogens.
fn unknown(case: &Case) -> Vec<Finding> {
    let asked = each(case, PREGNANCY, "PREGNANCY_UNKNOWN", |row| row.ask).into_iter();
    asked
        .map(|found| Finding {
            severity: Severity::Warning,
            suggestion: zh_en(
                "育龄女性:先确认未妊娠并采取有效避孕,记录妊娠状态后再开。",
                "A woman of child-bearing age: exclude pregnancy, ensure contraception and record the status first.",
            ),
            ..found
        })
        .collect()
}

fn may_be_pregnant(case: &Case) -> bool {
    case.snapshot.subject.sex == Sex::Female
        && case.snapshot.age_years().is_none_or(|age| (12..=50).contains(&age))
        && !case.diagnosed(&INFERTILE, &[])
}

/// A status that was recorded counts before diagnoses that may be older: the newest that says
/// either, if it is not too old.
fn status(case: &Case) -> Status {
    let code = Coding::loinc(STATUS);
    let said = case.snapshot.history(&code).find_map(|observation| {
        let days = days_between(observation.effective?, case.now);
        let ObservationValue::Coded(value) = &observation.value else { return None };
        let is = |loinc: &str, snomed: &str| value.has(system::LOINC, loinc) || value.has(system::SNOMED, snomed);
        if is("LA15173-0", "77386006") {
            Some((Status::Pregnant, days, TERM))
        } else if is("LA26683-5", "60001007") {
            Some((Status::Not, days, NOT_PREGNANT))
        } else {
            None
        }
    });
    let recorded = said.filter(|(_, days, most)| days <= most).map(|(status, ..)| status);
    let diagnosed = || match has(case, &PREGNANT.0, &PREGNANT.1, TERM) {
        true => Status::Pregnant,
        false => Status::Unknown,
    };
    recorded.unwrap_or_else(diagnosed)
}

/// Whether there is such a diagnosis, as the reason of the order or active and not too old.
fn has(case: &Case, icd10: &[&str], snomed: &[&str], days: i64) -> bool {
    let fresh = |onset: Option<Instant>| onset.is_none_or(|at| days_between(at, case.now) <= days);
    is_any(&case.order.diagnoses, icd10, snomed)
        || case.snapshot.active_conditions().any(|c| fresh(c.onset) && is_any(&c.code, icd10, snomed))
}
