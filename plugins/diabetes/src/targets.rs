//! Treatment targets: guideline values, as set by the hospital.

use xinglin_sdk::{
    clinical::Snapshot,
    pathway::Error,
    settings,
    types::{Codings as _, Decimal, system, zh_en},
};

use crate::measure::{Glucose, Hba1c, Ldl, Pressure};

/// ICD-10 categories of atherosclerotic cardiovascular disease.
const ASCVD_ICD10: [&str; 9] = ["I20", "I21", "I22", "I23", "I24", "I25", "I63", "I70", "G45"];
/// The same in SNOMED CT: ischaemic heart disease, myocardial infarction (also old
/// and with ST elevation), stroke, bypass.
const ASCVD_SNOMED: [&str; 6] = ["414545008", "22298006", "399211009", "401303003", "230690007", "399261000"];

/// A limit that the hospital sets.
pub fn decimal(key: &str) -> Result<Decimal, Error> {
    settings::decimal(key).ok_or_else(|| {
        Error::MissingData(zh_en(format!("参数 {key} 没有值。"), format!("The setting {key} has no value.")))
    })
}

/// The HbA1c below which it is on target.
pub fn hba1c_maximum(after_severe_hypoglycaemia: bool) -> Result<Decimal, Error> {
    decimal(if after_severe_hypoglycaemia { "hba1c-maximum-relaxed" } else { "hba1c-maximum" })
}

/// Whether an HbA1c is on target. A previous severe hypoglycaemia relaxes the target.
pub fn hba1c_met(hba1c: &Hba1c, after_severe_hypoglycaemia: bool) -> Result<bool, Error> {
    Ok(hba1c.is_below(hba1c_maximum(after_severe_hypoglycaemia)?))
}

/// Whether a glucose is on target.
pub fn glucose_met(glucose: &Glucose) -> Result<bool, Error> {
    if glucose.fasting {
        Ok(!glucose.is_below(decimal("fasting-minimum")?) && glucose.is_below(decimal("fasting-maximum")?))
    } else {
        Ok(glucose.is_below(decimal("glucose-maximum")?))
    }
}

/// Whether a blood pressure is on target.
pub fn pressure_met(pressure: &Pressure) -> Result<bool, Error> {
    Ok(!pressure.reaches(decimal("systolic-maximum")?, decimal("diastolic-maximum")?))
}

/// Whether an LDL cholesterol is on target for this patient.
pub fn ldl_met(ldl: &Ldl, snapshot: &Snapshot) -> Result<bool, Error> {
    // An infarction counts whatever its status.
    let ascvd = snapshot.conditions.iter().any(|condition| {
        ASCVD_ICD10.iter().any(|prefix| condition.code.has_under(system::ICD10, prefix))
            || ASCVD_SNOMED.iter().any(|code| condition.code.has(system::SNOMED, code))
    });
    Ok(ldl.is_below(decimal(if ascvd { "ldl-maximum-ascvd" } else { "ldl-maximum" })?))
}

/// Minutes within which a doctor must acknowledge a critical alert.
pub fn acknowledge_minutes() -> u32 {
    settings::integer("acknowledge-minutes").and_then(|minutes| u32::try_from(minutes).ok()).unwrap_or(15)
}
