//! What a tenant granted a plugin, as kept with its installation.

use serde::{Deserialize, Serialize};
use xinglin_domain::{billing::PayerKind, code::Code, compartment::Compartments};
use xinglin_plugin::Grants;
use xinglin_store::Install;

use crate::{AppError, AppResult};

/// What a tenant granted, as kept with the installation.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Granted {
    /// What it may import, reach and use.
    pub grants: Grants,
    /// What kind of payer stands behind a payment plugin.
    pub payer: Option<PayerKind>,
}

fn granted(install: &Install) -> AppResult<Granted> {
    Granted::deserialize(&install.grants).map_err(AppError::internal)
}

/// What the tenant granted.
///
/// # Errors
/// If what is stored cannot be read.
pub fn grants(install: &Install) -> AppResult<Grants> {
    Ok(granted(install)?.grants)
}

/// The compartment that what it writes falls into.
pub fn compartments(install: &Install) -> AppResult<Compartments> {
    Ok(grants(install)?.compartment.map_or(Compartments::NONE, Compartments::from))
}

/// What kind of payer the tenant says the plugin is.
pub fn payer_kind(install: &Install) -> AppResult<PayerKind> {
    granted(install)?.payer.ok_or_else(|| {
        let detail = format!("grant `{}` again and say in `payer` what kind of payer it is", install.plugin_id);
        AppError::new(Code::PluginState, detail)
    })
}
