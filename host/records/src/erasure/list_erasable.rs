use xinglin_domain::{
    access::Action,
    id::{PatientId, TenantId},
    retention::Kept,
};
use xinglin_platform::{AppResult, Caller, Platform, boxed};

/// Patients of a tenant whose retention periods have ended, by id.
///
/// # Errors
/// If the caller may not.
#[boxed]
pub async fn list_erasable(platform: &Platform, caller: &Caller, tenant: TenantId) -> AppResult<Vec<PatientId>> {
    const PIECE: u32 = 500;
    caller.may_in(tenant, Action::PurgeRecords)?;
    let records = platform.store().tenant(tenant);
    let before = caller.now.minus_years(Kept::OutpatientRecord.years());
    let (mut after, mut due) = (String::new(), Vec::new());
    loop {
        let piece = records.list_untouched(before, &after, PIECE).await?;
        let Some(last) = piece.last() else { return Ok(due) };
        after.clone_from(last);
        for id in piece {
            if records.last_kept(&id).await?.may_erase(caller.now).is_ok()
                && let Ok(patient) = id.parse()
            {
                due.push(patient);
            }
        }
    }
}
