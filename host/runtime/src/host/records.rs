//! `xinglin:host/records`: reads of the record of the call's patient.
//!
//! Data that the manifest does not declare are refused here, whatever [`RecordRead`] provides,
//! and an answer beyond the query is truncated.

use std::sync::Arc;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tracing::Instrument;
use xinglin_domain::{clinical::Observation, time::Instant};
use xinglin_plugin::DataNeeds;

use super::CallState;
use crate::{
    contract::types::v1::lower,
    recorder::Question,
    services::records::{RecordError, RecordQuery, RecordRead},
    trace,
    wit::xinglin::{clinical::snapshot, host::records as wit},
};

/// Maximum entries of one answer.
const MOST: u32 = 500;

/// An answer, as recorded on the tape.
type Taped<T> = Result<Vec<T>, TapedError>;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TapedError {
    NotDeclared(String),
    Withheld,
    NoSubject,
    Unavailable,
    Other(String),
}

impl From<RecordError> for TapedError {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Withheld => Self::Withheld,
            RecordError::NoSubject => Self::NoSubject,
            RecordError::Unavailable => Self::Unavailable,
        }
    }
}

impl From<TapedError> for wit::Error {
    fn from(error: TapedError) -> Self {
        match error {
            TapedError::NotDeclared(what) => Self::NotDeclared(what),
            TapedError::Withheld => Self::Withheld,
            TapedError::NoSubject => Self::NoSubject,
            TapedError::Unavailable => Self::Unavailable,
            TapedError::Other(what) => Self::Other(what),
        }
    }
}

impl CallState {
    /// Answers from the recording, or queries and records.
    async fn read_record<T: Serialize + DeserializeOwned>(
        &mut self,
        question: Question,
        ask: impl Future<Output = Taped<T>>,
    ) -> wasmtime::Result<Taped<T>> {
        let answer = match self.tape.recorded(&question)? {
            Some(recorded) => recorded,
            None => {
                self.waiting = true;
                let live = ask.instrument(trace::import(question.import())).await;
                self.waiting = false;
                live.map(|mut found| {
                    found.truncate(MOST as usize);
                    found
                })
            }
        };
        self.tape.record(question, &answer)?;
        Ok(answer)
    }

    /// The needs that are declared and granted, and the record.
    fn record(&self) -> (DataNeeds, Arc<dyn RecordRead>) {
        (self.grants.data_needs.clone().unwrap_or_default(), self.services.records.clone())
    }
}

fn declared(is: bool, section: &str) -> Result<(), TapedError> {
    if is { Ok(()) } else { Err(TapedError::NotDeclared(section.to_owned())) }
}

async fn observations(needs: &DataNeeds, record: &dyn RecordRead, query: &RecordQuery) -> Taped<Observation> {
    let RecordQuery { code, since, before, limit } = query;
    let is_declared = needs.observations.iter().any(|declared| declared.same(code));
    declared(is_declared, &format!("observations {}|{}", code.system, code.code))?;
    if !(1..=MOST).contains(limit) {
        return Err(TapedError::Other(format!("limit is {limit}; it must be 1 to {MOST}")));
    }
    let mut found = record.observations(query).await?;
    found.retain(|o| {
        o.code.iter().any(|c| c.same(code))
            && since.is_none_or(|since| o.effective.is_some_and(|at| at >= since))
            && before.is_none_or(|before| o.effective.is_some_and(|at| at < before))
    });
    found.truncate(*limit as usize);
    Ok(found)
}

impl wit::Host for CallState {
    async fn observations(
        &mut self,
        query: wit::Query,
    ) -> wasmtime::Result<Result<Vec<snapshot::Observation>, wit::Error>> {
        let moment = |at: Option<i64>| at.map(i64::to_be_bytes).unwrap_or_default();
        let question = Question::new(
            "records.observations",
            &[
                query.code.system.as_bytes(),
                query.code.code.as_bytes(),
                &[u8::from(query.since.is_some()), u8::from(query.before.is_some())],
                &moment(query.since),
                &moment(query.before),
                &query.limit.to_be_bytes(),
            ],
        );
        let query = RecordQuery {
            code: query.code.into(),
            since: query.since.map(Instant::from_micros),
            before: query.before.map(Instant::from_micros),
            limit: query.limit,
        };
        let (needs, record) = self.record();
        let ask = async move { observations(&needs, record.as_ref(), &query).await };
        let answer = self.read_record(question, ask).await?;
        Ok(answer.map(|found| lower(&found)).map_err(Into::into))
    }

    async fn conditions(&mut self) -> wasmtime::Result<Result<Vec<snapshot::Condition>, wit::Error>> {
        let (needs, record) = self.record();
        let ask = async move {
            declared(needs.conditions, "conditions")?;
            Ok(record.conditions().await?)
        };
        let answer = self.read_record(Question::new("records.conditions", &[]), ask).await?;
        Ok(answer.map(|found| lower(&found)).map_err(Into::into))
    }

    async fn allergies(&mut self) -> wasmtime::Result<Result<Vec<snapshot::Allergy>, wit::Error>> {
        let (needs, record) = self.record();
        let ask = async move {
            declared(needs.allergies, "allergies")?;
            Ok(record.allergies().await?)
        };
        let answer = self.read_record(Question::new("records.allergies", &[]), ask).await?;
        Ok(answer.map(|found| lower(&found)).map_err(Into::into))
    }

    async fn medications(&mut self) -> wasmtime::Result<Result<Vec<snapshot::Medication>, wit::Error>> {
        let (needs, record) = self.record();
        let ask = async move {
            declared(needs.medications, "medications")?;
            Ok(record.medications().await?)
        };
        let answer = self.read_record(Question::new("records.medications", &[]), ask).await?;
        Ok(answer.map(|found| lower(&found)).map_err(Into::into))
    }
}
