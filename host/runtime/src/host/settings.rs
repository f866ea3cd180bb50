//! `xinglin:host/settings`: the tenant's settings.

use xinglin_domain::coding::{Attribute, AttributeValue};

use super::CallState;
use crate::{
    contract::types::v1::lower,
    recorder::Question,
    wit::xinglin::{host::settings as wit, types::types::Attribute as WitAttribute},
};

impl wit::Host for CallState {
    async fn get(&mut self, key: String) -> wasmtime::Result<Option<wit::AttributeValue>> {
        let question = Question::new("settings.get", &[key.as_bytes()]);
        let answer: Option<AttributeValue> = match self.tape.recorded(&question)? {
            Some(recorded) => recorded,
            None => self.settings.iter().find(|a| a.key == key).map(|a| a.value.clone()),
        };
        self.tape.record(question, &answer)?;
        Ok(answer.as_ref().map(Into::into))
    }

    async fn all(&mut self) -> wasmtime::Result<Vec<WitAttribute>> {
        let question = Question::new("settings.all", &[]);
        let answer: Vec<Attribute> = match self.tape.recorded(&question)? {
            Some(recorded) => recorded,
            None => self.settings.clone(),
        };
        self.tape.record(question, &answer)?;
        Ok(lower(&answer))
    }
}
