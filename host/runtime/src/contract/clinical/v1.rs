//! `xinglin:clinical@1` ⇄ [`xinglin_domain::clinical`]. Only the host creates snapshots, so there
//! are no conversions from the guest.

use xinglin_domain::clinical as domain;

use crate::{contract::types::v1::lower, wit::xinglin::clinical::snapshot as wit};

impl From<&domain::Subject> for wit::Subject {
    fn from(s: &domain::Subject) -> Self {
        Self {
            pseudonym: s.pseudonym.clone(),
            age_months: s.age_months,
            sex: match s.sex {
                domain::Sex::Female => wit::Sex::Female,
                domain::Sex::Male => wit::Sex::Male,
                domain::Sex::Other => wit::Sex::Other,
                domain::Sex::Unknown => wit::Sex::Unknown,
            },
        }
    }
}

impl From<&domain::Condition> for wit::Condition {
    fn from(c: &domain::Condition) -> Self {
        Self {
            code: lower(&c.code),
            status: match c.status {
                domain::ConditionStatus::Active => wit::ConditionStatus::Active,
                domain::ConditionStatus::Recurrence => wit::ConditionStatus::Recurrence,
                domain::ConditionStatus::Relapse => wit::ConditionStatus::Relapse,
                domain::ConditionStatus::Inactive => wit::ConditionStatus::Inactive,
                domain::ConditionStatus::Remission => wit::ConditionStatus::Remission,
                domain::ConditionStatus::Resolved => wit::ConditionStatus::Resolved,
                domain::ConditionStatus::Unknown => wit::ConditionStatus::Unknown,
            },
            onset: c.onset.map(|i| i.micros()),
            attributes: lower(&c.attributes),
        }
    }
}

impl From<&domain::Allergy> for wit::Allergy {
    fn from(a: &domain::Allergy) -> Self {
        Self {
            substance: lower(&a.substance),
            criticality: match a.criticality {
                domain::Criticality::Low => wit::Criticality::Low,
                domain::Criticality::High => wit::Criticality::High,
                domain::Criticality::UnableToAssess => wit::Criticality::UnableToAssess,
            },
            recorded: a.recorded.map(|i| i.micros()),
            attributes: lower(&a.attributes),
        }
    }
}

impl From<&domain::Medication> for wit::Medication {
    fn from(m: &domain::Medication) -> Self {
        Self {
            code: lower(&m.code),
            ingredients: lower(&m.ingredients),
            status: match m.status {
                domain::MedicationStatus::Active => wit::MedicationStatus::Active,
                domain::MedicationStatus::OnHold => wit::MedicationStatus::OnHold,
                domain::MedicationStatus::Completed => wit::MedicationStatus::Completed,
                domain::MedicationStatus::Stopped => wit::MedicationStatus::Stopped,
                domain::MedicationStatus::Unknown => wit::MedicationStatus::Unknown,
            },
            started: m.started.map(|i| i.micros()),
            ended: m.ended.map(|i| i.micros()),
            attributes: lower(&m.attributes),
        }
    }
}

impl From<&domain::ObservationValue> for wit::ObservationValue {
    fn from(value: &domain::ObservationValue) -> Self {
        match value {
            domain::ObservationValue::Quantity(v) => Self::Quantity(v.into()),
            domain::ObservationValue::Coded(v) => Self::Coded(lower(v)),
            domain::ObservationValue::Text(v) => Self::Text(v.clone()),
            domain::ObservationValue::Boolean(v) => Self::Boolean(*v),
            domain::ObservationValue::Integer(v) => Self::Integer(*v),
            domain::ObservationValue::Absent => Self::Absent,
        }
    }
}

impl From<&domain::Component> for wit::Component {
    fn from(c: &domain::Component) -> Self {
        Self { code: lower(&c.code), value: (&c.value).into() }
    }
}

impl From<&domain::Observation> for wit::Observation {
    fn from(o: &domain::Observation) -> Self {
        Self {
            code: lower(&o.code),
            value: (&o.value).into(),
            components: lower(&o.components),
            effective: o.effective.map(|i| i.micros()),
            attributes: lower(&o.attributes),
        }
    }
}

impl From<&domain::Omission> for wit::Omission {
    fn from(o: &domain::Omission) -> Self {
        Self {
            section: match o.section {
                domain::Section::Conditions => wit::Section::Conditions,
                domain::Section::Allergies => wit::Section::Allergies,
                domain::Section::Medications => wit::Section::Medications,
                domain::Section::Observations => wit::Section::Observations,
            },
            reason: match o.reason {
                domain::OmissionReason::NotDeclared => wit::OmissionReason::NotDeclared,
                domain::OmissionReason::Consent => wit::OmissionReason::Consent,
                domain::OmissionReason::Compartment => wit::OmissionReason::Compartment,
                domain::OmissionReason::Truncated => wit::OmissionReason::Truncated,
            },
        }
    }
}

impl From<&domain::Snapshot> for wit::Snapshot {
    fn from(s: &domain::Snapshot) -> Self {
        Self {
            taken_at: s.taken_at.micros(),
            subject: (&s.subject).into(),
            conditions: lower(&s.conditions),
            allergies: lower(&s.allergies),
            medications: lower(&s.medications),
            observations: lower(&s.observations),
            omissions: lower(&s.omissions),
            attributes: lower(&s.attributes),
        }
    }
}
