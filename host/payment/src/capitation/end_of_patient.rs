use xinglin_care::pathway::Occasion;
use xinglin_domain::{code::Code, id::PatientId, time::Instant};
use xinglin_platform::{AppError, AppResult, boxed, document};
use xinglin_records::patient;
use xinglin_store::{Tenant, Work};

use super::{
    Lead,
    leave::{Reason, end},
    lock, month_of,
};

/// Ends the memberships of a patient for whom nothing more may be done: who has died counts to the end of
/// the month of death. Before the work is finished by whoever else ends something for them.
///
/// # Errors
/// If the store fails; it is tried again.
#[boxed]
pub async fn end_of_patient(records: &Tenant, work: &Work, occasion: &Occasion) -> AppResult<()> {
    let patient: PatientId = work.lane.parse().map_err(AppError::internal)?;
    let reason = match patient::treatable(records, patient).await {
        Ok(()) => return Ok(()),
        Err(error) if error.code == Code::NotFound => return Ok(()),
        Err(error) if error.code == Code::PatientDeceased => Reason::Deceased,
        Err(error) if error.code.is_of_patient() => Reason::Inactive,
        Err(error) => return Err(error),
    };
    let last = match reason {
        Reason::Deceased => {
            let person = document::value(&records.get_resource("Patient", &patient.to_string()).await?)?;
            let died = person["deceasedDateTime"].as_str().and_then(Instant::parse);
            died.map_or(occasion.now, |died| died.min(occasion.now))
        }
        _ => occasion.now,
    };
    let until = month_of(last).next().first().start();
    for member in records.list_memberships(&patient.to_string()).await? {
        if member.until.is_some_and(|ended| ended <= until) {
            continue;
        }
        let lead = Lead { plugin: member.plugin.clone(), lead: member.lead.clone() };
        let tx = records.begin().await?;
        lock(&tx, &lead).await?;
        let member = tx.get_member(member.id).await?;
        end(&tx, member, until, reason, occasion.now).await?;
        tx.commit().await?;
    }
    Ok(())
}
