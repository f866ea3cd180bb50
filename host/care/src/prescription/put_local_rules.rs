use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{access::Action, code::Code, id::TenantId, prescription::LocalRules};
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, boxed,
    settings::{self, Confirmed, Prescribing},
};

use super::PrescribingRules;

/// What is to be permitted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPrescribingRules {
    /// Cold-chain medicines (insulin) on long-term prescriptions.
    #[serde(default)]
    pub ltp_allow_cold_chain: bool,
    /// Antiretrovirals on long-term prescriptions.
    #[serde(default)]
    pub ltp_allow_arv: bool,
    /// Delivery from the hospital's own pharmacy, not bound by the retail part of the negative list.
    #[serde(default)]
    pub own_delivery: bool,
    /// Authority, number and date of the document that permits it. Required if anything is
    /// permitted.
    #[serde(default)]
    pub confirmation: Option<String>,
}

/// Sets what is permitted, effective from the next draft, signature and bill on. Vaccines, blood
/// products, narcotics, psychotropics, toxic and radioactive medicines and precursors stay
/// forbidden whatever is set.
///
/// # Errors
/// If the caller may not; `BODY_INVALID` without the confirmation of the authority.
#[boxed]
pub async fn put_local_rules(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    new: NewPrescribingRules,
) -> AppResult<PrescribingRules> {
    caller.trail.asked();
    caller.may_in(tenant, Action::ManageCatalogue)?;
    let NewPrescribingRules { ltp_allow_cold_chain, ltp_allow_arv, own_delivery, confirmation } = new;
    let local = LocalRules { ltp_allow_cold_chain, ltp_allow_arv, own_delivery };
    let document = confirmation.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    if local.permits_anything() && document.is_none() {
        let detail = "confirmation: authority, number and date of the document that permits it";
        return Err(AppError::new(Code::BodyInvalid, detail).with("path", "confirmation"));
    }
    let by = caller.actor.account;
    let confirmed = document.map(|document| Confirmed { document, by, at: caller.now });
    let (row, mut settings) = settings::of(platform.store(), tenant).await?;
    settings.prescribing = Prescribing { local, confirmed };
    settings::put(platform.store(), row, &settings, caller.now).await?;
    tracing::info!(%tenant, ?local, %by, "what the province permits in prescribing was set");
    Ok(settings.prescribing.into())
}
