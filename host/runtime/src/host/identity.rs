//! `xinglin:host/identity`: which identity fields of the patient are known, without their values.

use tracing::Instrument;
use xinglin_domain::identity::IdentityField;
use xinglin_plugin::Capability;

use super::CallState;
use crate::{recorder::Question, trace, wit::xinglin::host::identity as wit};

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

impl wit::Host for CallState {
    async fn available(&mut self) -> wasmtime::Result<Vec<wit::Field>> {
        let question = Question::new("identity.available", &[]);
        let answer: Vec<IdentityField> = match self.tape.recorded(&question)? {
            Some(recorded) => recorded,
            None => {
                self.waiting = true;
                let known = self.services.identity.available().instrument(trace::import(question.import())).await;
                self.waiting = false;
                let granted = self.grants.capabilities.contains(&Capability::Identity);
                self.grants.identity.iter().filter(|field| granted && known.contains(field)).copied().collect()
            }
        };
        self.tape.record(question, &answer)?;
        Ok(answer.into_iter().map(Into::into).collect())
    }
}
