//! Tapes of past calls: reading, verifying the chain, purging, and replay, on the original
//! package to verify a tape, or on another version to compare decisions.

mod dry_run;
mod get;
mod keep;
mod list;
mod purge;
mod replay;
mod replay_all;
mod verify;

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use xinglin_platform::{AppError, AppResult};
use xinglin_runtime::{Output, Tape};
use xinglin_store::TapeEntry;

use self::replay::{alone, on_other, replayed};

pub use self::dry_run::{ClaimRun, DryRun, DryRunView, LineRun, dry_run, dry_run_of};
pub use self::get::get;
pub(crate) use self::get::readable;
pub use self::keep::keep;
pub use self::list::list;
pub use self::purge::purge_calls;
pub use self::replay::{ReplayView, replay_call, replay_one};
pub use self::replay_all::{Crater, replay_all};
pub use self::verify::verify;

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

/// A tape as nested JSON; its parts are stored as text.
fn view(entry: TapeEntry) -> AppResult<TapeView> {
    let tape: Tape = serde_json::from_slice(&entry.record).map_err(AppError::internal)?;
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_else(|_| text.into());
    let answers: Vec<Value> =
        tape.answers.iter().map(|a| json!({ "import": a.import, "answer": parse(&a.answer) })).collect();
    let output = match &tape.output {
        Output::Answered(json) => json!({ "answered": parse(json) }),
        Output::Failed(code) => json!({ "failed": code }),
    };
    let mut shown = json!({
        "plugin": tape.plugin, "version": tape.version, "digest": tape.digest, "hook": tape.hook,
        "engine": tape.engine, "at": tape.started.to_string(),
        "input": parse(&tape.input), "answers": answers, "output": output,
    });
    if tape.restricted {
        shown["restricted"] = true.into();
    }
    Ok(TapeView {
        id: tape.call.to_string(),
        seq: entry.seq,
        record_hash: hex::encode(entry.record_hash),
        link_hash: hex::encode(entry.link),
        tape: shown,
    })
}

/// What was purged.
#[derive(Debug, Serialize, ToSchema)]
pub struct PurgeView {
    /// How many tapes.
    pub purged: u64,
}
