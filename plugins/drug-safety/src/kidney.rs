//! Dose in renal impairment.
//!
//! The filtration rate is the newest on record within a year, otherwise estimated
//! from the newest creatinine by CKD-EPI 2021, age and sex. The equation has real
//! exponents; it is evaluated with `libm`, a software implementation with the same
//! results on every machine, and rounded to a whole number as laboratories report it.
//!
//! A missing measurement is a warning, not a refusal: the prescriber can order a test and
//! still prescribe. A withheld one is a refusal: the value may exist and be a contraindication.

use xinglin_sdk::{
    clinical::{Observation, Section, Sex},
    prescribing::{Error, Finding, Line, Severity},
    time::{Instant, days_between},
    types::{Citation, Coding, Decimal, Quantity, zh_en},
};

use crate::{
    Case,
    drug::{Drug, daily_dose},
    finding,
    table::{Action, BASELINES, Baseline, Ingredient, RENAL, Renal, Unit},
};

const EGFR: [&str; 3] = ["98979-8", "62238-1", "33914-3"];
const CREATININE: [&str; 3] = ["14682-9", "2160-0", "38483-4"];
/// Days after which a result is outdated.
const DAYS: i64 = 365;
/// Micromoles per litre in one milligram per decilitre of creatinine.
const CREATININE_FACTOR: f64 = 88.4;
const ELDERLY: u32 = 65;

/// Findings for renally cleared medicines.
pub fn check(case: &Case) -> Result<Vec<Finding>, Error> {
    let concerned: Vec<Part> = case
        .parts()
        .filter(|(_, _, ingredient)| rules(case, ingredient).next().is_some() || baseline(ingredient).is_some())
        .collect();
    if concerned.is_empty() {
        return Ok(Vec::new());
    }
    let Some(rate) = Rate::of(case)? else { return unknown(case, &concerned) };
    Ok(concerned.iter().flat_map(|part| judge_all(case, part, &rate)).collect())
}

/// An ingredient on a line.
type Part<'a> = (&'a Line, &'a Drug, &'static Ingredient);

fn rules(case: &Case, ingredient: &'static Ingredient) -> impl Iterator<Item = &'static Renal> {
    RENAL.iter().filter(move |rule| ingredient.is_any(&[rule.atc]) && case.is(rule.only))
}

fn baseline(ingredient: &Ingredient) -> Option<&'static Baseline> {
    BASELINES.iter().find(|row| ingredient.is_any(row.members))
}

/// All rows that apply: the gravest on starting, and the gravest on going on. Beside a
/// contraindication nothing else matters.
fn judge_all(case: &Case, part: &Part, rate: &Rate) -> Vec<Finding> {
    let below = |rule: &&Renal| rate.value < Decimal::whole(i64::from(rule.below));
    let applying: Vec<&Renal> = rules(case, part.2).filter(below).collect();
    let gravest = |start: bool| {
        let rows = applying.iter().filter(|rule| (rule.action == Action::NotStart) == start);
        // Sorted by threshold: of equals the first is the strictest.
        let found = rows.filter_map(|rule| Some((rank(rule.action), judge(case, rule, part, rate)?)));
        found.min_by_key(|(rank, _)| *rank).map(|(_, finding)| finding)
    };
    let going_on = gravest(false);
    let contraindicated = going_on.as_ref().is_some_and(|finding| finding.severity == Severity::Critical);
    let starting = gravest(true).filter(|_| !contraindicated);
    starting.into_iter().chain(going_on).collect()
}

const fn rank(action: Action) -> u8 {
    match action {
        Action::Contraindicated => 0,
        Action::Avoid => 1,
        Action::MaxDailyMg(_) => 2,
        Action::Reduce => 3,
        Action::NotStart => 4,
    }
}

