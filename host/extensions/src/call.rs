//! Calls of plugins: made for a use case, kept on tape whatever came of them.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    consent::Purpose,
    id::{CallId, PatientId, TenantId},
    review::FailedCall,
    time::Instant,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, ambient, grant, policy_desk};
use xinglin_records::audit::{self, ChainView, Restricted};
use xinglin_runtime::{
    Call, CallContext, CallFailure, KvFuture, KvRead, KvUnavailable, Lent, NoRecord, Output, Plugin, RecordRead, Tape,
};
use xinglin_store::{Install, KvWrite, NewTapeEntry, TapeEntry, TapeQuery, Tenant, TenantTx};

use crate::{Extensions, chart::Chart, outside::Outside, plugin, shadow};

/// A call that a request made.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CallView {
    /// `call-…`: what was asked and answered is at `/api/v1/calls/{id}`.
    pub id: String,
    /// Id of the plugin.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// Interface and function.
    pub hook: String,
    /// From the start of the instance to its answer.
    pub micros: u64,
    /// Bytes of memory at their peak.
    pub memory: usize,
    /// `answered`, or the code of the failure.
    pub outcome: String,
}

/// A call on tape.
#[derive(Debug, Serialize, ToSchema)]
pub struct TapeView {
    /// Which call.
    pub id: String,
    /// Its place in the tenant's chain.
    pub seq: i64,
    /// Hash of the tape.
    pub record_hash: String,
    /// Hash that links it to all before it.
    pub link_hash: String,
    /// The tape: plugin, digest, input, answers of the host, output.
    #[schema(value_type = Object)]
    pub tape: Value,
}

/// What one use case asked of plugins. Each call is on tape, in a transaction of
/// its own, before anybody acts on its answer.
pub struct Calls<'a> {
    extensions: &'a Extensions,
    tenant: TenantId,
    request_id: String,
    now: Instant,
    /// Whose record may be read, and what for.
    subject: Option<(PatientId, Purpose)>,
    about: Vec<String>,
    views: Vec<CallView>,
    writes: Vec<(String, Vec<KvWrite>, i64)>,
}

impl<'a> Calls<'a> {
    /// Calls in a tenant, for a request, at a moment.
    pub fn new(extensions: &'a Extensions, tenant: TenantId, request_id: &str, now: Instant) -> Self {
        Self {
            extensions,
            tenant,
            request_id: request_id.to_owned(),
            now,
            subject: None,
            about: Vec::new(),
            views: Vec::new(),
            writes: Vec::new(),
        }
    }

    /// The calls are about this patient, whose record a plugin may read further
    /// if it declares and is granted so. No other record is within its reach.
    pub fn of(mut self, patient: PatientId, purpose: Purpose) -> Self {
        self.subject = Some((patient, purpose));
        self.about(patient)
    }

    /// The calls are about this: a prescription, a bill, an enrolment. A recall
    /// finds it by that.
    pub fn about(mut self, id: impl ToString) -> Self {
        self.about.push(id.to_string());
        self
    }

    /// What the host lends to the next call of a plugin.
    ///
    /// # Errors
    /// `PLUGIN_CAPABILITY` if a policy is against the call.
    pub fn context(&self, install: &Install, plugin: &Plugin) -> AppResult<CallContext> {
        policy_desk::plugin_may(&self.extensions.platform, self.tenant, plugin, self.now)?;
        // The last byte counts the cards that may come of it.
        let call = CallId::from_u128(ambient::fresh_id() & !CARD);
        let outside = Arc::new(Outside {
            platform: self.extensions.platform.clone(),
            tenant: self.tenant,
            plugin: install.plugin_id.clone(),
            call,
            subject: self.subject,
        });
        Ok(CallContext {
            call,
            tenant: self.tenant,
            request_id: self.request_id.clone(),
            settings: plugin::resolved_settings(install, plugin.manifest())?,
            now: self.now,
            lent: Lent {
                http: outside.clone(),
                secrets: outside.clone(),
                identity: outside.clone(),
                signing: outside,
                ..self.reads(install)
            },
        })
    }

    /// What the host lends that only reads, and so to a candidate too.
    fn reads(&self, install: &Install) -> Lent {
        Lent {
            records: self.record_for(&install.plugin_id),
            seed: ambient::random_bytes(),
            ..lend(&self.extensions.platform, install)
        }
    }

