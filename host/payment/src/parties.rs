//! The hospital and its payers as FHIR Organizations, to which all projections of bills refer.

use xinglin_domain::{code::Code, id::TenantId, time::Instant};
use xinglin_fhir::insurance;
use xinglin_platform::{AppError, AppResult, Platform, boxed, document};
use xinglin_records::resource;
use xinglin_store::{StoreError, Tenant};

/// Writes those that are missing or have another name by now. `payers`: id of the plugin, and its name.
#[boxed]
pub(crate) async fn introduce(
    platform: &Platform,
    records: &Tenant,
    payers: &[(String, String)],
    now: Instant,
) -> AppResult<()> {
    let tenant: TenantId = records.id();
    let mut wanted: Vec<_> = payers.iter().map(|(id, name)| insurance::payer_organization(id, name)).collect();
    let known = records.get_resource("Organization", &tenant.to_string()).await;
    if matches!(known, Err(StoreError::NotFound { .. })) {
        let name = platform.store().operator().get_tenant(tenant).await?.name;
        wanted.push(insurance::hospital_organization(tenant, &name));
    }
    let mut missing = Vec::new();
    for organization in wanted {
        let id = organization["id"].as_str().unwrap_or_default();
        let same = match records.get_resource("Organization", id).await {
            Ok(known) => known.deleted || document::value(&known)?["name"] == organization["name"],
            Err(StoreError::NotFound { .. }) => false,
            Err(error) => return Err(error.into()),
        };
        if !same {
            missing.push(organization);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let tx = records.begin().await?;
    let written: AppResult<()> = async {
        resource::project(&tx, missing, now).await?;
        Ok(tx.commit().await?)
    }
    .await;
    match written {
        // Another request was first.
        Err(AppError { code: Code::VersionConflict | Code::AlreadyExists, .. }) => Ok(()),
        other => other,
    }
}
