//! `xinglin:host/secrets`: which secrets there are, never what they say.

use std::{future::Future, pin::Pin};

use tracing::Instrument;

use crate::{Capability, call::CallState, tape::Question, trace, wit::xinglin::host::secrets as wit};

/// A look that is under way.
pub type SecretsFuture<'a> = Pin<Box<dyn Future<Output = Vec<String>> + Send + 'a>>;

/// The secrets that a tenant keeps for a plugin. Their values are no part of
/// this: only [`crate::Egress`] has them. Implemented over the store.
pub trait Secrets: Send + Sync {
    /// Keys that have a value.
    fn available(&self) -> SecretsFuture<'_>;
}

impl wit::Host for CallState {
    async fn available(&mut self) -> wasmtime::Result<Vec<String>> {
        let question = Question::new("secrets.available", &[]);
        let answer: Vec<String> = match self.tape.recorded(&question)? {
            Some(recorded) => recorded,
            None => {
                self.waiting = true;
                let kept = self.services.secrets.available().instrument(trace::import(question.import())).await;
                self.waiting = false;
                let granted = self.grants.capabilities.contains(&Capability::Secrets);
                self.grants.secrets.iter().filter(|key| granted && kept.contains(key)).cloned().collect()
            }
        };
        self.tape.record(question, &answer)?;
        Ok(answer)
    }
}
