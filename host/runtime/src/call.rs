//! One call: a fresh instance, its limits, its tape.

use std::{
    future::{Future, pending},
    time,
};

use tokio::{
    sync::{AcquireError, OwnedSemaphorePermit, SemaphorePermit},
    time::timeout,
};
use tracing::Instrument;
use wasmtime::Store;
use xinglin_domain::id::TenantId;
use xinglin_plugin::{Call, CallFailure, FailureCode, Judge, Limits, Output, Tape};

use crate::{
    breaker::Admission,
    cause::{Cause, hint},
    contract::{hook::Hook, types::v1::Invalid},
    engine::{Runtime, TICK},
    host::state::{self, CallContext, CallState, Terms},
    limits::Stop,
    program::{Plugin, Program},
    recorder::Recorder,
    trace,
};

/// How long after the deadline a call is abandoned. A guest that is merely running is stopped by
/// the epoch before that.
const GRACE: time::Duration = TICK.saturating_mul(5);

/// Number of log lines quoted in a failure.
const QUOTED_LINES: usize = 8;

impl Runtime {
    /// Calls a hook.
    pub(crate) async fn invoke<H: Hook>(
        &self,
        plugin: &Plugin,
        context: CallContext,
        input: H::Input<'_>,
    ) -> Call<H::Output> {
        self.invoke_judged::<H>(plugin, context, input, &|_| None).await
    }

    /// Calls a hook; an answer in which the judge finds a mistake counts as a failure of the plugin.
    pub(crate) async fn invoke_judged<H: Hook>(
        &self,
        plugin: &Plugin,
        context: CallContext,
        input: H::Input<'_>,
        judge: Judge<'_, H::Output>,
    ) -> Call<H::Output> {
        let limits = match self.shared.unhurried {
            true => plugin.limits().unhurried(),
            false => plugin.limits(),
        };
        let Program { id, manifest, .. } = plugin.program();
        let span = trace::call(id, &manifest.version, H::NAME, context.call, context.tenant);
        let run = self.run::<H>(plugin, context, (&input, judge), Recorder::default(), limits);
        let (call, _) = run.instrument(span.clone()).await;
        trace::ended(&span, call.outcome_code(), call.outcome.is_err());
        call
    }

    /// Calls a hook under a recorder. Also returns whether the guest's questions diverged from
    /// the recording.
    pub(crate) async fn run<H: Hook>(
        &self,
        plugin: &Plugin,
        context: CallContext,
        (input, judge): (&H::Input<'_>, Judge<'_, H::Output>),
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

        // Serialised before the call: the tape has exactly what the guest received.
        let (json, input_error) = match serde_json::to_string(input) {
            Ok(json) => (json, None),
            Err(e) => (String::new(), Some(Cause::new(FailureCode::Output, e.to_string()))),
        };
        let turn = match input_error {
            None => {
                unless(self.stopped(program, &state), self.turn(plugin, (tenant, H::APART), state.tape.is_live())).await
            }
            Some(cause) => Err(cause),
        };
        let mut admission = None;
        let (result, mut state, elapsed) = match turn {
            Err(cause) => (Err(cause), state, time::Duration::ZERO),
            Ok(held) => {
                let started = time::Instant::now();
                let stopped = self.stopped(program, &state);
                let mut store = state::store(&self.shared.engine, state, limits);
                let call = execute::<H>(program, &mut store, H::lower(input), limits);
                let result = unless(stopped, call).await;
                admission = held.admission;
                (result, store.into_data(), started.elapsed())
            }
        };
        let hook = H::NAME.to_string();
        state.take_output(true);
        let CallState { kv, log, tape: recorder, meter, .. } = state;
        let (outcome, output, kv_writes) = match result.and_then(|results| measure::<H>(input, results, limits)) {
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
        let mistake = outcome.as_ref().ok().and_then(judge);
        if let Some(admission) = admission {
            let failed = outcome.as_ref().err().map(|failure| failure.code);
            admission.tell(failed.or(mistake.is_some().then_some(FailureCode::Output)), time::Instant::now());
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
            restricted: false,
        };
        let call = Call {
            outcome,
            tape,
            kv_writes,
            log: log.lines,
            log_dropped: log.dropped,
            elapsed,
            memory_peak: meter.peak(),
            mistake,
        };
        (call, diverged)
    }

    /// Completes when the call must be stopped. Replays are not stopped by a recall.
    fn stopped(&self, program: &Program, state: &CallState) -> impl Future<Output = Cause> + use<> {
        let (runtime, digest, live) = (self.clone(), program.digest, state.tape.is_live());
        async move { if live { runtime.recalled(digest).await } else { pending().await } }
    }

    /// Waits for a place: first of the plugin, then of the tenant's share, so that neither one
    /// plugin's queue nor one tenant's load blocks the others.
    async fn turn<'a>(
        &'a self,
        plugin: &'a Plugin,
        (tenant, apart): (TenantId, bool),
        live: bool,
    ) -> Result<Turn<'a>, Cause> {
        let breaker = if apart { &plugin.apart } else { &plugin.breaker };
        let admission = match live.then(|| breaker.admit(time::Instant::now())) {
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

/// A call's place in the limits of concurrency.
struct Turn<'a> {
    /// Where the outcome is reported; `None` for a replay.
    admission: Option<Admission<'a>>,
    _places: (SemaphorePermit<'a>, OwnedSemaphorePermit, SemaphorePermit<'a>),
}

/// The result of a future, unless another completes first; that is polled whenever the guest
/// yields, at least every [`TICK`].
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

/// Converts the guest's answer to domain types and JSON, and checks its content and size.
fn measure<H: Hook>(input: &H::Input<'_>, results: H::Results, limits: Limits) -> Result<(H::Output, String), Cause> {
    let answer = H::raise(results).and_then(|answer| H::check(input, &answer).map(|()| answer));
    let answer = answer.map_err(|Invalid(reason)| Cause::new(FailureCode::Output, reason))?;
    let json = serde_json::to_string(&answer)
        .map_err(|e| Cause::new(FailureCode::Output, format!("the answer cannot be written down: {e}")))?;
    if json.len() > limits.output() {
        let message = format!("the answer has {} bytes; the limit is {}", json.len(), limits.output());
        return Err(Cause::new(FailureCode::Output, message));
    }
    Ok((answer, json))
}
