//! Dose in renal impairment.
//!
//! The filtration rate is the newest on record within a year, or estimated from a newer
//! creatinine by CKD-EPI 2021, age and sex. The equation has real exponents; it is
//! evaluated with `libm`, a software implementation with the same results on every machine,
//! and rounded to a whole number as laboratories report it. Only results that stand are
//! looked at: with a value, which the host accepted, and not reported by the patient.
//!
//! A result may be a bound, as `>60`. It is below a threshold, or not, or does not tell: then
//! that is said.
//!
//! A missing measurement is a warning, not a refusal: the prescriber can order a test and
//! still prescribe. A withheld one is a refusal: the value may exist and be a contraindication.

use std::cmp::Reverse;

use xinglin_sdk::{
    clinical::{Observation, Section, Sex},
    prescribing::{Error, Finding, Line, Severity},
    time::{Instant, days_between},
    types::{AttributeValue, Attributes as _, Citation, Codings as _, Decimal, Quantity, system, zh_en},
};

use crate::{
    COMPARATOR, Case,
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
    let mut findings = Vec::new();
    let mut open: Vec<&Part> = Vec::new();
    for part in &concerned {
        let (found, is_open) = judge_all(case, part, &rate);
        findings.extend(found);
        open.extend(is_open.then_some(part));
    }
    if !open.is_empty() {
        findings.push(undecided(&open, &rate));
    }
    Ok(findings)
}

