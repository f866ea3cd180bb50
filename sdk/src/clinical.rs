//! The snapshot of a patient, and queries on it.

pub use crate::bindings::xinglin::clinical::snapshot::{
    Allergy, Component, Condition, ConditionStatus, Criticality, Medication, MedicationStatus, Observation,
    ObservationValue, Omission, OmissionReason, Section, Sex, Snapshot, Subject,
};
use crate::{
    time::Instant,
    types::{AttributeValue, Attributes as _, Coding, Quantity},
};

impl Snapshot {
    /// Age in completed years; `None` if the birth date is unknown.
    pub fn age_years(&self) -> Option<u32> {
        self.subject.age_months.map(|months| months / 12)
    }

    /// Whether a section contains everything that was declared. If not, absence of an entry
    /// proves nothing: a check that needs it must return that it could not decide.
    ///
    /// Observations are declared by code, so for them "not declared" only concerns
    /// other codes.
    pub fn is_complete(&self, section: Section) -> bool {
        !self.omissions.iter().any(|omission| {
            omission.section == section
                && !(section == Section::Observations && omission.reason == OmissionReason::NotDeclared)
        })
    }

    /// As [`is_complete`](Self::is_complete), but what lies in restricted compartments other than the
    /// plugin's own may be missing: for a decision that none of it could change. The host enrols nobody in a
    /// pathway that may not see its own compartment.
    pub fn is_complete_but_for_compartments(&self, section: Section) -> bool {
        let mut of_section = self.omissions.iter().filter(|omission| omission.section == section);
        of_section.all(|omission| {
            omission.reason == OmissionReason::Compartment
                || section == Section::Observations && omission.reason == OmissionReason::NotDeclared
        })
    }

    /// Observations with this code, newest first.
    pub fn history(&self, code: &Coding) -> impl Iterator<Item = &Observation> {
        self.observations.iter().filter(move |observation| observation.code.iter().any(|c| c.same(code)))
    }

    /// The newest observation with this code.
    pub fn latest(&self, code: &Coding) -> Option<&Observation> {
        self.history(code).next()
    }

    /// What the host computed: the newest weight in kg, and when it was taken.
    pub fn weight(&self) -> Option<(&Quantity, Instant)> {
        self.measured("xinglin.weight", "xinglin.weight-at")
    }

    /// What the host computed: the newest height in cm, and when it was taken.
    pub fn height(&self) -> Option<(&Quantity, Instant)> {
        self.measured("xinglin.height", "xinglin.height-at")
    }

    /// What the host computed: whether the patient is pregnant; `None` if it is not known.
    pub fn is_pregnant(&self) -> Option<bool> {
        match self.attributes.value("xinglin.pregnant")? {
            AttributeValue::Boolean(is) => Some(*is),
            _ => None,
        }
    }

    /// What the host computed: whether the patient is known to breast-feed.
    pub fn is_lactating(&self) -> bool {
        matches!(self.attributes.value("xinglin.lactating"), Some(AttributeValue::Boolean(true)))
    }

    fn measured(&self, key: &str, at: &str) -> Option<(&Quantity, Instant)> {
        match (self.attributes.value(key)?, self.attributes.value(at)?) {
            (AttributeValue::Quantity(value), AttributeValue::Instant(at)) => Some((value, *at)),
            _ => None,
        }
    }

    /// Active diagnoses.
    pub fn active_conditions(&self) -> impl Iterator<Item = &Condition> {
        self.conditions.iter().filter(|condition| condition.is_active())
    }

    /// Medications that are being taken, or may be.
    pub fn active_medications(&self) -> impl Iterator<Item = &Medication> {
        self.medications.iter().filter(|medication| medication.is_active())
    }
}

impl Condition {
    /// Whether it is active. An unknown status counts as active.
    pub fn is_active(&self) -> bool {
        use ConditionStatus::{Active, Recurrence, Relapse, Unknown};
        matches!(self.status, Active | Recurrence | Relapse | Unknown)
    }
}

impl Medication {
    /// Whether it is being taken. An unknown status counts as taken.
    pub fn is_active(&self) -> bool {
        matches!(self.status, MedicationStatus::Active | MedicationStatus::Unknown)
    }
}

impl Observation {
    /// Its value, if it is a quantity.
    pub fn quantity(&self) -> Option<&Quantity> {
        self.value.quantity()
    }

    /// The quantity recorded under this code: the value itself, or a component's.
    pub fn quantity_of(&self, code: &Coding) -> Option<&Quantity> {
        if self.code.iter().any(|c| c.same(code)) {
            return self.quantity();
        }
        let part = self.components.iter().find(|part| part.code.iter().any(|c| c.same(code)));
        part.and_then(|part| part.value.quantity())
    }
}

impl ObservationValue {
    /// The value, if it is a quantity.
    pub fn quantity(&self) -> Option<&Quantity> {
        match self {
            Self::Quantity(quantity) => Some(quantity),
            _ => None,
        }
    }
}
