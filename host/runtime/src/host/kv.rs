//! `xinglin:host/kv`: a small durable key-value store of one plugin in one tenant.
//!
//! The store is only read during a call. Writes are kept in the call, which reads its own writes,
//! and are returned with the answer, to be committed together.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use tracing::Instrument;
use xinglin_plugin::KvWrite;

use super::CallState;
use crate::{
    recorder::Question,
    services::kv::{KvRead, KvUnavailable},
    trace,
    wit::xinglin::host::kv as wit,
};

const MAX_KEY: usize = 512;
const MAX_VALUE: usize = 64 << 10;

/// The store, and the writes of the call.
pub(crate) struct Kv {
    base: Arc<dyn KvRead>,
    quota: u64,
    /// Bytes in use after the writes are committed; queried at the first write.
    used: Option<u64>,
    writes: BTreeMap<String, Option<Vec<u8>>>,
}

/// An answer, as recorded on the tape.
type Taped<T> = Result<T, TapedError>;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TapedError {
    InvalidKey,
    ValueTooLarge,
    QuotaExceeded(u64),
    Unavailable,
}

impl From<TapedError> for wit::Error {
    fn from(error: TapedError) -> Self {
        match error {
            TapedError::InvalidKey => Self::InvalidKey,
            TapedError::ValueTooLarge => Self::ValueTooLarge,
            TapedError::QuotaExceeded(quota) => Self::QuotaExceeded(quota),
            TapedError::Unavailable => Self::Unavailable,
        }
    }
}

impl From<KvUnavailable> for TapedError {
    fn from(KvUnavailable: KvUnavailable) -> Self {
        Self::Unavailable
    }
}

/// Bytes as hexadecimal text, a third of the size of a JSON array of numbers.
#[derive(Serialize, Deserialize)]
pub(super) struct Hex(#[serde(with = "hex::serde")] pub(super) Vec<u8>);

fn cost(key: &str, value: Option<&Vec<u8>>) -> u64 {
    value.map_or(0, |value| (key.len() + value.len()) as u64)
}

impl Kv {
    pub fn new(base: Arc<dyn KvRead>, quota_kib: u32) -> Self {
        Self { base, quota: u64::from(quota_kib) << 10, used: None, writes: BTreeMap::new() }
    }

    pub fn into_writes(self) -> Vec<KvWrite> {
        self.writes.into_iter().map(|(key, value)| KvWrite { key, value }).collect()
    }

    /// The value that this call has written for a key, if any.
    fn written(&self, key: &str) -> Option<Option<Vec<u8>>> {
        self.writes.get(key).cloned()
    }

    async fn get(&self, key: &str) -> Taped<Option<Vec<u8>>> {
        check_key(key)?;
        match self.writes.get(key) {
            Some(written) => Ok(written.clone()),
            None => Ok(self.base.get(key).await?),
        }
    }

    async fn put(&mut self, key: String, value: Option<Vec<u8>>) -> Taped<()> {
        if value.as_ref().is_some_and(|value| value.len() > MAX_VALUE) {
            return Err(TapedError::ValueTooLarge);
        }
        let old = self.get(&key).await?;
        let used = match self.used {
            Some(used) => used,
            None => self.base.used().await?,
        };
        let freed = used.saturating_sub(cost(&key, old.as_ref()));
        let after = freed.saturating_add(cost(&key, value.as_ref()));
        // A reduced quota must not prevent a plugin from deleting.
        if value.is_some() && after > self.quota {
            return Err(TapedError::QuotaExceeded(self.quota));
        }
        self.used = Some(after);
        self.writes.insert(key, value);
        Ok(())
    }
}

fn check_key(key: &str) -> Result<(), TapedError> {
    if key.is_empty() || key.len() > MAX_KEY { Err(TapedError::InvalidKey) } else { Ok(()) }
}

impl CallState {
    async fn put(
        &mut self,
        import: &'static str,
        key: String,
        value: Option<Vec<u8>>,
    ) -> wasmtime::Result<Result<(), wit::Error>> {
        let question = Question::new(import, &[key.as_bytes(), value.as_deref().unwrap_or_default()]);
        // A rerun by another version must read its own writes, which are not all on the tape.
        let recorded = self.tape.recorded(&question)?.filter(|_| !self.tape.is_lenient());
        let answer: Taped<()> = match recorded {
            Some(recorded) => recorded,
            None => {
                self.waiting = true;
                let live = self.kv.put(key, value).instrument(trace::import(import)).await;
                self.waiting = false;
                live
            }
        };
        self.tape.record(question, &answer)?;
        Ok(answer.map_err(Into::into))
    }
}

impl wit::Host for CallState {
    async fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<Vec<u8>>, wit::Error>> {
        let question = Question::new("kv.get", &[key.as_bytes()]);
        let own = self.tape.is_lenient().then(|| self.kv.written(&key)).flatten();
        let recorded = self.tape.recorded(&question)?;
        let answer: Taped<Option<Hex>> = match own.map(|value| Ok(value.map(Hex))).or(recorded) {
            Some(known) => known,
            None => {
                self.waiting = true;
                let live = self.kv.get(&key).instrument(trace::import(question.import())).await;
                self.waiting = false;
                live.map(|value| value.map(Hex))
            }
        };
        self.tape.record(question, &answer)?;
        Ok(answer.map(|value| value.map(|Hex(bytes)| bytes)).map_err(Into::into))
    }

    async fn set(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<Result<(), wit::Error>> {
        self.put("kv.set", key, Some(value)).await
    }

    async fn delete(&mut self, key: String) -> wasmtime::Result<Result<(), wit::Error>> {
        self.put("kv.delete", key, None).await
    }
}