    fn record_for(&self, plugin: &str) -> Arc<dyn RecordRead> {
        let Some((patient, purpose)) = self.subject else { return Arc::new(NoRecord) };
        Arc::new(Chart {
            platform: self.extensions.platform.clone(),
            tenant: self.tenant,
            plugin: plugin.to_owned(),
            patient,
            purpose,
        })
    }

    /// Puts a call on tape and hands out its answer.
    ///
    /// # Errors
    /// That the plugin gave no answer; or that the call cannot be put on tape,
    /// and so must not be acted on.
    pub async fn took<T>(&mut self, install: &Install, call: Call<T>) -> AppResult<T> {
        Ok(self.note(vec![(install, call)]).await?.pop().ok_or_else(|| AppError::internal("no call"))??)
    }

    /// As [`Calls::took`], for calls made side by side, and for callers to whom a
    /// failure is an answer too.
    ///
    /// # Errors
    /// That the calls cannot be put on tape.
    pub async fn note<T>(&mut self, calls: Vec<(&Install, Call<T>)>) -> AppResult<Vec<Result<T, Box<CallFailure>>>> {
        let entries = calls.iter().map(|(_, call)| self.entry(&call.tape)).collect::<AppResult<Vec<_>>>()?;
        if !entries.is_empty() {
            let tx = self.extensions.platform.store().tenant(self.tenant).begin().await?;
            tx.append_tape(&entries).await?;
            if let Some((patient, purpose)) = self.subject {
                let shown: Vec<_> =
                    calls.iter().map(|(_, call)| audit::of_call(&call.tape, patient, purpose)).collect();
                tx.append_audit(&shown).await?;
            }
            tx.commit().await?;
        }
        Ok(calls.into_iter().map(|(install, call)| self.settle(install, call)).collect())
    }

    fn entry(&self, tape: &Tape) -> AppResult<NewTapeEntry> {
        Ok(NewTapeEntry {
            call_id: tape.call,
            plugin_id: tape.plugin.clone(),
            digest: tape.digest.to_string(),
            hook: tape.hook.clone(),
            recorded_at: tape.started,
            references: self.about.clone(),
            record: serde_json::to_vec(tape).map_err(AppError::internal)?,
        })
    }

    fn settle<T>(&mut self, install: &Install, call: Call<T>) -> Result<T, Box<CallFailure>> {
        if let Err(failure) = &call.outcome {
            tracing::warn!(plugin = failure.plugin, call = %failure.call, "{failure}");
        }
        self.views.push(CallView {
            id: call.tape.call.to_string(),
            plugin: call.tape.plugin.clone(),
            version: call.tape.version.to_string(),
            hook: call.tape.hook.clone(),
            micros: u64::try_from(call.elapsed.as_micros()).unwrap_or(u64::MAX),
            memory: call.memory_peak,
            outcome: call.outcome_code().to_owned(),
        });
        self.extensions.platform.meter().called(&call);
        if !call.kv_writes.is_empty() {
            let writes =
                call.kv_writes.into_iter().map(|write| KvWrite { key: write.key, value: write.value }).collect();
            let quota = grant::grants(install).map_or(0, |grants| i64::from(grants.kv_quota_kib) * 1024);
            self.writes.push((install.plugin_id.clone(), writes, quota));
        }
        if install.candidate_digest.is_some() {
            shadow::run(self.extensions, install, call.tape, self.reads(install));
        }
        call.outcome.map_err(Box::new)
    }

    /// Writes the plugins' own values with what follows from their answers, in
    /// the caller's transaction. Without it they are dropped with the answers.
    pub async fn write(&self, tx: &TenantTx) -> AppResult<Vec<CallView>> {
        for (plugin, writes, quota) in &self.writes {
            tx.write_kv(plugin, writes, *quota).await?;
        }
        Ok(self.views())
    }

    /// The calls so far, as the answer to a request shows them.
    pub fn views(&self) -> Vec<CallView> {
        self.views.clone()
    }
}

/// What stands behind the imports of any call of a plugin in its tenant.
pub(crate) fn lend(platform: &Platform, install: &Install) -> Lent {
    Lent {
        kv: Arc::new(Kept { records: platform.store().tenant(install.tenant), plugin: install.plugin_id.clone() }),
        ..Lent::default()
    }
}

/// What a plugin has kept in a tenant, as the engine reads it.
struct Kept {
    records: Tenant,
    plugin: String,
}

