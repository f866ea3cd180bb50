//! One call: a fresh instance, its bounds, its tape.

use std::{
    future::{Future, pending},
    sync::Arc,
    time,
};

use tokio::{
    sync::{AcquireError, OwnedSemaphorePermit, Semaphore, SemaphorePermit},
    task::yield_now,
    time::timeout,
};
use tracing::Instrument;
use wasmtime::{Store, UpdateDeadline};
use xinglin_domain::{
    coding::{Attribute, AttributeValue},
    id::{CallId, TenantId},
    time::Instant,
};

use crate::{
    CallFailure, Egress, FailureCode, Grants, Identity, Keyring, KvRead, KvWrite, Limits, LogLine, NoKv, NoRecord,
    Output, Plugin, RecordRead, Runtime, Secrets, Tape,
    breaker::Admission,
    engine::TICK,
    failure::{Cause, hint},
    hook::{Hook, HookName},
    host::{
        files::{Files, pack::Pack},
        http::Http,
        kv::Kv,
        log::Log,
        nothing::Nothing,
        random::Random,
        wasi::Wasi,
    },
    limits::{Meter, Stop},
    registry::Program,
    tape::Recorder,
    trace,
    types::v1::Invalid,
};

/// Who calls, and what the host lends to the call.
pub struct CallContext {
    /// Drawn by the caller; names the call in logs and on tape.
    pub call: CallId,
    /// For whom.
    pub tenant: TenantId,
    /// Of the HTTP request or job that led here.
    pub request_id: String,
    /// What [`crate::Manifest::resolve`] made of the tenant's settings.
    pub settings: Vec<Attribute>,
    /// When the call is made, by the caller's clock. For the tape, and for guests
    /// that ask WASI what time it is.
    pub now: Instant,
    /// What stands behind the imports.
    pub services: HostServices,
}

/// What stands behind a plugin's imports: one field a capability that needs
/// something of the host. By default nothing does.
#[derive(Clone)]
pub struct HostServices {
    /// What the plugin has kept.
    pub kv: Arc<dyn KvRead>,
    /// The record of the patient whom the call is about.
    pub records: Arc<dyn RecordRead>,
    /// What the call's random numbers follow from; drawn afresh for each call.
    pub seed: [u8; 32],
    /// The way out.
    pub http: Arc<dyn Egress>,
    /// Which secrets the tenant keeps for it.
    pub secrets: Arc<dyn Secrets>,
    /// What is known of who the patient is.
    pub identity: Arc<dyn Identity>,
    /// Its keys.
    pub signing: Arc<dyn Keyring>,
}

impl Default for HostServices {
    fn default() -> Self {
        Self {
            kv: Arc::new(NoKv),
            records: Arc::new(NoRecord),
            seed: [0; 32],
            http: Arc::new(Nothing),
            secrets: Arc::new(Nothing),
            identity: Arc::new(Nothing),
            signing: Arc::new(Nothing),
        }
    }
}

/// What came of a call.
#[derive(Debug)]
pub struct Call<T> {
    /// The plugin's answer, or why there is none.
    pub outcome: Result<T, CallFailure>,
    /// To be chained and kept, whatever the outcome.
    pub tape: Tape,
    /// To be made durable together with what follows from the answer. Empty if
    /// there was none.
    pub kv_writes: Vec<KvWrite>,
    /// What the plugin logged.
    pub log: Vec<LogLine>,
    /// How many lines of log were dropped after those.
    pub log_dropped: u64,
    /// From the making of the instance to its end; nothing if it never began.
    pub elapsed: time::Duration,
    /// Bytes of memories and tables at their peak.
    pub memory_peak: usize,
}

impl<T> Call<T> {
    /// How it ended, in a word: `answered`, or the code of the failure.
    pub fn outcome_code(&self) -> &'static str {
        self.outcome.as_ref().map_or_else(|failure| failure.code.as_str(), |_| "answered")
    }
}

