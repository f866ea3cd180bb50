use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    id::{AccountId, TenantId},
    time::Instant,
};
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, boxed,
    settings::{Prescribing, Settings},
};

/// What the province permits a hospital, beyond the national rules of prescribing.
#[derive(Debug, Serialize, ToSchema)]
pub struct PrescribingRules {
    /// Cold-chain medicines (insulin) on long-term prescriptions.
    pub ltp_allow_cold_chain: bool,
    /// Antiretrovirals on long-term prescriptions.
    pub ltp_allow_arv: bool,
    /// Delivery from the hospital's own pharmacy is not bound by the retail part of the negative
    /// list.
    pub own_delivery: bool,
    /// Authority, number and date of the document that permits it.
    pub confirmation: Option<String>,
    /// Who entered it.
    #[schema(value_type = Option<String>)]
    pub by: Option<AccountId>,
    /// When, in microseconds since 1970.
    #[schema(value_type = Option<i64>)]
    pub at: Option<Instant>,
}

impl From<Prescribing> for PrescribingRules {
    fn from(Prescribing { local, confirmed }: Prescribing) -> Self {
        Self {
            ltp_allow_cold_chain: local.ltp_allow_cold_chain,
            ltp_allow_arv: local.ltp_allow_arv,
            own_delivery: local.own_delivery,
            by: confirmed.as_ref().map(|confirmed| confirmed.by),
            at: confirmed.as_ref().map(|confirmed| confirmed.at),
            confirmation: confirmed.map(|confirmed| confirmed.document),
        }
    }
}

/// What is permitted in a tenant.
///
/// # Errors
/// If the caller may not.
#[boxed]
pub async fn local_rules(platform: &Platform, caller: &Caller, tenant: TenantId) -> AppResult<PrescribingRules> {
    caller.may_in(tenant, Action::ManageCatalogue)?;
    let row = platform.store().tenant(tenant).profile().await?;
    let settings: Settings = serde_json::from_value(row.settings).map_err(AppError::internal)?;
    Ok(settings.prescribing.into())
}
