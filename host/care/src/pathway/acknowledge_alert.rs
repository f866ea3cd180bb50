use xinglin_domain::{
    access::Action,
    code::Code,
    enrolment::{AlertSource, Enrolment},
    id::AlertId,
    pathway::Event,
};
use xinglin_extensions::Extensions;
use xinglin_platform::{AppError, AppResult, Caller, boxed, document::Stored};
use xinglin_store::Queue;

use super::{Occasion, SILENT, tell};
use crate::{
    alert::{self, AlertView, record, shown},
    event::keep,
};

/// Acknowledges an alert, and tells its pathway.
///
/// # Errors
/// If it was acknowledged before, or is addressed to another role; `PATHWAY_STATE` for that of a
/// patient in danger, which ends with the contact.
#[tracing::instrument(target = "xinglin::trace", skip_all)]
#[boxed]
pub async fn acknowledge_alert(extensions: &Extensions, caller: &Caller, id: AlertId) -> AppResult<AlertView> {
    caller.may(Action::AcknowledgeAlert)?;
    let records = extensions.platform.records(caller);
    let row = records.get_alert(id).await?;
    let standing = record(row.clone())?;
    let enrolment = match standing.source {
        AlertSource::Enrolment(enrolment) => enrolment,
        AlertSource::Contact(contact) => {
            let detail = format!(
                "it stays open until somebody has spoken with the patient: record attempts and the end at \
                 /api/v1/safety-contacts/{contact}"
            );
            return Err(AppError::new(Code::PathwayState, detail));
        }
    };
    let taken = standing.acknowledge(&caller.actor, caller.now)?;
    let Stored::<_, Enrolment> { value: enrolment, .. } = records.get_document(enrolment).await?.try_into()?;
    let tx = records.begin().await?;
    alert::update(&tx, (row, &taken), caller.now).await?;
    tx.drop_work(Queue::Alert, &id.to_string()).await?;
    // To tell a silent pathway that somebody knows would only raise the same alert again.
    let told = enrolment.is_active() && taken.alert.code != SILENT;
    let events = told.then(|| Event::AlertAcknowledged(taken.alert.code.clone()));
    let kept = keep(&tx, enrolment.id, events.into_iter().collect(), caller.now).await?;
    tx.commit().await?;
    let occasion = Occasion { request_id: caller.request_id.clone(), now: caller.now };
    tell(extensions, &records, kept, &occasion).await;
    shown(&extensions.platform, caller, taken).await
}