/// What the host functions of one call work on.
pub(crate) struct CallState {
    pub call: CallId,
    pub tenant: TenantId,
    pub request_id: String,
    pub plugin: Arc<str>,
    pub hook: HookName,
    pub now: Instant,
    pub settings: Vec<Attribute>,
    pub grants: Arc<Grants>,
    pub services: HostServices,
    pub kv: Kv,
    pub files: Files,
    pub random: Random,
    /// What the guest holds of the system; nothing if it never asked.
    pub wasi: Option<Box<Wasi>>,
    pub http: Http,
    pub log: Log,
    pub tape: Recorder,
    /// Whether the guest waits for a host function just now.
    pub waiting: bool,
    /// When its time is up, once it has begun.
    pub ends: Option<time::Instant>,
    meter: Meter,
}

/// Whose call it is, and under what.
pub(crate) struct Terms {
    pub plugin: Arc<str>,
    pub hook: HookName,
    pub grants: Arc<Grants>,
    pub requests: Arc<Semaphore>,
    pub packs: Vec<Arc<Pack>>,
    pub limits: Limits,
}

impl CallState {
    pub fn new(context: CallContext, terms: Terms, tape: Recorder) -> Self {
        let Terms { plugin, hook, grants, requests, packs, limits } = terms;
        let text = |key: &str| match context.settings.iter().find(|setting| setting.key == key)?.value {
            AttributeValue::Text(ref text) => Some(text.clone()),
            _ => None,
        };
        let http = Http::new(requests, &grants.http.hosts, &grants.http.plaintext_hosts, text);
        Self {
            call: context.call,
            tenant: context.tenant,
            request_id: context.request_id,
            plugin,
            hook,
            now: context.now,
            settings: context.settings,
            kv: Kv::new(context.services.kv.clone(), grants.kv_quota_kib),
            files: Files::new(packs, grants.scratch_kib),
            random: Random::new(context.services.seed),
            wasi: None,
            http,
            grants,
            services: context.services,
            log: Log::default(),
            tape,
            waiting: false,
            ends: None,
            meter: Meter::new(limits.memory()),
        }
    }
}

/// A store that keeps its guest within its limits from now on.
pub(crate) fn store(engine: &wasmtime::Engine, state: CallState, limits: Limits) -> Store<CallState> {
    let transfer = limits.transfer(state.files.scratch.is_granted());
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.meter);
    store.set_hostcall_fuel(transfer);
    let (started, deadline) = (time::Instant::now(), limits.deadline());
    store.data_mut().ends = started.checked_add(deadline);
    store.set_epoch_deadline(1);
    let (mut is_first, mut gave_way) = (true, false);
    store.epoch_deadline_callback(move |_| {
        // Tokio's own yield: a task that merely wakes itself is polled 60 times
        // more before timers and sockets are looked at again.
        if is_first {
            // It has not had a tick yet, however late the machine made it.
            is_first = false;
            return Ok(UpdateDeadline::YieldCustom(1, Box::pin(yield_now())));
        }
        if started.elapsed() >= deadline {
            return Err(Stop::Deadline(deadline).into());
        }
        // Its turn may come late, so the time is looked at once more before it
        // runs on.
        gave_way = !gave_way;
        Ok(if gave_way { UpdateDeadline::YieldCustom(0, Box::pin(yield_now())) } else { UpdateDeadline::Continue(1) })
    });
    store
}

/// How long after the deadline a call that has not come back is given up. A
/// guest that merely runs is stopped by the epoch before that.
const GRACE: time::Duration = TICK.saturating_mul(5);

/// Lines of log that a failure quotes.
const QUOTED_LINES: usize = 8;