fn judge(case: &Case, rule: &Renal, (line, drug, ingredient): &Part, rate: &Rate) -> Option<Finding> {
    let (code, severity) = match rule.action {
        Action::Contraindicated => ("RENAL_CONTRAINDICATED", Severity::Critical),
        Action::Avoid => ("RENAL_AVOID", Severity::Warning),
        Action::NotStart if case.taken.iter().any(|drug| drug.holds(ingredient)) => return None,
        Action::NotStart => ("RENAL_NOT_START", Severity::Warning),
        Action::Reduce => ("RENAL_REDUCE", Severity::Warning),
        Action::MaxDailyMg(most) => match drug.is_single().then(|| daily_dose(line, Unit::Milligram)).flatten() {
            Some(dose) if dose <= most => return None,
            Some(_) => ("RENAL_DOSE_TOO_HIGH", Severity::Warning),
            None => ("RENAL_DOSE_NOT_CHECKED", Severity::Warning),
        },
    };
    let (value, how_zh, how_en) = (rate.value.normalized(), rate.how.zh, rate.how.en);
    Some(Finding {
        citation: rule.source.citation(),
        ..finding(
            code,
            severity,
            zh_en(
                format!("{}:{}(eGFR {value},{how_zh})", ingredient.name.zh, rule.text.zh),
                format!("{}: {} (eGFR {value}, {how_en})", ingredient.name.en, rule.text.en),
            ),
            vec![line.number],
        )
    })
}

/// Without a measurement: medicines that need one whoever the patient is, each by its source; the
/// others if a renal impairment is likely.
fn unknown(case: &Case, concerned: &[Part]) -> Result<Vec<Finding>, Error> {
    if !case.snapshot.is_complete(Section::Observations) {
        return Err(Error::MissingData(zh_en(
            "看不到完整的检验结果,无法按肾功能核对剂量。",
            "Not all results are visible, so the dose cannot be checked against renal function.",
        )));
    }
    let elderly = case.snapshot.age_years().is_none_or(|age| age >= ELDERLY);
    let kidney_disease = case.diagnosed(&["N18"], &["709044004"]);
    let general =
        Citation::new("KDIGO 2022 Clinical Practice Guideline for Diabetes Management in Chronic Kidney Disease", 2022)
            .url("https://doi.org/10.1016/j.kint.2022.06.008");
    let mut findings: Vec<Finding> = Vec::new();
    let mut depending: Vec<&Part> = Vec::new();
    for part in concerned {
        match baseline(part.2) {
            Some(row) => findings.push(not_measured(&[part], row.source.citation())),
            None => depending.push(part),
        }
    }
    if !depending.is_empty() && (case.diabetic || elderly || kidney_disease) {
        findings.push(not_measured(&depending, general));
    }
    Ok(findings)
}

fn not_measured(parts: &[&Part], citation: Citation) -> Finding {
    let mut lines: Vec<u32> = parts.iter().map(|(line, _, _)| line.number).collect();
    lines.dedup();
    let zh: Vec<&str> = parts.iter().map(|(_, _, ingredient)| ingredient.name.zh).collect();
    let en: Vec<&str> = parts.iter().map(|(_, _, ingredient)| ingredient.name.en).collect();
    Finding {
        suggestion: zh_en("请先查血肌酐。", "Measure creatinine first."),
        citation,
        ..finding(
            "RENAL_FUNCTION_UNKNOWN",
            Severity::Warning,
            zh_en(
                format!("一年内没有可用的肾功能结果,下列药品的剂量与肾功能有关:{}。", zh.join("、")),
                format!("No usable renal function within a year; these depend on it: {}.", en.join(", ")),
            ),
            lines,
        )
    }
}

/// How the rate was determined.
#[derive(Debug, Clone, Copy)]
struct How {
    zh: &'static str,
    en: &'static str,
}

/// A glomerular filtration rate, mL/min/1.73 m².
#[derive(Debug)]
struct Rate {
    value: Decimal,
    how: How,
}

impl Rate {
    /// The newer of the last rate and the last creatinine.
    fn of(case: &Case) -> Result<Option<Self>, Error> {
        let measured = latest(case, &EGFR);
        let creatinine = latest(case, &CREATININE);
        let newer = |a: &Observation, b: &Observation| a.effective >= b.effective;
        match (measured, creatinine) {
            (Some(rate), Some(creatinine)) if !newer(rate, creatinine) => match Self::estimated(case, creatinine)? {
                Some(estimated) => Ok(Some(estimated)),
                None => Self::measured(rate),
            },
            (Some(rate), _) => Self::measured(rate),
            (None, Some(creatinine)) => Self::estimated(case, creatinine),
            (None, None) => Ok(None),
        }
    }

