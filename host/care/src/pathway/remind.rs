use serde_json::json;
use xinglin_domain::{
    coding::LocalizedText,
    enrolment::{TaskRecord, request::Asked},
    id::{EnrolmentId, RequestId, TaskId},
    time::{Day, Instant},
};
use xinglin_platform::{AppError, AppResult, boxed};
use xinglin_records::{
    notice::{self, Weight},
    patient,
};
use xinglin_store::{StoreError, TaskState, Tenant, TenantTx, Work};

use super::{Ready, ready, request};

/// What is due.
struct Due {
    enrolment: EnrolmentId,
    at: Instant,
    title: LocalizedText,
}

/// The patient is told that a task or a question of theirs is due soon, if it is still to be done and its pathway still
/// follows them. The message is under the pathway's enrolment, as all of it.
///
/// # Errors
/// If the store fails; it is tried again.
#[tracing::instrument(target = "xinglin::trace", name = "remind_of_due", skip_all)]
#[boxed]
pub async fn remind(records: &Tenant, work: &Work, now: Instant) -> AppResult<()> {
    let tx = records.begin().await?;
    if !tx.finish_work(work).await? {
        return Ok(());
    }
    let what = notice::what_is_due(work).unwrap_or_default();
    let due = if let Ok(task) = what.parse() { task_due(&tx, task).await? } else { question_due(&tx, what).await? };
    if let Some(due) = due
        && now < due.at
    {
        let Ready { enrolment, .. } = ready(&tx, due.enrolment).await?;
        if enrolment.is_active() && patient::is_treatable(&tx, enrolment.patient).await? {
            let day = Day::of(due.at);
            let text = LocalizedText::zh_en(
                &format!("请在{day}前完成：{}", due.title.get("zh-CN")),
                &format!("Please do this by {day}: {}", due.title.get("en")),
            );
            let key = format!("{}/due/{what}/{}", due.enrolment, due.at.micros());
            let body = json!({ "kind": "due", "enrolment": due.enrolment, "due": due.at.to_string(), "text": text });
            notice::write(&tx, (enrolment.patient, key, body), (Weight::Ordinary, Some(due.at)), now).await?;
        }
    }
    Ok(tx.commit().await?)
}

/// A task that is still to be done, before its timer has fired.
async fn task_due(tx: &TenantTx, id: TaskId) -> AppResult<Option<Due>> {
    let row = match tx.get_task(id).await {
        Ok(row) => row,
        // Erased.
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let record: TaskRecord = serde_json::from_value(row.body).map_err(AppError::internal)?;
    let due = Due { enrolment: row.enrolment_id, at: row.due_at, title: record.task.title };
    Ok((row.state == TaskState::Open).then_some(due))
}

/// A question that was not answered yet.
async fn question_due(tx: &TenantTx, id: &str) -> AppResult<Option<Due>> {
    let id: RequestId = id.parse().map_err(AppError::internal)?;
    let record = match request::load(tx, id).await {
        Ok(stored) => stored.value,
        Err(error) if error.code == xinglin_domain::code::Code::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let Asked::Question { questionnaire, .. } = &record.asked else { return Ok(None) };
    let Ready { definition, .. } = ready(tx, record.enrolment).await?;
    let asked = definition.questionnaires.into_iter().find(|known| known.code == *questionnaire);
    let title = asked.map_or_else(|| LocalizedText::zh_en("问卷", "questions"), |asked| asked.title);
    Ok(record.is_open().then_some(Due { enrolment: record.enrolment, at: record.by, title }))
}
