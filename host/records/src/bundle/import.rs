use serde_json::Value;
use xinglin_domain::access::Action;
use xinglin_fhir::{
    answer::{self, Done, RefusedEntry},
    bundle::{self, Plan, Planned},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, blocking, boxed};

use super::{do_all, read_url, touches};
use crate::resource::mint;

/// Executes a transaction (all or nothing) or batch (each entry separately) and returns the
/// response bundle. `base` is the server's base URL, for links.
///
/// # Errors
/// `FHIR_INVALID` with every issue and its path; nothing is written then.
#[boxed]
pub async fn import(platform: &Platform, caller: &Caller, base: &str, bundle: Value) -> AppResult<Value> {
    match blocking(move || bundle::plan(bundle, &mut mint)).await?? {
        Plan::Transaction(planned) => {
            may_write(caller, &planned)?;
            planned.iter().for_each(|planned| touches(caller, planned));
            let tx = platform.begin(caller).await?;
            let done = do_all(platform, &tx, caller, base, planned).await?;
            caller.write_trail(&tx).await?;
            tx.commit().await?;
            Ok(answer::transaction_response(done))
        }
        Plan::Batch(entries) => {
            // Before the first of them: each is a transaction of its own.
            entries.iter().flatten().for_each(|planned| touches(caller, planned));
            let tx = platform.begin(caller).await?;
            caller.write_trail(&tx).await?;
            tx.commit().await?;
            let mut outcomes = Vec::with_capacity(entries.len());
            for entry in entries {
                let outcome = match entry {
                    Ok(planned) => do_one(platform, caller, base, planned).await,
                    Err(error) => Err(error.into()),
                };
                outcomes.push(outcome.map_err(|error: AppError| RefusedEntry {
                    status: error.code.class().status(),
                    outcome: error.operation_outcome(),
                }));
            }
            Ok(answer::batch_response(outcomes))
        }
    }
}

async fn do_one(platform: &Platform, caller: &Caller, base: &str, planned: Planned) -> AppResult<Done> {
    if let bundle::Action::Read { url } = &planned.action {
        // It waits for no turn to write.
        return Ok(Done::Read(read_url(platform, &platform.records(caller), caller, base, url).await?));
    }
    may_write(caller, std::slice::from_ref(&planned))?;
    let tx = platform.begin(caller).await?;
    let done = do_all(platform, &tx, caller, base, vec![planned]).await?;
    tx.commit().await?;
    done.into_iter().next().ok_or_else(|| AppError::internal("nothing was done"))
}

fn may_write(caller: &Caller, planned: &[Planned]) -> AppResult<()> {
    match planned.iter().all(|planned| planned.action.is_read()) {
        true => Ok(()),
        false => caller.may(Action::ImportRecords),
    }
}
