use xinglin_domain::{
    code::Code,
    enrolment::{EndCause, Enrolment},
    id::{EnrolmentId, PatientId},
};
use xinglin_extensions::Extensions;
use xinglin_platform::{AppError, AppResult, boxed, document::Stored, work};
use xinglin_records::patient;
use xinglin_store::{DocumentQuery, Queue, Tenant, Work};

use super::{Occasion, Occurrence, TRIES, calls_for, carry_out, hold, ready};
use crate::{look_again::look_again, safety};

/// Most enrolments of one patient that are ended at a time; what is left is ended next.
const MOST: u32 = 100;

/// Ends what was going on for a patient for whom nothing more may be done: enrolments with their
/// timers and the holds that only the pathway would lift, unpaid bills and orders of medicines, and contacts with who
/// has died.
/// No plugin is asked: nothing it answered would be carried out.
///
/// # Errors
/// If the store fails; it is tried again.
#[tracing::instrument(target = "xinglin::trace", name = "end_of_patient", skip_all)]
#[boxed]
pub async fn end(extensions: &Extensions, records: &Tenant, work: &Work, occasion: &Occasion) -> AppResult<()> {
    let patient: PatientId = work.lane.parse().map_err(AppError::internal)?;
    match patient::treatable(records, patient).await {
        // It was corrected meanwhile, or erased.
        Ok(()) => return work::finish(records, work).await,
        Err(error) if error.code == Code::NotFound => return work::finish(records, work).await,
        Err(error) if error.code.is_of_patient() => {}
        Err(error) => return Err(error),
    }
    let query = DocumentQuery {
        patient_id: Some(patient.to_string()),
        statuses: vec!["active".to_owned()],
        ..DocumentQuery::default()
    };
    for row in records.list_documents::<EnrolmentId>(&query, None, MOST).await? {
        let Stored::<_, Enrolment> { value, .. } = row.try_into()?;
        end_enrolment(extensions, records, value.id, occasion).await?;
    }
    let tx = records.begin().await?;
    safety::end_of_patient(&tx, patient, occasion.now).await?;
    patient::lock(&tx, patient).await?;
    let of_patient = DocumentQuery { patient_id: Some(patient.to_string()), ..DocumentQuery::default() };
    look_again(&tx, of_patient, occasion.now).await?;
    tx.finish_work(work).await?;
    Ok(tx.commit().await?)
}

async fn end_enrolment(
    extensions: &Extensions,
    records: &Tenant,
    id: EnrolmentId,
    occasion: &Occasion,
) -> AppResult<()> {
    for _ in 0..TRIES {
        let ready = ready(records, id).await?;
        if !ready.enrolment.is_active() {
            return Ok(());
        }
        let holds = hold::of_patient(records, ready.enrolment.patient).await?;
        let ended = ready.enrolment.leave(&holds, EndCause::NoLongerTreated);
        let calls = calls_for(extensions, records, &ready, occasion);
        let tx = records.begin().await?;
        // As in `deliver`.
        tx.lock(&format!("enrolment/{id}")).await?;
        for event in tx.list_work(Queue::Event, &id.to_string()).await? {
            tx.drop_work(Queue::Event, &event.id).await?;
        }
        match carry_out(&tx, &ready, ended, occasion, &calls, Occurrence::Of("ended")).await {
            Ok(_) => return Ok(tx.commit().await?),
            Err(error) if error.code == Code::VersionConflict => tx.rollback().await?,
            Err(error) => return Err(error),
        }
    }
    Err(AppError::new(Code::VersionConflict, format!("{id} changes all the time")))
}
