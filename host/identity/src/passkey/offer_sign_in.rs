use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::id::TenantId;
use xinglin_platform::{AppError, AppResult, Platform, boxed, settings::PLATFORM};

use super::{PasskeyOffer, SIGN_IN, begin_ceremony, webauthn};

/// The tenant to sign in to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyKnock {
    /// The tenant; left out by operators of the platform.
    #[schema(value_type = Option<String>)]
    pub tenant: Option<TenantId>,
}

/// Begins a sign-in with a discoverable credential; discloses nothing about accounts.
///
/// # Errors
/// `NOT_FOUND` if there is no such tenant, or the server has no public host name.
#[boxed]
pub async fn offer_sign_in(platform: &Platform, ask: PasskeyKnock) -> AppResult<PasskeyOffer> {
    let tenant = ask.tenant.unwrap_or(PLATFORM);
    platform.store().tenant(tenant).profile().await?;
    let (options, state) = webauthn(platform)?.start_discoverable_authentication().map_err(AppError::internal)?;
    let mut options = serde_json::to_value(options).map_err(AppError::internal)?;
    // Whether it is asked for at once or offered in a field is the page's business.
    if let Some(options) = options.as_object_mut() {
        options.remove("mediation");
    }
    Ok(PasskeyOffer { ceremony: begin_ceremony(platform, tenant, SIGN_IN, &state).await?, options })
}
