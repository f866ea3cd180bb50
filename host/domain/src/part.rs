//! Parts of a pathway that a consent opens to somebody who does not treat the patient.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    compartment::{Compartment, Compartments},
    id::EnrolmentId,
};

/// A part of a pathway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// To family: which pathway, its stage, and since when. To a school: whether in care or not.
    Status,
    /// The patient's tasks, and when they are due.
    Tasks,
    /// The panel, as the patient sees it.
    Panel,
    /// To an employer: to be counted in a group.
    Counted,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Status, Self::Tasks, Self::Panel, Self::Counted];

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of parts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Parts(u8);

impl Parts {
    /// What family and guardians may be shown.
    pub const OF_KIN: Self = Self(Part::Status.bit() | Part::Tasks.bit() | Part::Panel.bit());

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether it has this part.
    pub const fn contains(self, part: Part) -> bool {
        self.0 & part.bit() != 0
    }

    /// Whether all of these are in the other set.
    pub const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Both together.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl From<Part> for Parts {
    fn from(part: Part) -> Self {
        Self(part.bit())
    }
}

impl FromIterator<Part> for Parts {
    fn from_iter<I: IntoIterator<Item = Part>>(parts: I) -> Self {
        parts.into_iter().fold(Self::default(), |all, part| all.or(part.into()))
    }
}

impl Serialize for Parts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(Part::ALL.into_iter().filter(|part| self.contains(*part)))
    }
}

impl<'de> Deserialize<'de> for Parts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Part>::deserialize(deserializer)?.into_iter().collect())
    }
}

/// Parts of one enrolment of a patient in a pathway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathwayParts {
    /// The enrolment.
    pub enrolment: EnrolmentId,
    /// The parts.
    pub parts: Parts,
    /// The restricted compartments in which the pathway lies, by name: a consent that does not name them does not open
    /// them.
    #[serde(default, with = "names")]
    pub compartments: Compartments,
}

/// Compartments by their names.
mod names {
    use super::{Compartment, Compartments, Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
    pub(super) fn serialize<S: Serializer>(compartments: &Compartments, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(compartments.iter())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Compartments, D::Error> {
        Ok(Vec::<Compartment>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parts_are_written_by_their_names_and_read_again() {
        let parts = PathwayParts {
            enrolment: EnrolmentId::from_u128(1),
            parts: [Part::Tasks, Part::Status].into_iter().collect(),
            compartments: Compartment::MentalHealth.into(),
        };
        let written = serde_json::to_value(parts).expect("JSON");
        assert_eq!(written["parts"], json!(["status", "tasks"]));
        assert_eq!(written["compartments"], json!(["mental-health"]));
        assert_eq!(serde_json::from_value::<PathwayParts>(written).expect("the same"), parts);
        let bare = json!({ "enrolment": parts.enrolment, "parts": [] });
        let bare: PathwayParts = serde_json::from_value(bare).expect("without compartments");
        assert!(bare.parts.is_empty() && bare.compartments.is_empty());
        assert!(serde_json::from_value::<Parts>(json!(["scores"])).is_err());
        assert!(parts.parts.is_within(Parts::OF_KIN) && !Parts::from(Part::Counted).is_within(Parts::OF_KIN));
    }
}
