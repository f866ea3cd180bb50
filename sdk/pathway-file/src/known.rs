//! What is measured, under which LOINC code, in which unit: "unit decides the code".
//!
//! Of the analytes that the host knows, a pathway receives values in the canonical unit, under the code
//! of that unit (`host/domain/src/measure.rs`); here are the same codes and units, and a few more that
//! pathways need. Everything else a file declares itself, with the factors of its units.

/// A measurement with a settled code and unit.
#[derive(Debug)]
pub struct Known {
    /// LOINC.
    pub code: &'static str,
    /// The UCUM unit of the code.
    pub unit: &'static str,
    /// Other units of the same, each with the factor into `unit`.
    pub others: &'static [(&'static str, &'static str)],
    /// Codes of the same in other units, or less specific: the host gives their values under `code`.
    pub spelled: &'static [&'static str],
    /// In English.
    pub name: &'static str,
}

macro_rules! known {
    ($($code:literal $unit:literal [$(($other:literal, $factor:literal)),*] [$($spelled:literal),*] $name:literal;)*) => {
        static KNOWN: &[Known] = &[$(Known {
            code: $code, unit: $unit, others: &[$(($other, $factor)),*], spelled: &[$($spelled),*], name: $name,
        }),*];
    };
}

// Factors: AMA Manual of Style, 11th edition, Conventional Units and SI Units, 2020. Of glucose and
// lipids the host divides (18.0182 and 38.67 mg/dL are one mmol/L), so that no other unit arrives.
known! {
    "14743-9" "mmol/L" [] ["41653-7"] "glucose by glucometer";
    "14771-0" "mmol/L" [] ["1558-6"] "fasting glucose";
    "14749-6" "mmol/L" [] ["2345-7"] "glucose in serum or plasma";
    "15074-8" "mmol/L" [] ["2339-0"] "glucose in blood";
    "4548-4" "%" [] ["59261-8"] "HbA1c";
    "17856-6" "%" [] [] "HbA1c by HPLC";
    "14682-9" "umol/L" [("mg/dL", "88.4")] ["2160-0"] "creatinine in serum or plasma";
    "59826-8" "umol/L" [("mg/dL", "88.4")] ["38483-4"] "creatinine in blood";
    "22748-8" "mmol/L" [] ["2089-1", "13457-7", "18262-6"] "LDL cholesterol";
    "14647-2" "mmol/L" [] [] "total cholesterol";
    "14646-4" "mmol/L" [] [] "HDL cholesterol";
    "14927-8" "mmol/L" [] [] "triglycerides";
    "8480-6" "mm[Hg]" [("kPa", "7.50062")] [] "systolic blood pressure";
    "8462-4" "mm[Hg]" [("kPa", "7.50062")] [] "diastolic blood pressure";
    "9318-7" "mg/g" [("mg/mmol", "8.84")] ["32294-1"] "urine albumin/creatinine";
    "14959-1" "mg/g" [("mg/mmol", "8.84")] [] "urine microalbumin/creatinine";
    "98979-8" "mL/min/{1.73_m2}" [] [] "eGFR";
    "62238-1" "mL/min/{1.73_m2}" [] [] "eGFR";
    "33914-3" "mL/min/{1.73_m2}" [] [] "eGFR";
    "14933-6" "umol/L" [("mg/dL", "59.48")] [] "urate in serum or plasma";
    "2823-3" "mmol/L" [("meq/L", "1")] [] "potassium in serum or plasma";
    "718-7" "g/dL" [("g/L", "0.1")] [] "haemoglobin";
    "1742-6" "U/L" [] [] "ALT";
    "2157-6" "U/L" [] [] "creatine kinase";
    "59408-5" "%" [] [] "oxygen saturation by pulse oximetry";
    "19935-6" "L/min" [("L/s", "60")] [] "peak expiratory flow";
    "8310-5" "Cel" [] [] "body temperature";
    "8867-4" "/min" [] [] "heart rate";
    "9279-1" "/min" [] [] "respiratory rate";
    "29463-7" "kg" [("[lb_av]", "0.45359237"), ("g", "0.001")] [] "body weight";
}

/// All.
pub fn all() -> &'static [Known] {
    KNOWN
}

/// What this code measures.
pub fn known(code: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.code == code)
}

/// The measurement that this code spells in another unit.
pub fn spelled(code: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.spelled.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::Number;

    #[test]
    fn codes_are_there_once_and_factors_are_numbers() {
        for (index, one) in KNOWN.iter().enumerate() {
            assert!(KNOWN[..index].iter().all(|other| other.code != one.code), "{}", one.code);
            assert!(one.spelled.iter().all(|code| known(code).is_none()), "{}", one.code);
            for (_, factor) in one.others {
                assert!(factor.parse::<Number>().is_ok(), "{factor}");
            }
        }
    }
}
