//! Whether a patient may be treated: of the dead, of a record that is not in use, and of one that
//! was merged into another, what was done can be read and billed, and nothing more is done.

use thiserror::Error;

use crate::code::Code;

/// Why nothing more may be done for a patient (FHIR `Patient.deceased[x]`, `Patient.active`,
/// `Patient.link` of type `replaced-by`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotTreatable {
    /// The patient has died.
    #[error("the patient has died")]
    Deceased,
    /// The record was merged into another.
    #[error("the record was replaced by another record of the same person")]
    Replaced,
    /// The record is not in use.
    #[error("the record of the patient is not in use")]
    Inactive,
}

impl NotTreatable {
    /// The stable code.
    pub const fn code(self) -> Code {
        match self {
            Self::Deceased => Code::PatientDeceased,
            Self::Replaced => Code::PatientReplaced,
            Self::Inactive => Code::PatientInactive,
        }
    }
}
