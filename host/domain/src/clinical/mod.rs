//! The snapshot: the part of a patient's record that a plugin receives, as in `xinglin:clinical`.

mod facts;

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

/// The patient, pseudonymous.
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
    /// The clinical status.
    pub status: ConditionStatus,
    /// When it began.
    pub onset: Option<Instant>,
    /// Additional attributes, for later versions.
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
    /// The criticality.
    pub criticality: Criticality,
    /// When it was recorded.
    pub recorded: Option<Instant>,
    /// Additional attributes, for later versions.
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

/// A medication of the patient, current or past.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Medication {
    /// The product.
    pub code: Vec<Coding>,
    /// Its active ingredients, if known.
    pub ingredients: Vec<Coding>,
    /// Whether it is being taken.
    pub status: MedicationStatus,
    /// Start.
    pub started: Option<Instant>,
    /// End.
    pub ended: Option<Instant>,
    /// Additional attributes, for later versions.
    pub attributes: Vec<Attribute>,
}

/// The value of an observation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObservationValue {
    /// A quantity.
    Quantity(Quantity),
    /// A code.
    Coded(Vec<Coding>),
    /// Text.
    Text(String),
    /// Yes or no.
    Boolean(bool),
    /// A count or score.
    Integer(i64),
    /// No value, or the values are in the components.
    Absent,
}

/// A component of a panel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// All codings of the one concept.
    pub code: Vec<Coding>,
    /// Its value.
    pub value: ObservationValue,
}

/// A valid measurement or answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// All codings of the one concept.
    pub code: Vec<Coding>,
    /// Its value.
    pub value: ObservationValue,
    /// The components.
    pub components: Vec<Component>,
    /// The time for which it is valid (`effective`).
    pub effective: Option<Instant>,
    /// Additional attributes, for later versions.
    pub attributes: Vec<Attribute>,
}

/// A section of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Section {
    Conditions,
    Allergies,
    Medications,
    Observations,
}

/// Why something is omitted from a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OmissionReason {
    /// The manifest does not declare it.
    NotDeclared,
    /// The patient's consent does not cover it.
    Consent,
    /// It is in a restricted compartment.
    Compartment,
    /// Only the newest entries were included.
    Truncated,
}

/// An omission: something that may exist and is not in the snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Omission {
    /// The section.
    pub section: Section,
    /// The reason.
    pub reason: OmissionReason,
}

/// The snapshot of one moment, restricted for one plugin. Newest entries first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// The moment.
    pub taken_at: Instant,
    /// The patient.
    pub subject: Subject,
    /// Diagnoses and problems.
    pub conditions: Vec<Condition>,
    /// Allergies and intolerances.
    pub allergies: Vec<Allergy>,
    /// Medications.
    pub medications: Vec<Medication>,
    /// Observations.
    pub observations: Vec<Observation>,
    /// Omissions.
    pub omissions: Vec<Omission>,
    /// What the host computed ([`Snapshot::with_facts`]).
    pub attributes: Vec<Attribute>,
}

/// Data that a plugin declares to need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataNeed {
    /// All diagnoses.
    Conditions,
    /// All allergies.
    Allergies,
    /// All medications.
    Medications,
    /// Observations with one of these codes.
    Observations(Vec<Coding>),
}

impl Snapshot {
    /// The snapshot restricted to what is declared; each removed section is listed as
    /// [`OmissionReason::NotDeclared`], so an omission is never mistaken for absence.
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
