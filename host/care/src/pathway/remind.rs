use serde_json::json;
use xinglin_domain::{
    coding::LocalizedText,
    enrolment::{TaskRecord, request::Asked},
    id::{EnrolmentId, PatientId, RequestId, TaskId},
    pathway::Role,
    relation::Age,
    time::{Day, Instant},
};
use xinglin_platform::{AppError, AppResult, acting, boxed};
use xinglin_records::{
    notice::{self, Weight},
    patient,
};
use xinglin_store::{Queue, StoreError, TaskState, Tenant, TenantTx, Work};

use super::{Ready, ready, request};

/// What is due.
struct Due {
    enrolment: EnrolmentId,
    /// Whose.
    of: Role,
    /// When its time is over.
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
            let weight = weight(&tx, enrolment.patient, due.of, now).await?;
            notice::write(&tx, (enrolment.patient, key, body), (weight, Some(due.at)), now).await?;
        }
    }
    Ok(tx.commit().await?)
}

/// The addresses of an adolescent are their own: what their guardian is to do rings nobody.
async fn weight(tx: &TenantTx, patient: PatientId, of: Role, now: Instant) -> AppResult<Weight> {
    if of != Role::Guardian {
        return Ok(Weight::Ordinary);
    }
    let age = acting::born(tx, patient).await?.map(|born| Age::of(born, now));
    Ok(if age == Some(Age::Adolescent) { Weight::Silent } else { Weight::Ordinary })
}

/// A task that is still to be done: before its timer has fired, or while somebody waits for it after that.
async fn task_due(tx: &TenantTx, id: TaskId) -> AppResult<Option<Due>> {
    let row = match tx.get_task(id).await {
        Ok(row) => row,
        // Erased.
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let record: TaskRecord = serde_json::from_value(row.body).map_err(AppError::internal)?;
    let waited_for = match row.state {
        TaskState::Open => true,
        TaskState::Fired => {
            let work = tx.list_work(Queue::Timer, &row.enrolment_id.to_string()).await?;
            work.iter().any(|work| work.id == id.to_string())
        }
        TaskState::Done | TaskState::Cancelled => false,
    };
    let (at, of) = (record.deadline(), record.task.owner);
    Ok(waited_for.then_some(Due { enrolment: row.enrolment_id, of, at, title: record.task.title }))
}

/// A question that was not answered yet.
async fn question_due(tx: &TenantTx, id: &str) -> AppResult<Option<Due>> {
    let id: RequestId = id.parse().map_err(AppError::internal)?;
    let record = match request::load(tx, id).await {
        Ok(stored) => stored.value,
        Err(error) if error.code == xinglin_domain::code::Code::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let Asked::Question { questionnaire, respondent } = &record.asked else { return Ok(None) };
    let Ready { definition, .. } = ready(tx, record.enrolment).await?;
    let asked = definition.questionnaires.into_iter().find(|known| known.code == *questionnaire);
    let title = asked.map_or_else(|| LocalizedText::zh_en("问卷", "questions"), |asked| asked.title);
    let of = *respondent;
    Ok(record.is_open().then_some(Due { enrolment: record.enrolment, of, at: record.by, title }))
}
