use xinglin_domain::{access::Action, code::Code};
use xinglin_platform::{AppError, AppResult, Caller, Platform, blocking, boxed, settings::PLATFORM};
use xinglin_runtime::Bundle;
use xinglin_store::Revoked;

use super::{newest, parsed};

/// Exports a package with its signatures for another host: this version, or the newest that is
/// not recalled.
///
/// # Errors
/// `NOT_FOUND` if there is none, `PLUGIN_RECALLED` if it was recalled.
#[boxed]
pub async fn save(platform: &Platform, caller: &Caller, plugin: &str, version: Option<&str>) -> AppResult<Vec<u8>> {
    caller.may_in(PLATFORM, Action::InstallPlugins)?;
    let records = platform.store().operator();
    let newest = newest(platform, plugin, version).await?;
    if let Some(Revoked { reason, .. }) = newest.revoked {
        let detail = format!("{plugin} {} was recalled: {reason}", newest.plugin_version);
        return Err(AppError::new(Code::PluginRecalled, detail));
    }
    let component = records.get_package_bytes(&newest.digest).await?;
    let signatures = parsed(&records.list_signatures(&newest.digest).await?)?;
    Ok(blocking(move || Bundle { component: component.into(), signatures }.to_bytes()).await??)
}
