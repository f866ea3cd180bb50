use xinglin_domain::{access::Action, id::TenantId};
use xinglin_platform::{AppResult, Caller, boxed};
use xinglin_runtime::Tape;

use crate::{Extensions, call::new_entry};

/// Puts calls on tape that were made without a hospital, such as those of a simulation, at the end of the tenant's
/// chain. They are about nobody.
///
/// # Errors
/// If the caller does not run the platform, or the store fails.
#[boxed]
pub async fn keep(extensions: &Extensions, caller: &Caller, tenant: TenantId, tapes: &[Tape]) -> AppResult<()> {
    caller.may_in(tenant, Action::ManageTenants)?;
    let entries = tapes.iter().map(|tape| new_entry(tape, Vec::new())).collect::<AppResult<Vec<_>>>()?;
    let tx = extensions.platform.store().tenant(tenant).begin().await?;
    tx.append_tape(&entries).await?;
    Ok(tx.commit().await?)
}
