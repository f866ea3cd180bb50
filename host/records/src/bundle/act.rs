use serde_json::{Value, json};
use xinglin_domain::access::Action;
use xinglin_fhir::{
    answer::Done,
    bundle::{self, Plan},
    validate,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};

use super::{Act, do_all, touches};
use crate::resource::mint;

/// Creates, updates or deletes a single resource; returns the result.
///
/// # Errors
/// `FHIR_INVALID`; `PRECONDITION_FAILED` if a condition fails or does not select one resource; `RETENTION_HOLD` if it must stay.
#[boxed]
pub async fn act(platform: &Platform, caller: &Caller, act: &Act, resource: Option<Value>) -> AppResult<Done> {
    caller.may(Action::ImportRecords)?;
    let mut request = json!({ "method": act.method, "url": act.url });
    if let Some(version) = act.if_match {
        request["ifMatch"] = format!("W/\"{version}\"").into();
    }
    if let Some(condition) = &act.if_none_exist {
        request["ifNoneExist"] = condition.as_str().into();
    }
    let mut entry = json!({ "request": request });
    if let Some(resource) = resource {
        // Said in terms of the resource, before it is wrapped.
        validate::validate(&resource)?;
        entry["resource"] = resource;
    }
    // One way in: a single resource is a transaction of one.
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [entry] });
    let Plan::Transaction(planned) = bundle::plan(bundle, &mut mint)? else {
        return Err(AppError::internal("a transaction was planned as a batch"));
    };
    planned.iter().for_each(|planned| touches(caller, planned));
    let tx = platform.begin(caller).await?;
    let done = do_all(platform, &tx, caller, "", planned).await?.into_iter().next();
    let done = done.ok_or_else(|| AppError::internal("nothing was done"))?;
    caller.write_trail(&tx).await?;
    tx.commit().await?;
    Ok(done)
}