impl Runtime {
    /// Calls a hook.
    pub(crate) async fn invoke<H: Hook>(
        &self,
        plugin: &Plugin,
        context: CallContext,
        input: H::Input<'_>,
    ) -> Call<H::Output> {
        let limits = plugin.limits();
        let span = trace::call(plugin.program(), H::NAME, &context);
        let run = self.run::<H>(plugin, context, &input, Recorder::default(), limits);
        let (call, _) = run.instrument(span.clone()).await;
        trace::ended(&span, &call);
        call
    }

    /// Calls a hook under a recorder. Also says whether it asked other questions
    /// than the recorder has answers to.
    pub(crate) async fn run<H: Hook>(
        &self,
        plugin: &Plugin,
        context: CallContext,
        input: &H::Input<'_>,
        recorder: Recorder,
        limits: Limits,
    ) -> (Call<H::Output>, bool) {
        let program = plugin.program();
        let (call, tenant, now) = (context.call, context.tenant, context.now);
        let terms = Terms {
            plugin: program.id.clone(),
            hook: H::NAME,
            grants: plugin.grants.clone(),
            requests: plugin.requests.clone(),
            packs: self.packs(&plugin.grants.packs).await,
            limits,
        };
        let state = CallState::new(context, terms, recorder);

        // Serialised before the call and not after: what is on tape is what the
        // guest was given, whatever happens next.
        let (json, input_error) = match serde_json::to_string(input) {
            Ok(json) => (json, None),
            Err(e) => (String::new(), Some(Cause::new(FailureCode::Output, e.to_string()))),
        };
        let turn = match input_error {
            None => unless(self.stopped(program, &state), self.turn(plugin, tenant, state.tape.is_live())).await,
            Some(cause) => Err(cause),
        };
        let mut admission = None;
        let (result, mut state, elapsed) = match turn {
            Err(cause) => (Err(cause), state, time::Duration::ZERO),
            Ok(held) => {
                let started = time::Instant::now();
                let stopped = self.stopped(program, &state);
                let mut store = store(&self.shared.engine, state, limits);
                let call = execute::<H>(program, &mut store, H::lower(input), limits);
                let result = unless(stopped, call).await;
                admission = held.admission;
                (result, store.into_data(), started.elapsed())
            }
        };
        let hook = H::NAME.to_string();
        state.take_output(true);
        let CallState { kv, log, tape: recorder, meter, .. } = state;
        let (outcome, output, kv_writes) = match result.and_then(|results| measure::<H>(results, limits)) {
            Ok((answer, json)) => (Ok(answer), Output::Answered(json), kv.into_writes()),
            Err(cause) => {
                let failure = CallFailure {
                    code: cause.code,
                    plugin: program.manifest.id.clone(),
                    version: program.manifest.version.clone(),
                    hook: hook.clone(),
                    call,
                    message: cause.message,
                    backtrace: cause.backtrace,
                    log: log.lines.iter().rev().take(QUOTED_LINES).rev().cloned().collect(),
                    hint: hint(cause.code, limits),
                };
                (Err(failure), Output::Failed(cause.code), Vec::new())
            }
        };
        if let Some(admission) = admission {
            admission.tell(outcome.as_ref().err().map(|failure| failure.code), time::Instant::now());
        }
        if log.dropped > 0 {
            tracing::warn!(
                target: "xinglin::plugin",
                plugin = %program.id, hook, %call, %tenant, dropped = log.dropped,
                "the plugin logged more than a call may"
            );
        }
        let diverged = recorder.diverged();
        let tape = Tape {
            call,
            tenant,
            plugin: program.manifest.id.clone(),
            version: program.manifest.version.clone(),
            digest: program.digest,
            hook,
            engine: self.fingerprint().to_owned(),
            limits,
            started: now,
            input: json,
            answers: recorder.answers,
            output,
        };
        let call = Call {
            outcome,
            tape,
            kv_writes,
            log: log.lines,
            log_dropped: log.dropped,
            elapsed,
            memory_peak: meter.peak(),
        };
        (call, diverged)
    }

