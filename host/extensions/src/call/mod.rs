//! Calls of plugins for a use case, each recorded on tape, also failed ones.

mod egress;
mod kv;
mod record_access;
mod shadow;

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::{
    consent::Purpose,
    id::{CallId, PatientId, TenantId},
    review::FailedCall,
    time::Instant,
};
use xinglin_platform::{AppError, AppResult, ambient, boxed, grant, policy_desk};
use xinglin_records::{audit, snapshot::LeftOut};
use xinglin_runtime::{Call, CallContext, CallFailure, HostServices, Mistake, NoRecord, Plugin, RecordRead, Tape};
use xinglin_store::{Install, KvWrite, NewTapeEntry, TenantTx};

use crate::{Extensions, install};

use self::egress::PluginEgress;
pub(crate) use self::egress::{SECRET, place};
pub(crate) use self::kv::host_services;
use self::record_access::Chart;
pub use self::shadow::render_metrics;
pub(crate) use self::shadow::{compare, run};

/// A call that a request made.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CallView {
    /// `call-…`: input and output are at `/api/v1/calls/{id}`.
    pub id: String,
    /// Id of the plugin.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// Interface and function.
    pub hook: String,
    /// From the start of the instance to its answer.
    pub micros: u64,
    /// Peak memory in bytes.
    pub memory: usize,
    /// `answered`, or the code of the failure.
    pub outcome: String,
}

/// The plugin calls of one use case. Each tape is committed in a transaction of its own before
/// the answer is used.
pub struct Calls<'a> {
    extensions: &'a Extensions,
    tenant: TenantId,
    request_id: String,
    now: Instant,
    /// The patient whose record may be read, and the purpose.
    subject: Option<(PatientId, Purpose)>,
    about: Vec<String>,
    restricted: bool,
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
            restricted: false,
            views: Vec::new(),
            writes: Vec::new(),
        }
    }

    /// Sets the patient of the calls. Plugins with the capability and grant may read this
    /// record beyond the snapshot, and no other.
    pub fn of(mut self, patient: PatientId, purpose: Purpose) -> Self {
        self.subject = Some((patient, purpose));
        self.about(patient)
    }

    /// Sets the subject of the calls, for recall reports: a prescription, a bill, an
    /// enrolment.
    pub fn about(mut self, id: impl ToString) -> Self {
        self.about.push(id.to_string());
        self
    }

    /// Marks the tapes as containing entries of restricted compartments: they are read by the
    /// regulator only.
    pub fn restricted(mut self, restricted: bool) -> Self {
        self.restricted = restricted;
        self
    }

    /// The host services of the next call of a plugin.
    ///
    /// # Errors
    /// `PLUGIN_CAPABILITY` if a policy forbids the call.
    pub fn context(&self, install: &Install, plugin: &Plugin) -> AppResult<CallContext> {
        self.context_without(install, plugin, LeftOut::NOTHING)
    }

    /// As [`context`](Self::context), with what is left out of the plugin's reads of the record.
    ///
    /// # Errors
    /// As [`context`](Self::context).
    pub fn context_without(&self, install: &Install, plugin: &Plugin, left_out: LeftOut) -> AppResult<CallContext> {
        policy_desk::plugin_may(
            &self.extensions.platform.policies(),
            self.tenant,
            plugin.manifest(),
            plugin.capabilities(),
            self.now,
        )?;
        // The last byte counts the cards that may come of it.
        let call = CallId::from_u128(ambient::fresh_id() & !CARD);
        let egress = Arc::new(PluginEgress {
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
            settings: install::resolved_settings(install, plugin.manifest())?,
            now: self.now,
            services: HostServices {
                http: egress.clone(),
                secrets: egress.clone(),
                identity: egress.clone(),
                signing: egress,
                ..self.reads(install, left_out)
            },
        })
    }

    /// The read-only host services, also for candidates.
    fn reads(&self, install: &Install, left_out: LeftOut) -> HostServices {
        HostServices {
            records: self.record_for(&install.plugin_id, left_out),
            seed: ambient::random_bytes(),
            ..host_services(&self.extensions.platform, install)
        }
    }

    fn record_for(&self, plugin: &str, left_out: LeftOut) -> Arc<dyn RecordRead> {
        let Some((patient, purpose)) = self.subject else { return Arc::new(NoRecord) };
        Arc::new(Chart {
            platform: self.extensions.platform.clone(),
            tenant: self.tenant,
            plugin: plugin.to_owned(),
            patient,
            purpose,
            left_out,
        })
    }

    /// Records a call on tape and returns its answer.
    ///
    /// # Errors
    /// If the plugin gave no answer, or the tape cannot be stored; then the answer must not be
    /// used.
    pub async fn took<T>(&mut self, install: &Install, call: Call<T>) -> AppResult<T> {
        Ok(self.note(vec![(install, call)]).await?.pop().ok_or_else(|| AppError::internal("no call"))??)
    }

    /// As [`Calls::took`], for parallel calls and for callers that handle failures as answers.
    ///
    /// # Errors
    /// If the tapes cannot be stored.
    pub async fn note<T>(
        &mut self,
        mut calls: Vec<(&Install, Call<T>)>,
    ) -> AppResult<Vec<Result<T, Box<CallFailure>>>> {
        calls.iter_mut().for_each(|(_, call)| call.tape.restricted = self.restricted);
        let entries =
            calls.iter().map(|(_, call)| new_entry(&call.tape, self.about.clone())).collect::<AppResult<Vec<_>>>()?;
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

    fn settle<T>(&mut self, install: &Install, call: Call<T>) -> Result<T, Box<CallFailure>> {
        if let Err(failure) = &call.outcome {
            tracing::warn!(plugin = failure.plugin, call = %failure.call, "{failure}");
        }
        if let Some(Mistake { field, what }) = &call.mistake {
            let Tape { plugin, version, hook, call, .. } = &call.tape;
            tracing::error!(plugin, %version, hook, %call, field, what, "a plugin's answer is wrong; it counts as its failure");
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
        // What a candidate finds otherwise is reported; of a restricted part it must not be.
        if install.candidate_digest.is_some() && !call.tape.restricted {
            run(self.extensions, install, call.tape, self.reads(install, LeftOut::NOTHING));
        }
        call.outcome.map_err(Box::new)
    }

    /// Stores the plugins' own values in the caller's transaction, together with the effects
    /// of their answers. Otherwise they are discarded.
    #[boxed]
    pub async fn write(&self, tx: &TenantTx) -> AppResult<Vec<CallView>> {
        for (plugin, writes, quota) in &self.writes {
            tx.write_kv(plugin, writes, *quota).await?;
        }
        Ok(self.views())
    }

    /// The calls so far, as an API view.
    pub fn views(&self) -> Vec<CallView> {
        self.views.clone()
    }
}

/// A tape as it is stored, with what the call was about.
pub(crate) fn new_entry(tape: &Tape, references: Vec<String>) -> AppResult<NewTapeEntry> {
    Ok(NewTapeEntry {
        call_id: tape.call,
        plugin_id: tape.plugin.clone(),
        digest: tape.digest.to_string(),
        hook: tape.hook.clone(),
        recorded_at: tape.started,
        references,
        record: serde_json::to_vec(tape).map_err(AppError::internal)?,
    })
}

/// A failed call as input of the review rules.
pub fn failed(failure: &CallFailure) -> FailedCall {
    FailedCall { code: failure.code.code(), message: failure.message.clone() }
}

/// The bits of a card's id that number the cards of a call; the others are the call's id.
pub const CARD: u128 = 0xff;
