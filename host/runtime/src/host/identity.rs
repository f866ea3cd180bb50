//! `xinglin:host/identity`: what is known of who the patient is, never what it
//! says.

use std::{fmt, future::Future, pin::Pin};

use serde::{Deserialize, Serialize};
use tracing::Instrument;

use crate::{Capability, call::CallState, tape::Question, trace, wit::xinglin::host::identity as wit};

/// Something that says who a patient is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentityField {
    /// The full name.
    Name,
    /// The number of the resident identity card.
    IdNumber,
    /// A telephone number.
    Phone,
    /// The date of birth.
    BirthDate,
    /// The number of the insured.
    InsuranceNumber,
}

impl IdentityField {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Name, Self::IdNumber, Self::Phone, Self::BirthDate, Self::InsuranceNumber];

    /// As placeholders and manifests write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::IdNumber => "id-number",
            Self::Phone => "phone",
            Self::BirthDate => "birth-date",
            Self::InsuranceNumber => "insurance-number",
        }
    }

    /// In words for whoever grants it.
    pub(crate) const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Name => ("姓名", "name"),
            Self::IdNumber => ("身份证号", "resident identity card number"),
            Self::Phone => ("电话号码", "telephone number"),
            Self::BirthDate => ("出生日期", "date of birth"),
            Self::InsuranceNumber => ("医保号", "insurance number"),
        }
    }
}

impl fmt::Display for IdentityField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<IdentityField> for wit::Field {
    fn from(field: IdentityField) -> Self {
        match field {
            IdentityField::Name => Self::FullName,
            IdentityField::IdNumber => Self::IdNumber,
            IdentityField::Phone => Self::Phone,
            IdentityField::BirthDate => Self::BirthDate,
            IdentityField::InsuranceNumber => Self::InsuranceNumber,
        }
    }
}

/// A look that is under way.
pub type IdentityFuture<'a> = Pin<Box<dyn Future<Output = Vec<IdentityField>> + Send + 'a>>;

/// The patient whom a call is about. The values are no part of this: only
/// [`crate::Egress`] has them. Implemented over the record.
pub trait Identity: Send + Sync {
    /// Fields that are known of the patient and may go out; none without one.
    fn available(&self) -> IdentityFuture<'_>;
}

impl wit::Host for CallState {
    async fn available(&mut self) -> wasmtime::Result<Vec<wit::Field>> {
        let question = Question::new("identity.available", &[]);
        let answer: Vec<IdentityField> = match self.tape.recorded(&question)? {
            Some(recorded) => recorded,
            None => {
                self.waiting = true;
                let known = self.lent.identity.available().instrument(trace::import(question.import())).await;
                self.waiting = false;
                let granted = self.grants.capabilities.contains(&Capability::Identity);
                self.grants.identity.iter().filter(|field| granted && known.contains(field)).copied().collect()
            }
        };
        self.tape.record(question, &answer)?;
        Ok(answer.into_iter().map(Into::into).collect())
    }
}
