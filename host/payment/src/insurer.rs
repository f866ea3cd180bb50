//! An insurer of a patient, for questions beside the settlement of a bill, and the guarantees that it gave.

use std::sync::Arc;

use xinglin_domain::{
    billing::request::Request,
    code::Code,
    id::{InsuranceRequestId, PatientId},
    insurance::Policy,
    payer::Bill,
    time::Instant,
};
use xinglin_extensions::{Extensions, install};
use xinglin_platform::{AppError, AppResult, boxed, document::Stored};
use xinglin_runtime::{Interface, Plugin};
use xinglin_store::{DocumentQuery, Executor, Install, Tenant, TenantScope};

use crate::coverage;

/// A loaded insurer.
pub(crate) struct Insurer {
    pub(crate) install: Install,
    pub(crate) plugin: Arc<Plugin>,
}

impl Insurer {
    /// Its name, for people.
    pub(crate) fn name(&self) -> String {
        name_of(&self.plugin)
    }
}

/// The name of a payer's plugin, for people.
pub(crate) fn name_of(plugin: &Plugin) -> String {
    let manifest = plugin.manifest();
    let name = manifest.name.get("zh-CN");
    if name.trim().is_empty() { manifest.id.clone() } else { name.to_owned() }
}

/// A plugin that can be asked so.
///
/// # Errors
/// `NOT_FOUND` if it is not enabled; `PLUGIN_INTERFACE` if it cannot be asked that; `PAY_UNAVAILABLE` if it
/// was recalled.
#[boxed]
pub(crate) async fn find(
    extensions: &Extensions,
    records: &Tenant,
    payer: &str,
    role: Interface,
) -> AppResult<Insurer> {
    let (install, plugin) = install::one_playing(extensions, records, payer, role).await?;
    if install.recalled.is_some() {
        return Err(AppError::new(Code::PayUnavailable, format!("`{payer}` was recalled")));
    }
    Ok(Insurer { install, plugin })
}

/// The policy of a patient with an insurer, for a service given then.
///
/// # Errors
/// `NOT_FOUND` if the patient is not insured there; `PAY_STATE` if the policy is not on file.
pub(crate) async fn policy_of<E: Executor>(
    records: &TenantScope<E>,
    patient: PatientId,
    payer: &str,
    served_at: Instant,
) -> AppResult<Policy> {
    let known = coverage::of_patient(records, patient).await?.into_iter().find(|(row, _)| row.payer == payer);
    let (_, membership) = known.ok_or_else(|| AppError::not_found("coverage", payer))?;
    membership
        .policy(served_at)
        .ok_or_else(|| AppError::new(Code::PayState, format!("the patient's policy with `{payer}` is not on file")))
}

/// Guarantees of a patient that are looked at; more that stand at once are nobody's habit.
const MOST: u32 = 64;

/// The insurer's reference of its newest guarantee that is of exactly this bill, and holds.
pub(crate) async fn guarantee_for<E: Executor>(
    records: &TenantScope<E>,
    patient: PatientId,
    payer: &str,
    bill: &Bill,
) -> AppResult<Option<String>> {
    let query = DocumentQuery {
        patient_id: Some(patient.to_string()),
        statuses: vec!["GRANTED".to_owned(), "PARTIAL".to_owned()],
        ..DocumentQuery::default()
    };
    for row in records.list_documents::<InsuranceRequestId>(&query, None, MOST).await? {
        let request: Request = Stored::try_from(row)?.value;
        if request.payer == payer
            && let Some(reference) = request.guarantees(bill)
        {
            return Ok(Some(reference.to_owned()));
        }
    }
    Ok(None)
}
