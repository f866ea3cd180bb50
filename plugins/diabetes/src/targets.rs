//! Treatment targets: guideline values, as set by the hospital, for one patient.

use xinglin_sdk::{
    clinical::{Condition, Snapshot},
    follow_up::Error,
    settings,
    types::{Codings as _, Decimal, system, zh_en},
};

use crate::{
    measure::{Glucose, Hba1c, Ldl, Pressure},
    numbers::DOCTOR_MINUTES,
};

/// ICD-10 categories of atherosclerotic cardiovascular disease.
const ASCVD_ICD10: [&str; 9] = ["I20", "I21", "I22", "I23", "I24", "I25", "I63", "I70", "G45"];
/// The same in SNOMED CT: ischaemic heart disease, myocardial infarction (also old
/// and with ST elevation), stroke, bypass.
const ASCVD_SNOMED: [&str; 6] = ["414545008", "22298006", "399211009", "401303003", "230690007", "399261000"];
/// Senility with frailty; frailty in SNOMED CT.
const FRAIL_ICD10: [&str; 1] = ["R54"];
const FRAIL_SNOMED: [&str; 1] = ["248279007"];
/// Chronic disease of the kidney, and diabetic kidney, eye, nerve and vessel disease.
const COMPLICATED_ICD10: [&str; 6] = ["N18", "E11.2", "E11.3", "E11.4", "E11.5", "E11.7"];
const COMPLICATED_SNOMED: [&str; 2] = ["709044004", "4855003"];

/// What of the patient decides which targets apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Goals {
    /// Frail by diagnosis or age, or helped by another person in hypoglycaemia once.
    pub relaxed: bool,
    /// Young by the hospital's setting, and without complications.
    strict: bool,
    ascvd: bool,
}

impl Goals {
    /// `severe_hypoglycaemia`: another person had to help once.
    ///
    /// # Errors
    /// If a setting has no value.
    pub fn of(snapshot: &Snapshot, severe_hypoglycaemia: bool) -> Result<Self, Error> {
        let age = snapshot.age_years().map(i64::from);
        let (frail_from, strict_before) = (integer("frail-from-years")?, integer("strict-before-years")?);
        let active =
            |icd10: &[&str], snomed: &[&str]| snapshot.active_conditions().any(|one| is_any(one, icd10, snomed));
        // An infarction counts whatever its status.
        let ascvd = snapshot.conditions.iter().any(|one| is_any(one, &ASCVD_ICD10, &ASCVD_SNOMED));
        let frail = active(&FRAIL_ICD10, &FRAIL_SNOMED) || age.is_some_and(|age| age >= frail_from);
        let relaxed = frail || severe_hypoglycaemia;
        let complicated = ascvd || active(&COMPLICATED_ICD10, &COMPLICATED_SNOMED);
        let strict = !relaxed && !complicated && age.is_some_and(|age| age < strict_before);
        Ok(Self { relaxed, strict, ascvd })
    }

    /// The HbA1c below which it is on target.
    ///
    /// # Errors
    /// If the setting has no value.
    pub fn hba1c_maximum(self) -> Result<Decimal, Error> {
        decimal(match self {
            Self { relaxed: true, .. } => "hba1c-maximum-relaxed",
            Self { strict: true, .. } => "hba1c-maximum-strict",
            _ => "hba1c-maximum",
        })
    }

    /// Whether an HbA1c is on target.
    ///
    /// # Errors
    /// If the setting has no value.
    pub fn hba1c_met(self, hba1c: &Hba1c) -> Result<bool, Error> {
        Ok(hba1c.is_below(self.hba1c_maximum()?))
    }

    /// Whether an LDL cholesterol is on target.
    ///
    /// # Errors
    /// If the setting has no value.
    pub fn ldl_met(self, ldl: &Ldl) -> Result<bool, Error> {
        Ok(ldl.is_below(decimal(if self.ascvd { "ldl-maximum-ascvd" } else { "ldl-maximum" })?))
    }
}

fn is_any(condition: &Condition, icd10: &[&str], snomed: &[&str]) -> bool {
    icd10.iter().any(|prefix| condition.code.has_under(system::ICD10, prefix))
        || snomed.iter().any(|code| condition.code.has(system::SNOMED, code))
}

/// A limit that the hospital sets.
///
/// # Errors
/// If it has no value.
pub fn decimal(key: &str) -> Result<Decimal, Error> {
    settings::decimal(key).ok_or_else(|| missing(key))
}

fn integer(key: &str) -> Result<i64, Error> {
    settings::integer(key).ok_or_else(|| missing(key))
}

fn missing(key: &str) -> Error {
    Error::MissingData(zh_en(format!("参数 {key} 没有值。"), format!("The setting {key} has no value.")))
}

/// Whether a glucose is on target.
///
/// # Errors
/// If a setting has no value.
pub fn glucose_met(glucose: &Glucose) -> Result<bool, Error> {
    if glucose.fasting {
        Ok(!glucose.is_below(decimal("fasting-minimum")?) && glucose.is_below(decimal("fasting-maximum")?))
    } else {
        Ok(glucose.is_below(decimal("glucose-maximum")?))
    }
}

/// Whether a blood pressure is on target.
///
/// # Errors
/// If a setting has no value.
pub fn pressure_met(pressure: &Pressure) -> Result<bool, Error> {
    Ok(!pressure.reaches(decimal("systolic-maximum")?, decimal("diastolic-maximum")?))
}

/// Minutes within which a doctor must acknowledge a critical alert.
pub fn acknowledge_minutes() -> u32 {
    let set = settings::integer("acknowledge-minutes").and_then(|minutes| u32::try_from(minutes).ok());
    set.unwrap_or(DOCTOR_MINUTES.minutes())
}
