use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    id::{EnrolmentId, PurchaseId},
    pricing::sale::Sale,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, document::Stored};
use xinglin_store::{TaskState, TenantTx};

use super::{SaleView, book::Posting, load, lock, start::given_by, update, view};

/// The end of a service.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Complete {
    /// Tasks of the course that were done; for one without an enrolment.
    #[serde(default)]
    pub tasks_done: Option<u32>,
    /// All its tasks.
    #[serde(default)]
    pub tasks: Option<u32>,
    /// The pathway in which the course was given: the host counts the tasks that were due since it was
    /// bought.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub enrolment: Option<EnrolmentId>,
}

/// Most tasks of a patient that are counted.
const MOST_TASKS: u32 = 10_000;

/// A service that was bought was given. What is due at its end is owed if enough of its tasks were done.
///
/// # Errors
/// `PRICE_STATE` if it has not begun, or is a package; `BODY_INVALID` if the tasks make no sense; `AUTH_FORBIDDEN`.
#[boxed]
pub async fn complete(platform: &Platform, caller: &Caller, id: PurchaseId, ask: Complete) -> AppResult<SaleView> {
    caller.may(Action::GiveService)?;
    let records = platform.records(caller);
    let patient = load(&records, id).await?.value.patient;
    caller.trail.saw(patient);
    let tx = records.begin().await?;
    lock(&tx, patient).await?;
    let Stored { row, value: mut sale } = load(&tx, id).await?;
    given_by(caller, &mut sale)?;
    let (done, tasks) = match (ask.enrolment, ask.tasks_done, ask.tasks) {
        (Some(enrolment), None, None) => counted(&tx, &sale, enrolment, caller).await?,
        (None, done, tasks) => (done.unwrap_or(0), tasks.unwrap_or(0)),
        _ => {
            let detail = "either `enrolment`, or `tasks_done` and `tasks`";
            return Err(AppError::new(Code::BodyInvalid, detail).with("path", "enrolment"));
        }
    };
    let moves = sale.complete(done, tasks)?;
    let posting = Posting { tx: &tx, sale: &sale, now: caller.now, by: Some(caller.actor.account) };
    posting.moves(moves).await?;
    update(&tx, row, &sale, caller.now).await?;
    tx.commit().await?;
    view(&sale, Vec::new())
}

async fn counted(tx: &TenantTx, sale: &Sale, enrolment: EnrolmentId, caller: &Caller) -> AppResult<(u32, u32)> {
    let of = tx.get_document(enrolment).await?;
    if of.patient_id != sale.patient.to_string() {
        return Err(AppError::not_found("enrolment", enrolment));
    }
    let since = sale.bought_at().unwrap_or(caller.now);
    let tasks = tx.list_tasks(&of.patient_id, None, MOST_TASKS).await?;
    let due = tasks.iter().filter(|task| {
        task.enrolment_id == enrolment
            && task.state != TaskState::Cancelled
            && since <= task.due_at
            && task.due_at <= caller.now
    });
    let (mut done, mut all) = (0_u32, 0_u32);
    for task in due {
        all += 1;
        done += u32::from(task.state == TaskState::Done);
    }
    Ok((done, all))
}
