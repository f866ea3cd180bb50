//! The snapshot: what a plugin may know of a patient, as in `xinglin:clinical`.

use serde::{Deserialize, Serialize};

use crate::{
    coding::{Attribute, Coding, Quantity},
    time::Instant,
};

/// Administrative sex, as in FHIR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are FHIR's")]
pub enum Sex {
    Female,
    Male,
    Other,
    Unknown,
}

/// The person, pseudonymous.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// Stable for one patient and one plugin.
    pub pseudonym: String,
    /// Completed months at [`Snapshot::taken_at`].
    pub age_months: Option<u32>,
    /// Administrative sex.
    pub sex: Sex,
}

/// FHIR `Condition.clinicalStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are FHIR's")]
pub enum ConditionStatus {
    Active,
    Recurrence,
    Relapse,
    Inactive,
    Remission,
    Resolved,
    Unknown,
}

/// A diagnosis or problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// All codings of the one concept.
    pub code: Vec<Coding>,
    /// Whether it stands.
    pub status: ConditionStatus,
    /// Since when.
    pub onset: Option<Instant>,
    /// The open door.
    pub attributes: Vec<Attribute>,
}

/// FHIR `AllergyIntolerance.criticality`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are FHIR's")]
pub enum Criticality {
    Low,
    High,
    UnableToAssess,
}

/// An allergy or intolerance that has not been refuted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allergy {
    /// All codings of the substance.
    pub substance: Vec<Coding>,
    /// How bad it may get.
    pub criticality: Criticality,
    /// When it was written down.
    pub recorded: Option<Instant>,
    /// The open door.
    pub attributes: Vec<Attribute>,
}

/// Whether a medicine is being taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are FHIR's")]
pub enum MedicationStatus {
    Active,
    OnHold,
    Completed,
    Stopped,
    Unknown,
}

/// A medicine the patient takes or took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Medication {
    /// The product.
    pub code: Vec<Coding>,
    /// Its active ingredients, where known.
    pub ingredients: Vec<Coding>,
    /// Whether it is being taken.
    pub status: MedicationStatus,
    /// Since when.
    pub started: Option<Instant>,
    /// Until when.
    pub ended: Option<Instant>,
    /// The open door.
    pub attributes: Vec<Attribute>,
}

/// What was measured or answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObservationValue {
    /// An amount.
    Quantity(Quantity),
    /// A concept.
    Coded(Vec<Coding>),
    /// Words.
    Text(String),
    /// Yes or no.
    Boolean(bool),
    /// A count or score.
    Integer(i64),
    /// No value, or it is in the components.
    Absent,
}

/// A part of a panel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// All codings of the one concept.
    pub code: Vec<Coding>,
    /// Its value.
    pub value: ObservationValue,
}

/// A measurement or answer that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// All codings of the one concept.
    pub code: Vec<Coding>,
    /// Its value.
    pub value: ObservationValue,
    /// Its parts.
    pub components: Vec<Component>,
    /// When it was true of the patient.
    pub effective: Option<Instant>,
    /// The open door.
    pub attributes: Vec<Attribute>,
}

/// A part of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Section {
    Conditions,
    Allergies,
    Medications,
    Observations,
}

/// Why something is not in a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OmissionReason {
    /// The manifest did not ask for it.
    NotDeclared,
    /// The patient's consent does not cover it.
    Consent,
    /// It lies in a restricted compartment.
    Compartment,
    /// The newest were kept.
    Truncated,
}

/// Something that may exist and is not in the snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Omission {
    /// Of which part.
    pub section: Section,
    /// Why.
    pub reason: OmissionReason,
}

/// What the host knew at one moment, cut down for one plugin. Newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// When.
    pub taken_at: Instant,
    /// Of whom.
    pub subject: Subject,
    /// Diagnoses and problems.
    pub conditions: Vec<Condition>,
    /// Allergies and intolerances.
    pub allergies: Vec<Allergy>,
    /// Medicines taken.
    pub medications: Vec<Medication>,
    /// Measurements and answers.
    pub observations: Vec<Observation>,
    /// What is missing.
    pub omissions: Vec<Omission>,
    /// The open door.
    pub attributes: Vec<Attribute>,
}

/// What a plugin declared that it must see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataNeed {
    /// All diagnoses.
    Conditions,
    /// All allergies.
    Allergies,
    /// All medicines.
    Medications,
    /// Observations with one of these codes.
    Observations(Vec<Coding>),
}

impl Snapshot {
    /// The same snapshot cut down to what is declared; each part that is cut is
    /// noted as [`OmissionReason::NotDeclared`], so that silence is never read
    /// as absence.
    #[must_use]
    pub fn restricted_to(mut self, needs: &[DataNeed]) -> Self {
        let mut omit = |section| {
            self.omissions.push(Omission { section, reason: OmissionReason::NotDeclared });
        };
        if !needs.contains(&DataNeed::Conditions) {
            self.conditions.clear();
            omit(Section::Conditions);
        }
        if !needs.contains(&DataNeed::Allergies) {
            self.allergies.clear();
            omit(Section::Allergies);
        }
        if !needs.contains(&DataNeed::Medications) {
            self.medications.clear();
            omit(Section::Medications);
        }
        let codes: Vec<&Coding> = needs
            .iter()
            .filter_map(|need| match need {
                DataNeed::Observations(codes) => Some(codes),
                _ => None,
            })
            .flatten()
            .collect();
        self.observations.retain(|o| o.code.iter().any(|c| codes.iter().any(|want| want.same(c))));
        omit(Section::Observations);
        self
    }
}
