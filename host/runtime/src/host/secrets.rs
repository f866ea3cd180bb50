//! `xinglin:host/secrets`: which secrets exist, without their values.

use tracing::Instrument;
use xinglin_plugin::Capability;

use super::CallState;
use crate::{recorder::Question, trace, wit::xinglin::host::secrets as wit};

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