    fn measured(observation: &Observation) -> Result<Option<Self>, Error> {
        let Some(quantity) = observation.quantity() else { return Ok(None) };
        match quantity.unit.as_str() {
            "mL/min/{1.73_m2}" | "mL/min/1.73m2" | "ml/min/{1.73_m2}" | "ml/min/1.73m2" | "mL/min" | "ml/min" => {}
            unit => return Err(Error::NotUnderstood(format!("a filtration rate in `{unit}`"))),
        }
        Ok(Some(Self { value: quantity.value, how: How { zh: "检验报告", en: "reported" } }))
    }

    /// `None` for minors and if age or sex is unknown: the equation is for
    /// adults of either sex.
    fn estimated(case: &Case, observation: &Observation) -> Result<Option<Self>, Error> {
        let Some(quantity) = observation.quantity() else { return Ok(None) };
        let milligrams = creatinine(quantity)?;
        let age = case.snapshot.age_years().filter(|age| *age >= 18);
        let female = match case.snapshot.subject.sex {
            Sex::Female => Some(true),
            Sex::Male => Some(false),
            Sex::Other | Sex::Unknown => None,
        };
        let (Some(age), Some(female)) = (age, female) else { return Ok(None) };
        let value = Decimal::whole(ckd_epi(milligrams, age, female));
        Ok(Some(Self {
            value, how: How { zh: "按CKD-EPI 2021由肌酐估算", en: "from creatinine by CKD-EPI 2021" }
        }))
    }
}

/// In mg/dL.
fn creatinine(quantity: &Quantity) -> Result<f64, Error> {
    let value = approximately(quantity.value);
    let milligrams = match quantity.unit.as_str() {
        "umol/L" | "umol/l" | "µmol/L" | "μmol/L" => value / CREATININE_FACTOR,
        "mg/dL" | "mg/dl" => value,
        unit => return Err(Error::NotUnderstood(format!("creatinine in `{unit}`"))),
    };
    if milligrams > 0.0 { Ok(milligrams) } else { Err(Error::NotUnderstood(format!("creatinine of {quantity}"))) }
}

/// 142 × min(Scr/κ, 1)^α × max(Scr/κ, 1)^−1.200 × 0.9938^age × 1.012 if female
/// (Inker et al., New England Journal of Medicine 2021, doi 10.1056/NEJMoa2102953).
fn ckd_epi(creatinine: f64, age: u32, female: bool) -> i64 {
    let (kappa, alpha, factor) = if female { (0.7, -0.241, 1.012) } else { (0.9, -0.302, 1.0) };
    let ratio = creatinine / kappa;
    let rate = 142.0
        * libm::pow(ratio.min(1.0), alpha)
        * libm::pow(ratio.max(1.0), -1.2)
        * libm::pow(0.9938, f64::from(age))
        * factor;
    libm::round(rate) as i64
}

fn approximately(value: Decimal) -> f64 {
    value.unscaled as f64 / libm::pow(10.0, f64::from(value.scale))
}

fn latest<'a>(case: &Case<'a>, codes: &[&str]) -> Option<&'a Observation> {
    let candidates = codes.iter().filter_map(|code| case.snapshot.latest(&Coding::loinc(*code)));
    let recent = |at: Instant| days_between(at, case.now) < DAYS;
    candidates.filter(|o| o.effective.is_some_and(recent)).max_by_key(|o| o.effective)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_equation_gives_what_its_calculator_gives() {
        // Creatinine in mg/dL, age, female: CKD-EPI 2021.
        for (milligrams, age, female, rate) in [
            (1.0, 50, false, 92),
            (1.0, 50, true, 69),
            (0.7, 50, true, 105),
            (0.9, 60, false, 98),
            (2.0, 70, false, 35),
            (1.8, 65, true, 31),
        ] {
            assert_eq!(ckd_epi(milligrams, age, female), rate, "{milligrams} {age} {female}");
        }
    }

    #[test]
    fn both_units_of_creatinine() {
        let same = |value: &str, unit: &str| {
            creatinine(&Quantity::new(value.parse::<Decimal>().expect("decimal"), unit)).map(|v| ckd_epi(v, 60, true))
        };
        assert_eq!(same("88.4", "umol/L"), same("1.0", "mg/dL"));
        assert!(matches!(same("1.0", "mmol/L"), Err(Error::NotUnderstood(_))));
        assert!(same("0", "mg/dL").is_err());
    }
}