    /// Ends when the call must. A replay is history and goes on.
    fn stopped(&self, program: &Program, state: &CallState) -> impl Future<Output = Cause> + use<> {
        let (runtime, digest, live) = (self.clone(), program.digest, state.tape.is_live());
        async move { if live { runtime.recalled(digest).await } else { pending().await } }
    }

    /// Waits for its turn: with the plugin first, then within the tenant's share,
    /// so that neither one plugin's queue nor one tenant's load stands in the way
    /// of the others.
    async fn turn<'a>(&'a self, plugin: &'a Plugin, tenant: TenantId, live: bool) -> Result<Turn<'a>, Cause> {
        let admission = match live.then(|| plugin.breaker.admit(time::Instant::now())) {
            None => None,
            Some(Ok(admission)) => Some(admission),
            Some(Err(wait)) => {
                let message = format!("it failed again and again; it is tried again in {} ms", wait.as_millis());
                return Err(Cause::new(FailureCode::Resting, message));
            }
        };
        let (share, patience) = (self.shared.share(tenant), self.shared.patience);
        let places = async {
            let plugin = plugin.calls.acquire().await?;
            let tenant = share.acquire_owned().await?;
            Ok::<_, AcquireError>((plugin, tenant, self.shared.calls.acquire().await?))
        };
        match timeout(patience, places).await {
            Ok(Ok(places)) => Ok(Turn { admission, _places: places }),
            Ok(Err(_)) | Err(_) => {
                Err(Cause::new(FailureCode::Busy, format!("no free place among its calls within {patience:?}")))
            }
        }
    }
}

/// A call's place among the others.
struct Turn<'a> {
    /// Whom to tell how it ended; nobody of a replay.
    admission: Option<Admission<'a>>,
    _places: (SemaphorePermit<'a>, OwnedSemaphorePermit, SemaphorePermit<'a>),
}

/// What a future gives, unless another ends first: that is looked at whenever the
/// guest gives way, every [`TICK`] at the latest.
async fn unless<T>(
    stopped: impl Future<Output = Cause>,
    wanted: impl Future<Output = Result<T, Cause>>,
) -> Result<T, Cause> {
    tokio::select! {
        biased;
        cause = stopped => Err(cause),
        result = wanted => result,
    }
}

/// The guest's part: instantiate, call, drop.
async fn execute<H: Hook>(
    program: &Program,
    store: &mut Store<CallState>,
    parameters: H::Parameters,
    limits: Limits,
) -> Result<H::Results, Cause> {
    let Some(index) = program.hook(H::NAME) else {
        let message = format!("it does not export `{}`", H::NAME);
        return Err(Cause::new(FailureCode::Interface, message));
    };
    let call = async {
        let instance = program.instance.instantiate_async(&mut *store).await?;
        let function = instance.get_typed_func::<H::Parameters, H::Results>(&mut *store, index)?;
        function.call_async(&mut *store, parameters).await
    };
    match timeout(limits.deadline().saturating_add(GRACE), call).await {
        Ok(results) => Ok(results?),
        Err(_) if store.data().waiting => Err(Cause::new(
            FailureCode::Timeout,
            format!("a host call had not returned after {:?}, the deadline of the call", limits.deadline()),
        )),
        Err(_) => Err(Stop::Deadline(limits.deadline()).into()),
    }
}

/// What the guest answered, raised, written down and measured.
fn measure<H: Hook>(results: H::Results, limits: Limits) -> Result<(H::Output, String), Cause> {
    let answer = H::raise(results).map_err(|Invalid(reason)| Cause::new(FailureCode::Output, reason))?;
    let json = serde_json::to_string(&answer)
        .map_err(|e| Cause::new(FailureCode::Output, format!("the answer cannot be written down: {e}")))?;
    if json.len() > limits.output() {
        let message = format!("the answer has {} bytes; the limit is {}", json.len(), limits.output());
        return Err(Cause::new(FailureCode::Output, message));
    }
    Ok((answer, json))
}
