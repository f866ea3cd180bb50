//! Coverages of a patient and their accumulators.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    coding::Coding,
    id::{PatientId, TenantId},
    money::Money,
    payer::{Accumulator, Coverage},
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
    /// Accumulators as last returned by the payer.
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
    /// Accumulators.
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
    let coverage = Coverage {
        member: platform.keys().pseudonym(tenant, &payer, patient),
        category: new.category,
        valid_until,
        accumulators,
        attributes: Vec::new(),
    };
    let version = records.find_coverage(&patient.to_string(), &payer).await?.map_or(0, |row| row.version);
    let tx = records.begin().await?;
    tx.put_coverage(&xinglin_store::Coverage {
        patient_id: patient.to_string(),
        payer: payer.clone(),
        body: serde_json::to_value(&coverage).map_err(AppError::internal)?,
        version,
        updated_at: caller.now,
    })
    .await?;
    tx.commit().await?;
    Ok(view(payer, coverage))
}

/// A patient's coverages.
///
/// # Errors
/// If the caller may not see the patient.
#[boxed]
pub async fn list(platform: &Platform, caller: &Caller, patient: PatientId) -> AppResult<Vec<CoverageView>> {
    caller.may_see(patient, "patient", patient)?;
    let rows = platform.records(caller).list_coverages(&patient.to_string()).await?;
    rows.into_iter()
        .map(|row| Ok(view(row.payer, serde_json::from_value(row.body).map_err(AppError::internal)?)))
        .collect()
}

/// The patient's coverages, as rows to be updated.
pub(crate) async fn of_patient<E: Executor>(
    records: &TenantScope<E>,
    patient: PatientId,
) -> AppResult<Vec<(xinglin_store::Coverage, Coverage)>> {
    let rows = records.list_coverages(&patient.to_string()).await?;
    rows.into_iter()
        .map(|row| {
            let coverage = serde_json::from_value(row.body.clone()).map_err(AppError::internal)?;
            Ok((row, coverage))
        })
        .collect()
}

fn view(payer: String, coverage: Coverage) -> CoverageView {
    let accumulators =
        coverage.accumulators.into_iter().map(|a| NewAccumulator { code: a.code, fen: a.amount }).collect();
    CoverageView { payer, accumulators }
}
