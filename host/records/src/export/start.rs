use xinglin_domain::{code::Code, id::ExportId};
use xinglin_fhir::is_type_name;
use xinglin_platform::{AppError, AppResult, Caller, Platform, ambient, boxed};
use xinglin_store::{Export, ExportState};

use super::{Job, body, may_export};

/// Maximum number of pending exports of a tenant.
const MOST_OPEN: i64 = 4;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct AskExport {
    /// Only resources that belong to a patient.
    pub of_patients: bool,
    /// Parameters of the URL.
    pub parameters: Vec<(String, String)>,
    /// Whether unknown parameters are ignored.
    pub lenient: bool,
    /// Path below the server's base, with the query.
    pub request: String,
}

/// Requests an export, which is created in the background.
///
/// # Errors
/// `AUTH_FORBIDDEN`; `BODY_INVALID`, naming the parameter; `RATE_LIMITED` if too many are
/// pending.
#[boxed]
pub async fn start(platform: &Platform, caller: &Caller, ask: AskExport) -> AppResult<ExportId> {
    may_export(caller)?;
    caller.trail.asked();
    let mut job = Job {
        request: ask.request,
        of_patients: ask.of_patients,
        types: Vec::new(),
        since: None,
        // What is being written at this moment may say an earlier time and be there
        // only later: it is in the next export.
        as_of: caller.now.plus_seconds(-i64::try_from(platform.config().request_timeout_seconds).unwrap_or(60)),
        progress: "waiting".to_owned(),
        output: Vec::new(),
        deleted: 0,
        error: None,
    };
    for (name, value) in &ask.parameters {
        read_parameter(&mut job, name, value, ask.lenient)?;
    }
    let export = Export {
        tenant: caller.actor.tenant,
        id: ExportId::from_u128(ambient::fresh_id()),
        account: caller.actor.account,
        state: ExportState::Open,
        body: body(&job)?,
        attempts: 0,
        ends_at: None,
        created_at: caller.now,
    };
    let tx = platform.begin(caller).await?;
    tx.lock("export").await?;
    if tx.count_open_exports().await? >= MOST_OPEN {
        let detail = format!("{MOST_OPEN} exports wait or run already; fetch or cancel one of them");
        return Err(AppError::new(Code::RateLimited, detail));
    }
    tx.insert_export(&export).await?;
    caller.write_trail(&tx).await?;
    tx.commit().await?;
    Ok(export.id)
}

fn read_parameter(job: &mut Job, name: &str, value: &str, lenient: bool) -> AppResult<()> {
    let wrong = |what: &str| Err(AppError::new(Code::BodyInvalid, format!("`{name}` {what}")).with("parameter", name));
    match name {
        "_outputFormat" => {
            // A plus sign that was not escaped has become a space.
            let known = ["application/fhir+ndjson", "application/ndjson", "ndjson"];
            if !known.contains(&value.replace(' ', "+").as_str()) {
                return wrong("must be application/fhir+ndjson");
            }
        }
        "_since" => job.since = Some(AppError::time(name, value)?),
        "_type" => {
            for kind in value.split(',').filter(|kind| !kind.is_empty()) {
                if !is_type_name(kind) {
                    return wrong("must be types of resources");
                }
                job.types.push(kind.to_owned());
            }
        }
        "_format" => {}
        _ if lenient => {}
        _ => return wrong("is not known here"),
    }
    Ok(())
}
