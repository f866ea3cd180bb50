//! Verification of claims by plugins. Failure class: closed. A verifier that fails, times out
//! or cannot decide leaves a claim unchanged.

mod ask;
mod check_certificates;
mod check_real_name;
mod get_real_name;
mod judge_real_name;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    id::{PatientId, TenantId},
    identity::RealName,
    time::Instant,
};
use xinglin_extensions::call::Calls;
use xinglin_fhir::person;
use xinglin_platform::{AppError, AppResult, Caller, Platform, document};
use xinglin_records::real_name::{self, lock};
use xinglin_store::StoreError;

use crate::account::certificate::DecisionView;

pub(crate) use self::ask::{ask_of_certificates, ask_of_person, hear_verifiers};
pub use self::check_certificates::check_certificates;
pub use self::check_real_name::check_real_name;
pub use self::get_real_name::get_real_name;
pub use self::judge_real_name::{RealNameJudgement, judge_real_name};

/// Whether a patient is who the record says.
#[derive(Serialize, ToSchema)]
pub struct RealNameView {
    /// `pat-…`
    pub patient: String,
    /// `unverified`, `pending`, `verified`, `lapsed` or `refused`.
    pub state: &'static str,
    /// The last decision, if any.
    pub decision: Option<DecisionView>,
}

async fn put_real_name(
    platform: &Platform,
    caller: &Caller,
    (tenant, patient, version): (TenantId, PatientId, i64),
    person: &Value,
    name: &RealName,
    calls: Option<&Calls<'_>>,
) -> AppResult<()> {
    let body = serde_json::to_value(name).map_err(AppError::internal)?;
    let tx = platform.store().tenant(tenant).begin().await?;
    lock(&tx, patient).await?;
    // Of whom it was decided, and not of whom the record speaks by now.
    let now = document::value(&tx.get_resource("Patient", &patient.to_string()).await?)?;
    if !person::is_same(person, &now) {
        return Err(StoreError::VersionConflict { what: "patient", id: patient.to_string() }.into());
    }
    tx.put_real_name(&xinglin_store::RealName { patient, body, version, updated_at: caller.now }).await?;
    if let Some(calls) = calls {
        calls.write(&tx).await?;
    }
    tx.commit().await?;
    let (state, by) = (name.word(caller.now), caller.actor.account);
    tracing::info!(%tenant, %patient, state, %by, "a real name was looked into");
    Ok(())
}

/// A patient's resource and the decision on it, for callers who may decide: not for patients
/// they act for.
async fn patient_to_judge(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    patient: PatientId,
) -> AppResult<(Value, RealName, i64)> {
    caller.may_in(tenant, Action::ManageAccounts)?;
    caller.trail.saw(patient);
    if caller.actor.patients.contains(&patient) || caller.actor.acts_for(patient) {
        return Err(AppError::new(Code::AuthForbidden, "nobody judges those they act for; ask a colleague"));
    }
    let found = platform.store().tenant(tenant).get_resource("Patient", &patient.to_string()).await;
    let person = match found {
        Ok(found) if !found.deleted => document::value(&found)?,
        Ok(_) | Err(StoreError::NotFound { .. }) => return Err(AppError::not_found("patient", patient)),
        Err(error) => return Err(error.into()),
    };
    let (name, version) = real_name::real_name(platform, tenant, patient).await?;
    Ok((person, name, version))
}

fn view(patient: PatientId, name: RealName, now: Instant) -> RealNameView {
    let state = name.word(now);
    let decision = match name {
        RealName::Decided(decision) => Some(decision.into()),
        RealName::Unverified | RealName::Pending(_) => None,
    };
    RealNameView { patient: patient.to_string(), state, decision }
}
