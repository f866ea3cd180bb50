//! Diagnoses that the pathway reads.

use xinglin_sdk::{
    clinical::{Condition, ConditionStatus, Snapshot},
    types::{Codings as _, system},
};

/// Groups of diagnoses: codes of ICD-10 with all below them, and of SNOMED CT.
#[derive(Debug)]
pub struct Group {
    /// Prefixes.
    pub icd10: &'static [&'static str],
    /// Codes.
    pub snomed: &'static [&'static str],
}

/// Depression and anxiety.
pub const MOOD: Group = Group {
    icd10: &["F32", "F33", "F34.1", "F40", "F41"],
    snomed: &["35489007", "370143000", "78667006", "197480006", "21897009"],
};
/// Insomnia.
pub const INSOMNIA: Group = Group { icd10: &["F51.0", "G47.0"], snomed: &["193462001"] };
/// Schizophrenia and other psychoses.
pub const PSYCHOSIS: Group = Group {
    icd10: &["F20", "F21", "F22", "F23", "F24", "F25", "F28", "F29", "F32.3", "F33.3"],
    snomed: &["69322001", "58214004"],
};
/// Mania and bipolar disorder.
pub const BIPOLAR: Group = Group { icd10: &["F30", "F31"], snomed: &["13746004", "231494001"] };
/// Self-harm and suicidal intent.
pub const SELF_HARM: Group = Group {
    icd10: &[
        "R45.81", "X60", "X61", "X62", "X63", "X64", "X65", "X66", "X67", "X68", "X69", "X70", "X71", "X72", "X73",
        "X74", "X75", "X76", "X77", "X78", "X79", "X80", "X81", "X82", "X83", "X84",
    ],
    snomed: &["82313006", "6471006"],
};
/// Epilepsy.
pub const EPILEPSY: Group = Group { icd10: &["G40", "G41"], snomed: &["84757009"] };
/// Sleep apnoea.
pub const APNOEA: Group = Group { icd10: &["G47.3"], snomed: &["73430006", "78275009"] };

impl Group {
    /// Whether a diagnosis belongs to it.
    pub fn has(&self, condition: &Condition) -> bool {
        self.icd10.iter().any(|prefix| condition.code.has_under(system::ICD10, prefix))
            || self.snomed.iter().any(|code| condition.code.has(system::SNOMED, code))
    }

    /// Whether the patient has one of them that is active, or in remission.
    pub fn stands(&self, snapshot: &Snapshot) -> bool {
        let stands = |one: &Condition| one.is_active() || one.status == ConditionStatus::Remission;
        snapshot.conditions.iter().any(|condition| stands(condition) && self.has(condition))
    }

    /// Whether the patient has one of them that is active.
    pub fn is_active(&self, snapshot: &Snapshot) -> bool {
        snapshot.active_conditions().any(|condition| self.has(condition))
    }
}
