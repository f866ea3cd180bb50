//! Replay of tapes.

use async_recursion::async_recursion as boxed;
use std::pin::Pin;

use xinglin_domain::{coding::Attribute, decision::Decisions};
use xinglin_plugin::{Call, Output, ReplayError, ReplayReport, Tape};

use crate::{
    contract::{
        self,
        hook::{Hook, HookName},
    },
    engine::Runtime,
    host::state::CallContext,
    program::Plugin,
    recorder::Recorder,
    services::HostServices,
};

/// A hook, and how its tapes are rerun.
struct Replayable {
    name: HookName,
    replay: Replay,
}

type Replay = for<'a> fn(
    &'a Runtime,
    &'a Plugin,
    &'a Tape,
    Rerun,
) -> Pin<Box<dyn Future<Output = Result<ReplayReport, ReplayError>> + Send + 'a>>;

impl contract::Entry for Replayable {
    fn of<H: Hook>() -> Self {
        let replay: Replay = |runtime, plugin, tape, rerun| Box::pin(runtime.replay_as::<H>(plugin, tape, rerun));
        Self { name: H::NAME, replay }
    }
}

/// Mode of a rerun.
enum Rerun {
    /// On the tape alone: the same component must behave identically.
    Same,
    /// By another component, which may ask for what is not on the tape.
    Other { settings: Vec<Attribute>, services: HostServices },
}

impl Runtime {
    /// Replays a tape: the host's answers come from the tape, nothing is written, and output and
    /// questions are compared byte for byte.
    ///
    /// # Errors
    /// If the tape cannot be read; a different outcome is no error.
    #[boxed]
    pub async fn replay(&self, plugin: &Plugin, tape: &Tape) -> Result<ReplayReport, ReplayError> {
        self.rerun(plugin, tape, Rerun::Same).await
    }

    /// Runs a tape on another version of its plugin, to compare decisions. The host's answers
    /// come from the tape if it has them, otherwise from `services`: pass none that has effects.
    /// Writes are discarded.
    ///
    /// # Errors
    /// If the tape cannot be read; a different outcome is no error.
    #[boxed]
    pub async fn compare(
        &self,
        candidate: &Plugin,
        tape: &Tape,
        settings: Vec<Attribute>,
        services: HostServices,
    ) -> Result<ReplayReport, ReplayError> {
        self.rerun(candidate, tape, Rerun::Other { settings, services }).await
    }

    async fn rerun(&self, plugin: &Plugin, tape: &Tape, rerun: Rerun) -> Result<ReplayReport, ReplayError> {
        let hooks: Vec<Replayable> = contract::hooks();
        let recorded = hooks
            .iter()
            .find(|entry| entry.name.to_string() == tape.hook)
            .ok_or_else(|| ReplayError::UnknownHook(tape.hook.clone()))?;
        // A newer version may export another major; the same input is passed to that.
        let served = hooks.iter().find(|entry| entry.name.is_kin(recorded.name) && plugin.has(entry.name));
        let entry = match rerun {
            Rerun::Same => recorded,
            Rerun::Other { .. } => served.unwrap_or(recorded),
        };
        (entry.replay)(self, plugin, tape, rerun).await
    }

    async fn replay_as<H: Hook>(
        &self,
        plugin: &Plugin,
        tape: &Tape,
        rerun: Rerun,
    ) -> Result<ReplayReport, ReplayError> {
        let input: H::Input<'_> =
            serde_json::from_str(&tape.input).map_err(|e| ReplayError::Unreadable(e.to_string()))?;
        let is_same = matches!(rerun, Rerun::Same);
        let (recorder, settings, services) = match rerun {
            Rerun::Same => (Recorder::strict(&tape.answers), Vec::new(), HostServices::default()),
            Rerun::Other { settings, services } => (Recorder::lenient(&tape.answers), settings, services),
        };
        let context = CallContext {
            call: tape.call,
            tenant: tape.tenant,
            request_id: "replay".to_owned(),
            settings,
            now: tape.started,
            services,
        };
        let limits = match is_same {
            // A slower machine must not turn an answer into a failure.
            true => tape.limits.unhurried(),
            false => plugin.limits(),
        };
        let (Call { tape: again, .. }, diverged): (Call<H::Output>, bool) =
            self.run::<H>(plugin, context, (&input, &|_| None), recorder, limits).await;
        let diverged = diverged || again.answers != tape.answers;
        let depends_on_load = |output: &Output| matches!(output, Output::Failed(code) if !code.is_deterministic());
        let decisions = |output: &Output| match output {
            Output::Failed(code) => Ok(Decisions::failure(code.as_str())),
            Output::Answered(json) => serde_json::from_str::<H::Output>(json)
                .map(|answer| Decisions::of(&answer))
                .map_err(|e| ReplayError::Unreadable(e.to_string())),
        };
        Ok(ReplayReport {
            identical: !diverged && again.output == tape.output,
            conclusive: !depends_on_load(&tape.output) && !depends_on_load(&again.output),
            same_component: again.digest == tape.digest,
            same_engine: again.engine == tape.engine,
            diverged,
            differences: decisions(&tape.output)?.differences(&decisions(&again.output)?),
            recorded: tape.output.clone(),
            replayed: again.output,
        })
    }
}
