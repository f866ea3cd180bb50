//! A tenant's grant to a plugin, as stored with the installation.

use serde::{Deserialize, Serialize};
use xinglin_domain::{billing::PayerKind, code::Code, compartment::Compartments};
use xinglin_plugin::Grants;
use xinglin_store::Install;

use crate::{AppError, AppResult};

/// A tenant's grant, as stored with the installation.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Granted {
    /// Imports, hosts and data that it may use.
    pub grants: Grants,
    /// The kind of payer of a payment plugin.
    pub payer: Option<PayerKind>,
    /// The most that the hospital gives up by its contract with the payer, in thousandths of what it charges;
    /// nothing if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount_per_mille: Option<u16>,
}

fn granted(install: &Install) -> AppResult<Granted> {
    Granted::deserialize(&install.grants).map_err(AppError::internal)
}

/// The tenant's grant.
///
/// # Errors
/// If the stored value cannot be parsed.
pub fn grants(install: &Install) -> AppResult<Grants> {
    Ok(granted(install)?.grants)
}

/// The compartment of what the plugin writes.
pub fn compartments(install: &Install) -> AppResult<Compartments> {
    Ok(grants(install)?.compartment.map_or(Compartments::NONE, Compartments::from))
}

/// The most that the hospital gives up by its contract with the payer, in thousandths.
///
/// # Errors
/// If the stored value cannot be parsed.
pub fn discount_per_mille(install: &Install) -> AppResult<u16> {
    Ok(granted(install)?.discount_per_mille.unwrap_or_default())
}

/// The kind of payer, according to the tenant.
pub fn payer_kind(install: &Install) -> AppResult<PayerKind> {
    granted(install)?.payer.ok_or_else(|| {
        let detail = format!("grant `{}` again and say in `payer` what kind of payer it is", install.plugin_id);
        AppError::new(Code::PluginState, detail)
    })
}
