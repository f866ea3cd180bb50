//! Enrolments of patients in pathways. The plugin proposes a step, the domain checks it, and
//! the accepted effects are committed in one transaction: state, timers, alerts, holds and
//! messages. The tape of the call is committed before.

mod acknowledge_alert;
mod answer;
mod complete;
mod deliver;
mod end;
mod enrol;
mod fire;
mod get;
pub mod hold;
mod known;
mod leave;
mod list_tasks;
mod observe;
mod questionnaires;
mod remind;
pub mod request;
mod resume;
mod step;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{
    code::Code,
    coding::LocalizedText,
    enrolment::{Accepted, Effect, Enrolment, TaskRecord, task},
    id::{EnrolmentId, PatientId},
    pathway::{PathwayError, Role},
    review::Severity,
    time::Instant,
};
use xinglin_extensions::{Extensions, call::CallView};
use xinglin_fhir::project;
use xinglin_platform::{AppError, AppResult, boxed};
use xinglin_records::resource::{self, marked};
use xinglin_store::{Executor, Tenant, TenantScope, TenantTx, Work};

use crate::safety::SafetyNotice;

use self::step::{Occurrence, Ready, ask, calls_for, carry_out, raise, ready};

pub use self::acknowledge_alert::acknowledge_alert;
pub use self::answer::{Answers, answer};
pub use self::complete::{DeclineTask, complete, decline_task};
pub use self::deliver::deliver;
pub use self::end::end;
pub use self::enrol::{Enrol, enrol};
pub use self::fire::fire;
pub use self::get::get;
pub use self::leave::{Leave, leave};
pub use self::list_tasks::{TaskFilter, TaskList, TaskPlace, TaskView, list_tasks};
pub use self::observe::observe;
pub use self::questionnaires::questionnaires;
pub use self::remind::remind;
pub use self::resume::resume;

/// Code of the host's own alert for a pathway without an answer.
pub(crate) const SILENT: &str = "PATHWAY_SILENT";

/// How many timers of an enrolment are shown.
const MOST_TIMERS: u32 = 200;

/// How often a step is repeated because the enrolment changed concurrently.
const TRIES: usize = 8;

/// An enrolment, with the effects of the last event.
#[derive(Serialize, ToSchema)]
pub struct EnrolmentView {
    /// `enr-…`
    #[schema(value_type = String)]
    pub id: EnrolmentId,
    /// The patient.
    #[schema(value_type = String)]
    pub patient: PatientId,
    /// Id of the plugin.
    pub plugin: String,
    /// Stage of the pathway.
    pub stage: String,
    /// Whether it is active.
    pub active: bool,
    /// Effects of the event of this request.
    #[schema(value_type = Vec<Value>)]
    pub effects: Vec<Effect>,
    /// Timers that are set or were: the latest 200, the earliest due first.
    pub timers: Vec<TimerView>,
    /// Plugin calls that this request made.
    pub calls: Vec<CallView>,
    /// What a patient in danger is to be shown at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safety: Option<SafetyNotice>,
}

/// A timer of a pathway.
#[derive(Serialize, ToSchema)]
pub struct TimerView {
    /// `task-…`
    pub id: String,
    /// Code of the task.
    pub code: String,
    /// When it is due (RFC 3339).
    pub due: String,
    /// `open`, `fired`, `done` or `cancelled`.
    pub state: &'static str,
}

/// The context of a step: a request, or a job.
pub struct Occasion {
    /// Name of the request or of the job, for logs and tapes.
    pub request_id: String,
    /// The time that all rules use.
    pub now: Instant,
}

/// The result of delivering an event.
#[derive(Default)]
pub struct Delivery {
    effects: Vec<Effect>,
    calls: Vec<CallView>,
    /// Whether the pathway did not answer, and what follows waits for it.
    put_off: bool,
}

/// The answer of a pathway to an event.
enum Reply {
    Accepted(Accepted),
    /// It cannot be called, failed, could not decide, or proposed something not allowed.
    Nothing(AppError),
}

/// Delivers events that were [stored](crate::event::keep) to their pathway, in order. Failed deliveries are
/// left to the jobs.
#[boxed]
pub(crate) async fn tell(
    extensions: &Extensions,
    records: &Tenant,
    events: Vec<Work>,
    occasion: &Occasion,
) -> Delivery {
    let mut told = Delivery::default();
    for work in events {
        match deliver(extensions, records, &work, occasion).await {
            Ok(Delivery { effects, calls, put_off }) => {
                told.effects.extend(effects);
                told.calls.extend(calls);
                if put_off {
                    break;
                }
            }
            Err(error) => {
                tracing::warn!(event = work.id, enrolment = work.lane, %error, "left to the jobs, with what follows");
                break;
            }
        }
    }
    told
}

/// The pathway did not answer: raises the host's own alert.
async fn silent(tx: &TenantTx, ready: &Ready, error: &AppError, now: Instant) -> AppResult<()> {
    tracing::error!(plugin = ready.enrolment.plugin, enrolment = %ready.enrolment.id, %error, "pathway did not answer");
    let message = LocalizedText::zh_en(
        "专病路径未能处理最近的事件，请人工随访。",
        "The pathway could not deal with the latest event: please follow up in person.",
    );
    let alert = ready.notice(SILENT, Severity::Warning, message, Role::Doctor, 60);
    let projection = raise(tx, &ready.enrolment, alert, now).await?;
    resource::project(tx, marked(projection.into_iter().collect(), ready.compartments), now).await
}

/// Separates transient errors, which are not faults of the pathway.
fn unless_passing(error: AppError) -> AppResult<AppError> {
    match error.code {
        Code::StoreUnavailable | Code::VersionConflict => Err(error),
        _ => Ok(error),
    }
}

async fn view<E: Executor>(
    records: &TenantScope<E>,
    enrolment: Enrolment,
    effects: Vec<Effect>,
    calls: Vec<CallView>,
) -> AppResult<EnrolmentView> {
    let patient = enrolment.patient.to_string();
    let timers = records.list_enrolment_tasks((enrolment.id, &patient), false, MOST_TIMERS).await?;
    let timers = timers
        .into_iter()
        .rev()
        .map(|timer| TimerView {
            id: timer.id.to_string(),
            code: timer.code,
            due: timer.due_at.to_string(),
            state: timer.state.as_str(),
        })
        .collect();
    Ok(EnrolmentView {
        id: enrolment.id,
        patient: enrolment.patient,
        plugin: enrolment.plugin.clone(),
        stage: enrolment.stage.clone(),
        active: enrolment.is_active(),
        effects,
        timers,
        calls,
        safety: None,
    })
}

fn timer_projection(ready: &Ready, record: &TaskRecord, now: Instant) -> Value {
    project::task(&project::Timer {
        id: record.id,
        enrolment: record.enrolment,
        patient: &record.patient.to_string(),
        task: &record.task,
        pathway: &ready.enrolment.pathway,
        status: match record.state {
            task::TaskState::Open => project::TimerStatus::Scheduled,
            task::TaskState::Fired { .. } => project::TimerStatus::Due,
            task::TaskState::Done { .. } => project::TimerStatus::Done,
            task::TaskState::Cancelled { .. } => project::TimerStatus::Cancelled,
        },
        authored: now,
        modified: now,
    })
}

fn undecided(error: &PathwayError) -> AppError {
    AppError::new(Code::PathwayUndecided, "the pathway could not decide").with("error", error)
}