/// Whether the kidneys are known to work badly: by diagnosis, or below 60 (KDIGO 2024, G3a and worse).
pub fn is_impaired(case: &Case) -> bool {
    let below = |rate: Rate| rate.is_below(60) == Some(true);
    case.diagnosed(&["N17", "N18", "N19"], &["709044004"]) || Rate::of(case).ok().flatten().is_some_and(below)
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
/// contraindication nothing else matters. And whether a graver row may apply, which a bound does
/// not tell.
fn judge_all(case: &Case, part: &Part, rate: &Rate) -> (Vec<Finding>, bool) {
    let gravest = |start: bool, below: Option<bool>| {
        let rows = rules(case, part.2)
            .filter(|rule| (rule.action == Action::NotStart) == start && rate.is_below(rule.below) == below);
        // Sorted by threshold: of equals the first is the strictest.
        rows.filter_map(|rule| Some((rank(rule.action), judge(case, rule, part, rate)?))).min_by_key(|(rank, _)| *rank)
    };
    let going_on = gravest(false, Some(true));
    let contraindicated = going_on.as_ref().is_some_and(|(_, finding)| finding.severity == Severity::Critical);
    let starting = gravest(true, Some(true)).filter(|_| !contraindicated);
    let is_open = [false, true].into_iter().any(|start| {
        let found = going_on.iter().chain(&starting).map(|(rank, _)| *rank).min();
        gravest(start, None).is_some_and(|(rank, _)| found.is_none_or(|found| rank < found))
    });
    (starting.into_iter().chain(going_on).map(|(_, finding)| finding).collect(), is_open)
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
    let (zh, en) = rate.shown();
    Some(Finding {
        citation: rule.source.citation(),
        ..finding(
            code,
            severity,
            zh_en(
                format!("{}:{}({zh})", ingredient.name.zh, rule.text.zh),
                format!("{}: {} ({en})", ingredient.name.en, rule.text.en),
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
    let mut findings: Vec<Finding> = Vec::new();
    let mut depending: Vec<&Part> = Vec::new();
    for part in concerned {
        match baseline(part.2) {
            Some(row) => findings.push(not_measured(&[part], row.source.citation())),
            None => depending.push(part),
        }
    }
    if !depending.is_empty() && (case.diabetic || elderly || kidney_disease) {
        findings.push(not_measured(&depending, general()));
    }
    Ok(findings)
}

fn general() -> Citation {
    Citation::new("KDIGO 2022 Clinical Practice Guideline for Diabetes Management in Chronic Kidney Disease", 2022)
        .url("https://doi.org/10.1016/j.kint.2022.06.008")
}

/// The lines of the parts, and their names in both languages.
fn named(parts: &[&Part]) -> (Vec<u32>, String, String) {
    let mut lines: Vec<u32> = parts.iter().map(|(line, _, _)| line.number).collect();
    lines.dedup();
    let zh: Vec<&str> = parts.iter().map(|(_, _, ingredient)| ingredient.name.zh).collect();
    let en: Vec<&str> = parts.iter().map(|(_, _, ingredient)| ingredient.name.en).collect();
    (lines, zh.join("、"), en.join(", "))
}

fn not_measured(parts: &[&Part], citation: Citation) -> Finding {
    let (lines, zh, en) = named(parts);
    Finding {
        suggestion: zh_en("请先查血肌酐。", "Measure creatinine first."),
        citation,
        ..finding(
            "RENAL_FUNCTION_UNKNOWN",
            Severity::Warning,
            zh_en(
                format!("一年内没有可用的肾功能结果,下列药品的剂量与肾功能有关:{zh}。"),
                format!("No usable renal function within a year; these depend on it: {en}."),
            ),
            lines,
        )
    }
}

/// A bound that does not tell on which side of a threshold the rate is.
fn undecided(parts: &[&Part], rate: &Rate) -> Finding {
    let (lines, zh, en) = named(parts);
    let shown = rate.shown();
    Finding {
        suggestion: zh_en("请取得肾功能的具体数值。", "Have the laboratory report a number."),
        citation: general(),
        ..finding(
            "RENAL_NOT_DECIDED",
            Severity::Warning,
            zh_en(
                format!("肾功能只有范围({}),不足以判断下列药品的用法:{zh}。", shown.0),
                format!("The renal function is a bound ({}) that does not decide on these: {en}.", shown.1),
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

/// What a reported value says of the true one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    Exact,
    Above,
    AtLeast,
    AtMost,
    Below,
}

impl Bound {
    /// None of one whose meaning is not known.
    fn of(observation: &Observation) -> Option<Self> {
        match observation.attributes.value(COMPARATOR) {
            None => Some(Self::Exact),
            Some(AttributeValue::Text(sign)) => match sign.as_str() {
                ">" => Some(Self::Above),
                ">=" => Some(Self::AtLeast),
                "<=" => Some(Self::AtMost),
                "<" => Some(Self::Below),
                _ => None,
            },
            Some(_) => None,
        }
    }

    /// Of a filtration rate that is reckoned from a creatinine, and rounded.
    fn of_rate(self) -> Self {
        match self {
            Self::Exact => Self::Exact,
            Self::Above | Self::AtLeast => Self::AtMost,
            Self::Below | Self::AtMost => Self::AtLeast,
        }
    }

    const fn sign(self) -> &'static str {
        match self {
            Self::Exact => "",
            Self::Above => ">",
            Self::AtLeast => "≥",
            Self::AtMost => "≤",
            Self::Below => "<",
        }
    }
}

/// A glomerular filtration rate, mL/min/1.73 m².
#[derive(Debug)]
struct Rate {
    value: Decimal,
    bound: Bound,
    how: How,
}

impl Rate {
    /// The newest: measured, or from creatinine. Of one moment a number before a bound, and a
    /// measured one before another.
    fn of(case: &Case) -> Result<Option<Self>, Error> {
        let measured = standing(case, &EGFR).map(|(bound, observation)| (bound, observation, true));
        let creatinine = standing(case, &CREATININE).map(|(bound, observation)| (bound, observation, false));
        let mut all: Vec<_> = measured.chain(creatinine).collect();
        all.sort_by_key(|(bound, observation, _)| Reverse((observation.effective, *bound == Bound::Exact)));
        for (bound, observation, is_rate) in all {
            let rate = match is_rate {
                true => Self::measured(observation)?,
                false => Self::estimated(case, observation)?,
            };
            if let Some((value, how)) = rate {
                return Ok(Some(Self { value, bound: if is_rate { bound } else { bound.of_rate() }, how }));
            }
        }
        Ok(None)
    }

    /// Whether it is below a threshold; `None` if the bound does not tell.
    fn is_below(&self, threshold: u16) -> Option<bool> {
        let threshold = Decimal::whole(i64::from(threshold));
        match self.bound {
            Bound::Exact => Some(self.value < threshold),
            Bound::Above | Bound::AtLeast => (self.value >= threshold).then_some(false),
            Bound::AtMost => (self.value < threshold).then_some(true),
            Bound::Below => (self.value <= threshold).then_some(true),
        }
    }

    /// As findings say it, in both languages.
    fn shown(&self) -> (String, String) {
        let Self { value, bound, how } = self;
        let shown = format!("eGFR {}{}", bound.sign(), value.normalized());
        (format!("{shown},{}", how.zh), format!("{shown}, {}", how.en))
    }

    fn measured(observation: &Observation) -> Result<Option<(Decimal, How)>, Error> {
        let Some(quantity) = observation.quantity() else { return Ok(None) };
        match quantity.unit.as_str() {
            "mL/min/{1.73_m2}" | "mL/min/1.73m2" | "ml/min/{1.73_m2}" | "ml/min/1.73m2" | "mL/min" | "ml/min" => {}
            unit => return Err(Error::NotUnderstood(format!("a filtration rate in `{unit}`"))),
        }
        Ok(Some((quantity.value, How { zh: "检验报告", en: "reported" })))
    }

    /// `None` for minors and if age or sex is unknown: the equation is for
    /// adults of either sex.
    fn estimated(case: &Case, observation: &Observation) -> Result<Option<(Decimal, How)>, Error> {
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
        Ok(Some((value, How { zh: "按CKD-EPI 2021由肌酐估算", en: "from creatinine by CKD-EPI 2021" })))
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

/// Results of the last year that stand: with a value, which the host accepted, and by others than
/// the patient.
fn standing<'a>(case: &Case<'a>, codes: &'static [&'static str]) -> impl Iterator<Item = (Bound, &'a Observation)> {
    let now = case.now;
    let recent = move |at: Instant| days_between(at, now) < DAYS;
    case.snapshot
        .observations
        .iter()
        .filter(|o| codes.iter().any(|code| o.code.has(system::LOINC, code)))
        .filter(move |o| o.effective.is_some_and(recent))
        .filter(|o| o.quantity().is_some() && o.refused().is_none() && !o.is_self_reported())
        .filter_map(|o| Some((Bound::of(o)?, o)))
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
    fn a_bound_is_below_a_threshold_or_not_or_does_not_tell() {
        let how = How { zh: "", en: "" };
        for (bound, value, threshold, expected) in [
            (Bound::Exact, 59, 60, Some(true)),
            (Bound::Exact, 60, 60, Some(false)),
            (Bound::Above, 60, 60, Some(false)),
            (Bound::Above, 60, 30, Some(false)),
            (Bound::Above, 60, 80, None),
            (Bound::AtLeast, 60, 60, Some(false)),
            (Bound::AtLeast, 60, 61, None),
            (Bound::Below, 15, 15, Some(true)),
            (Bound::Below, 15, 30, Some(true)),
            (Bound::Below, 15, 10, None),
            (Bound::AtMost, 15, 15, None),
            (Bound::AtMost, 15, 16, Some(true)),
        ] {
            let rate = Rate { value: Decimal::whole(value), bound, how };
            assert_eq!(rate.is_below(threshold), expected, "{bound:?} {value} {threshold}");
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
