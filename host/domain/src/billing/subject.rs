use std::{fmt, str::FromStr};

use crate::id::{EncounterId, InvalidId, PrescriptionId};

/// What a bill is for: a prescription, with the fee of its visit, or a visit alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The medicines of a prescription, which the bill reserves; and what else it charges.
    Prescription(PrescriptionId),
    /// A visit without medicines: its fee, and what was ordered in it.
    Visit(EncounterId),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prescription(id) => id.fmt(f),
            Self::Visit(id) => id.fmt(f),
        }
    }
}

impl FromStr for Subject {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.parse() {
            Ok(visit) => Ok(Self::Visit(visit)),
            Err(_) => text.parse().map(Self::Prescription),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_what_it_is_for() {
        for subject in [Subject::Prescription(PrescriptionId::from_u128(7)), Subject::Visit(EncounterId::from_u128(7))]
        {
            assert_eq!(subject.to_string().parse(), Ok(subject));
        }
        assert!("bill-7".parse::<Subject>().is_err());
    }
}
