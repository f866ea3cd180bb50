//! Coverages of a patient and their accumulators.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    billing::Membership,
    code::Code,
    coding::Coding,
    id::{PatientId, TenantId},
    money::Money,
    payer::Accumulator,
    time::Instant,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_store::{Executor, TenantScope};

/// A patient's coverage by one payer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCoverage {
    /// Kind of insured person, as the scheme codes it.
    #[schema(value_type = Object)]
    pub category: Coding,
    /// Insured until; a date or RFC 3339. Left out if open-ended.
    #[serde(default)]
    pub valid_until: Option<String>,
    /// Accumulators as last returned by the payer. A code that ends in `-used` is of the current benefit
    /// year, the calendar year in Asia/Shanghai, and starts from zero in the next one.
    pub accumulators: Vec<NewAccumulator>,
}

/// An accumulator.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccumulator {
    /// The scheme's own code, for example `deductible-used`.
    pub code: String,
    /// How much, in fen.
    #[schema(value_type = i64)]
    pub fen: Money,
}

/// The current state of a coverage.
#[derive(Debug, Serialize, ToSchema)]
pub struct CoverageView {
    /// Id of the payer's plugin.
    pub payer: String,
    /// Accumulators, of this benefit year where they are of one.
    pub accumulators: Vec<NewAccumulator>,
}

/// Records a patient's coverage.
///
/// # Errors
/// If the caller may not, or a figure is below zero.
#[boxed]
pub async fn put(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    patient: PatientId,
    payer: String,
    new: NewCoverage,
) -> AppResult<CoverageView> {
    caller.may_in(tenant, Action::ManageCatalogue)?;
    caller.trail.saw(patient);
    let valid_until = new.valid_until.as_deref().map(|text| AppError::time("valid_until", text)).transpose()?;
    let mut accumulators = Vec::with_capacity(new.accumulators.len());
    for NewAccumulator { code, fen } in new.accumulators {
        let amount = fen
            .non_negative()
            .map_err(|error| AppError::new(Code::MoneyInvalid, format!("accumulators `{code}`: {error}")))?;
        accumulators.push(Accumulator { code, amount });
    }
    let records = platform.store().tenant(tenant);
    records.get_resource("Patient", &patient.to_string()).await?;
    records.get_install(&payer).await?;
    let member = platform.keys().pseudonym(tenant, &payer, patient);
    let membership = Membership::new(member, new.category, valid_until, &accumulators, caller.now);
    let version = records.find_coverage(&patient.to_string(), &payer).await?.map_or(0, |row| row.version);
    let tx = records.begin().await?;
    tx.put_coverage(&xinglin_store::Coverage {
        patient_id: patient.to_string(),
        payer: payer.clone(),
        body: serde_json::to_value(&membership).map_err(AppError::internal)?,
        version,
        updated_at: caller.now,
    })
    .await?;
    tx.commit().await?;
    Ok(view(payer, &membership, caller.now))
}

/// A patient's coverages.
///
/// # Errors
/// If the caller may not see the patient.
#[boxed]
pub async fn list(platform: &Platform, caller: &Caller, patient: PatientId) -> AppResult<Vec<CoverageView>> {
    caller.may_see(patient, "patient", patient)?;
    let memberships = of_patient(&platform.records(caller), patient).await?;
    Ok(memberships.into_iter().map(|(row, membership)| view(row.payer, &membership, caller.now)).collect())
}

/// The patient's memberships, as rows to be updated.
pub(crate) async fn of_patient<E: Executor>(
    records: &TenantScope<E>,
    patient: PatientId,
) -> AppResult<Vec<(xinglin_store::Coverage, Membership)>> {
    let rows = records.list_coverages(&patient.to_string()).await?;
    rows.into_iter()
        .map(|row| {
            let membership = serde_json::from_value(row.body.clone()).map_err(AppError::internal)?;
            Ok((row, membership))
        })
        .collect()
}

fn view(payer: String, membership: &Membership, now: Instant) -> CoverageView {
    let figures = membership.coverage(now).accumulators;
    let accumulators = figures.into_iter().map(|a| NewAccumulator { code: a.code, fen: a.amount }).collect();
    CoverageView { payer, accumulators }
}