impl KvRead for Kept {
    fn get<'a>(&'a self, key: &'a str) -> KvFuture<'a, Option<Vec<u8>>> {
        Box::pin(async move { self.records.find_kv(&self.plugin, key).await.map_err(unavailable) })
    }

    fn used(&self) -> KvFuture<'_, u64> {
        Box::pin(async move {
            let used = self.records.kv_usage(&self.plugin).await.map_err(unavailable)?;
            Ok(u64::try_from(used).unwrap_or(0))
        })
    }
}

fn unavailable(error: xinglin_store::StoreError) -> KvUnavailable {
    tracing::error!(%error, "a plugin's values cannot be read");
    KvUnavailable
}

/// What a plugin was asked in one call, and what it answered.
///
/// # Errors
/// If the caller may not read the audit trail, or there is no such call.
pub async fn get(platform: &Platform, caller: &Caller, call: CallId) -> AppResult<TapeView> {
    caller.may(Action::ReadAudit)?;
    caller.trail.asked();
    readable(platform, caller, call).await
}

/// A tape holds what a plugin was shown: what of it lies in a restricted
/// compartment is for the regulator alone.
///
/// # Errors
/// `NOT_FOUND`.
pub(crate) async fn readable(platform: &Platform, caller: &Caller, call: CallId) -> AppResult<TapeView> {
    let records = platform.records(caller);
    let entry = records.get_tape_entry(call).await?;
    let plugin = entry.plugin_id.clone();
    let view = view(entry)?;
    let mut restricted = Restricted::for_the(caller);
    if restricted.shows(&view.tape) && !restricted.hides(&records, &plugin).await? {
        return Ok(view);
    }
    Err(AppError::not_found("call", call))
}

/// The newest calls of the caller's hospital.
///
/// # Errors
/// If the caller may not read the audit trail.
pub async fn list(
    platform: &Platform,
    caller: &Caller,
    plugin: Option<String>,
    about: Option<String>,
    limit: u32,
) -> AppResult<Vec<TapeView>> {
    caller.may(Action::ReadAudit)?;
    caller.trail.asked();
    about.iter().filter_map(|about| about.parse().ok()).for_each(|patient| caller.trail.saw(patient));
    let query = TapeQuery { plugin_id: plugin, digest: None, reference: about };
    let records = platform.records(caller);
    let mut restricted = Restricted::for_the(caller);
    let mut views = Vec::new();
    for entry in records.list_tape(&query, None, limit.min(500)).await? {
        let plugin = entry.plugin_id.clone();
        let view = view(entry)?;
        if restricted.shows(&view.tape) && !restricted.hides(&records, &plugin).await? {
            views.push(view);
        }
    }
    Ok(views)
}

/// Walks the chain of tapes.
///
/// # Errors
/// If the caller may not read the audit trail.
pub async fn verify(platform: &Platform, caller: &Caller) -> AppResult<ChainView> {
    caller.may(Action::ReadAudit)?;
    Ok(platform.records(caller).verify_chain().await?.into())
}

/// A tape reads as JSON all the way down, though it keeps its parts as text.
fn view(entry: TapeEntry) -> AppResult<TapeView> {
    let tape: Tape = serde_json::from_slice(&entry.record).map_err(AppError::internal)?;
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_else(|_| text.into());
    let answers: Vec<Value> =
        tape.answers.iter().map(|a| json!({ "import": a.import, "answer": parse(&a.answer) })).collect();
    let output = match &tape.output {
        Output::Answered(json) => json!({ "answered": parse(json) }),
        Output::Failed(code) => json!({ "failed": code }),
    };
    Ok(TapeView {
        id: tape.call.to_string(),
        seq: entry.seq,
        record_hash: hex::encode(entry.record_hash),
        link_hash: hex::encode(entry.link),
        tape: json!({
            "plugin": tape.plugin, "version": tape.version, "digest": tape.digest, "hook": tape.hook,
            "engine": tape.engine, "at": tape.started.to_string(),
            "input": parse(&tape.input), "answers": answers, "output": output,
        }),
    })
}

/// A failed call as the rules of review take it.
pub fn failed(failure: &CallFailure) -> FailedCall {
    FailedCall { code: failure.code.code(), message: failure.message.clone() }
}

/// The bits of a card's id that count the cards of a call; the others are the call's.
pub const CARD: u128 = 0xff;
