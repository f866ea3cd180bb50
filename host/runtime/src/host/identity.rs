//! `xinglin:host/identity`: what is known of who the patient is, never what it
//! says.

use std::{future::Future, pin::Pin};

use tracing::Instrument;
use xinglin_domain::identity::IdentityField;

use crate::{Capability, call::CallState, tape::Question, trace, wit::xinglin::host::identity as wit};

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
