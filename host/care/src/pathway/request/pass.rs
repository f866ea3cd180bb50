use xinglin_domain::{
    code::Code,
    enrolment::{
        RequestRecord,
        request::{Asked, Passed},
    },
    id::RequestId,
    pathway::{Event, Role},
    time::Instant,
};
use xinglin_platform::{AppError, AppResult, boxed};
use xinglin_records::patient;
use xinglin_store::{Tenant, TenantTx, Work};

use super::{load, look_later, notice, put};
use crate::{
    event::keep,
    pathway::{Ready, ready, step::ask_patient},
};

/// The time of a request has come: a question is asked once more; what nobody has fulfilled lapses, with an alert, and
/// the pathway is told. Nothing of a patient of whom nothing more may be done.
///
/// # Errors
/// If the store fails; it is tried again.
#[tracing::instrument(target = "xinglin::trace", name = "pass_request", skip_all)]
#[boxed]
pub async fn pass(records: &Tenant, work: &Work, now: Instant) -> AppResult<()> {
    let id: RequestId = work.id.parse().map_err(AppError::internal)?;
    let enrolment = work.lane.parse().map_err(AppError::internal)?;
    let tx = records.begin().await?;
    // As in `deliver`.
    tx.lock(&format!("enrolment/{enrolment}")).await?;
    if !tx.finish_work(work).await? {
        return Ok(());
    }
    let stored = match load(&tx, id).await {
        Ok(stored) => stored,
        // Erased.
        Err(error) if error.code == Code::NotFound => return Ok(tx.commit().await?),
        Err(error) => return Err(error),
    };
    let record = stored.value.clone();
    match record.pass(now) {
        // It ended, or was moved, meanwhile.
        Err(_) => look_later(&tx, &stored.value).await?,
        Ok(Passed::AskedAgain(record)) => {
            put(&tx, stored.row, &record, now).await?;
            if patient::is_treatable(&tx, record.patient).await? {
                let ready = ready(&tx, enrolment).await?;
                ask_again(&tx, &ready, &record, now).await?;
            }
        }
        Ok(Passed::Lapsed(record)) => {
            put(&tx, stored.row, &record, now).await?;
            if patient::is_treatable(&tx, record.patient).await? {
                let ready = ready(&tx, enrolment).await?;
                lapsed(&tx, &ready, &record, now).await?;
            }
        }
    }
    Ok(tx.commit().await?)
}

async fn ask_again(tx: &TenantTx, ready: &Ready, record: &RequestRecord, now: Instant) -> AppResult<()> {
    match &record.asked {
        Asked::Question { questionnaire, respondent: Role::Patient | Role::Guardian } => {
            let key = format!("{}/again/{}/{}", record.enrolment, record.id, record.since.micros());
            ask_patient(tx, ready, (questionnaire, key), now).await
        }
        // Staff find it in their list.
        _ => Ok(()),
    }
}

/// The care team is alerted of what lapsed, and the pathway is told.
pub(super) async fn lapsed(tx: &TenantTx, ready: &Ready, record: &RequestRecord, now: Instant) -> AppResult<()> {
    notice::tell(tx, ready, notice::of_lapsed(ready, record), now).await?;
    if ready.enrolment.is_active() {
        let told = record.report().map(Event::RequestEnded).into_iter().collect();
        keep(tx, record.enrolment, told, now).await?;
    }
    Ok(())
}
