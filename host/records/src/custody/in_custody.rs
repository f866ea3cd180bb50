use xinglin_domain::{access::Role, code::Code, id::TenantId};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, caller::is_staff};

use super::GENERATIONS;

/// The caller as a reader of records in the custody of their tenant.
///
/// # Errors
/// `NOT_FOUND` if they are not, as if there were no such hospital; `AUTH_FORBIDDEN`
/// for callers who are not staff.
#[boxed]
pub async fn in_custody(platform: &Platform, mut caller: Caller, source: &str) -> AppResult<Caller> {
    let none = || AppError::not_found("tenant", source);
    let source: TenantId = source.parse().map_err(|_| none())?;
    let actor = &mut caller.actor;
    if !is_staff(actor) || actor.is(Role::Operator) || actor.is(Role::Representative) {
        return Err(AppError::new(Code::AuthForbidden, "records in custody are read by staff of the custodian"));
    }
    let operator = platform.store().operator();
    let mut at = source;
    for _ in 0..GENERATIONS {
        let Some(custody) = operator.find_custody(at).await? else { break };
        at = custody.custodian;
        if at == actor.tenant {
            actor.tenant = source;
            // Whoever may practise at the custodian's may on what it keeps.
            for filing in actor.practice.filings.iter_mut().filter(|filing| filing.tenant == at) {
                filing.tenant = source;
            }
            // Whom they are or belong to at home is nobody here.
            actor.patients.clear();
            actor.wards.clear();
            actor.relatives.clear();
            return Ok(caller);
        }
    }
    Err(none())
}
