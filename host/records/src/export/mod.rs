//! Bulk export, one file for each type (FHIR Bulk Data Access). Disclosure is decided for each
//! entry, and the patients are audited before a file can be fetched.

mod cancel;
mod file;
mod run;
mod start;
mod status;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use xinglin_domain::{access::Action, code::Code, id::ExportId, scope::Right, time::Instant};
use xinglin_platform::{AppError, AppResult, Caller, Platform};
use xinglin_store::{Export, ExportState};

pub use self::cancel::cancel;
pub use self::file::file;
pub use self::run::{forget_ended, run};
pub use self::start::{AskExport, start};
pub use self::status::{ExportStatus, status};

/// Name of the file of deletions; FHIR types begin with a capital letter.
const DELETED: &str = "deleted";

/// Stored state of an export.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Job {
    request: String,
    of_patients: bool,
    types: Vec<String>,
    since: Option<Instant>,
    /// It contains everything written until then.
    as_of: Instant,
    progress: String,
    output: Vec<Output>,
    /// Number of deletions, in a separate file.
    deleted: u64,
    /// The error of a failed export.
    error: Option<String>,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Output {
    kind: String,
    count: u64,
}

async fn own(platform: &Platform, caller: &Caller, id: ExportId) -> AppResult<(Export, Job)> {
    caller.trail.asked();
    may_export(caller)?;
    let export = platform.records(caller).get_export(id).await?;
    let kept = export.state != ExportState::Cancelled && export.ends_at.is_none_or(|end| caller.now < end);
    if export.account != caller.actor.account || !kept {
        return Err(AppError::not_found("export", id));
    }
    let job = Job::deserialize(&export.body).map_err(AppError::internal)?;
    Ok((export, job))
}

/// Whether the caller may export, independent of the checks on their token.
fn may_export(caller: &Caller) -> AppResult<()> {
    caller.may(Action::ExportRecords)?;
    caller.may(Action::ReadRecords)?;
    let scopes = caller.bounds.wide_scopes();
    let all = |right| scopes.as_ref().is_none_or(|scopes| scopes.allow_all(right));
    match all(Right::Read) && all(Right::Search) {
        true => Ok(()),
        false => Err(AppError::new(Code::AuthForbidden, "an export takes system/*.rs")),
    }
}

/// Folder of this attempt's files.
fn folder(export: &Export) -> String {
    format!("{}/{}/{}", export.tenant, export.id, export.attempts)
}

fn body(job: &Job) -> AppResult<Value> {
    serde_json::to_value(job).map_err(AppError::internal)
}
