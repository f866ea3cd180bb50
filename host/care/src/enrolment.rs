//! Patients in pathways. The plugin proposes a step, the domain judges it, and
//! what is accepted becomes true in one transaction: state, timers, alerts,
//! holds, messages, and the tape of the call.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::sleep;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    clinical::{Observation, ObservationValue},
    code::Code,
    coding::{Citation, LocalizedText, Quantity, Translation},
    compartment::Compartments,
    consent::Purpose,
    enrolment::{Accepted, AlertRecord, Effect, EndCause, Enrolment, HoldRecord, TaskRecord, task},
    id::{AlertId, EnrolmentId, HoldId, PatientId, TaskId},
    pathway::{
        Alert, Answer, AnswerKind, AnswerValue, Definition, Destination, Eligibility, Event, Message, PathwayError,
        Questionnaire, Referral, Response, Role,
    },
    review::Severity,
    time::Instant,
};
use xinglin_extensions::{
    Extensions,
    call::{CallView, Calls},
    plugin,
};
use xinglin_fhir::project;
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, ambient,
    document::{Stored, fresh, next},
    grant,
};
use xinglin_records::{compartment::marked, consent, record};
use xinglin_runtime::Interface;
use xinglin_store::{Document, Executor, OutboxEntry, Task, TaskState, Tenant, TenantScope, TenantTx};

use crate::hold;

/// Topic of events that a pathway has not dealt with yet.
pub const RETRY: &str = "pathway.event";

/// Code of the host's own alert that a pathway gave no answer.
pub(crate) const SILENT: &str = "PATHWAY_SILENT";

/// For how long the request that kept an event has it to itself, before the
/// jobs take it up.
const HEAD_START_SECONDS: i64 = 5;

/// How often a step is made anew because the enrolment changed meanwhile.
const TRIES: usize = 8;

/// The longest wait between two tries at an event or a timer.
const LONGEST_WAIT_MINUTES: i64 = 64;

/// A patient to enrol.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Enrol {
    /// The patient.
    #[schema(value_type = String)]
    pub patient: PatientId,
    /// Id of an enabled plugin with a pathway.
    pub plugin: String,
}

/// A questionnaire answered.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// Code of the questionnaire.
    pub questionnaire: String,
    /// The answers.
    #[schema(value_type = Vec<Object>)]
    pub answers: Vec<Answer>,
}

/// A patient in a pathway, and what the last event led to.
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
    /// Whether it goes on.
    pub active: bool,
    /// What the event of this request led to.
    #[schema(value_type = Vec<Object>)]
    pub effects: Vec<Effect>,
    /// Timers that are set.
    pub timers: Vec<TimerView>,
    /// Plugin calls that this request made.
    pub calls: Vec<CallView>,
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

/// On whose behalf and when a step is made: a request, or a job.
pub struct Occasion {
    /// Name of the request or of the job, for logs and tapes.
    pub request_id: String,
    /// The moment that every rule is given.
    pub now: Instant,
}

/// An event that is in the outbox until its pathway has dealt with it.
#[derive(Serialize, Deserialize)]
pub struct Kept {
    /// Whose event it is.
    pub enrolment: EnrolmentId,
    event: Event,
}

/// What came of telling a pathway.
#[derive(Default)]
pub struct Told {
    effects: Vec<Effect>,
    calls: Vec<CallView>,
}

/// An enrolment with what the host knows of its pathway, whether or not the
/// plugin can be called.
struct Ready {
    row: Option<Document<EnrolmentId>>,
    enrolment: Enrolment,
    definition: Definition,
    /// What is written on behalf of the pathway falls into these.
    compartments: Compartments,
}

/// What a pathway said to an event.
enum Said {
    Accepted(Accepted),
    /// It cannot be called, broke, could not decide, or proposed what it may not.
    Nothing(AppError),
}

/// Screens a patient and enrols them.
///
/// # Errors
/// `PATHWAY_INELIGIBLE` with the reasons; `ALREADY_EXISTS` if the patient is
/// in this pathway.
#[tracing::instrument(target = "xinglin::trace", skip_all)]
pub async fn enrol(extensions: &Extensions, caller: &Caller, enrol: Enrol) -> AppResult<EnrolmentView> {
    caller.may(Action::EnrolPatient)?;
    caller.trail.saw(enrol.patient);
    let records = extensions.platform.records(caller);
    let (install, plugin) = plugin::one_playing(extensions, &records, &enrol.plugin, Interface::Pathway).await?;
    let compartments = grant::compartments(&install)?;
    // Before anything else: whether the patient is in this pathway is restricted too.
    consent::may_enter(&extensions.platform, caller, enrol.patient, compartments).await?;
    let definition = plugin::definition(&install)?;
    let id = EnrolmentId::from_u128(ambient::fresh_id());
    let stage = definition.stages.first().map(|stage| stage.code.clone()).unwrap_or_default();
    let enrolment = Enrolment {
        id,
        patient: enrol.patient,
        plugin: enrol.plugin,
        pathway: definition.code.clone(),
        enrolled_by: caller.actor.account,
        enrolled: caller.now,
        stage,
        state: None,
        ended: None,
    };
    let occasion = Occasion { request_id: caller.request_id.clone(), now: caller.now };
    let mut calls = Calls::new(extensions, records.id(), &occasion.request_id, occasion.now)
        .of(enrol.patient, Purpose::Treatment)
        .about(id);
    let snapshot = record::snapshot(
        &extensions.platform,
        &records,
        (&install.plugin_id, Purpose::Treatment),
        &definition.data_needs,
        enrol.patient,
        caller.now,
    )
    .await?;
    let context = calls.context(&install, &plugin)?;
    let screened =
        calls.took(&install, extensions.runtime().screen(&plugin, context, &snapshot, caller.now).await).await;
    let refusal = match screened {
        Ok(Ok(Eligibility::Eligible)) => None,
        Ok(Ok(Eligibility::Ineligible(reasons))) => Some(ineligible("not for this pathway", &reasons)),
        Ok(Ok(Eligibility::ReferOffline(reasons))) => Some(ineligible("must be seen in person first", &reasons)),
        Ok(Err(error)) => Some(undecided(&error)),
        Err(failure) => Some(failure),
    };
    if let Some(refusal) = refusal {
        return Err(refusal.with("calls", calls.views()));
    }
    let ready = Ready { row: None, enrolment, definition, compartments };
    match ask(extensions, &records, &ready, &Event::Enrolled, &occasion, &mut calls).await? {
        Said::Accepted(accepted) => {
            let tx = records.begin().await?;
            let view = carry_out(&tx, &ready, accepted, &occasion, &calls, "enrolled").await?;
            tx.commit().await?;
            Ok(view)
        }
        // There is no state to go back to: the patient is not enrolled.
        Said::Nothing(error) => Err(error.with("calls", calls.views())),
    }
}

/// The patient answers a questionnaire. Answers that are observations go
/// into the record and to the pathway as such. What was answered is kept and
/// the pathway hears of it, if not in this request then later.
///
/// # Errors
/// `BODY_INVALID` if an answer does not fit its question, `PATHWAY_STATE` if
/// the enrolment has ended; nothing is kept.
#[tracing::instrument(target = "xinglin::trace", skip_all)]
pub async fn answer(
    extensions: &Extensions,
    caller: &Caller,
    id: EnrolmentId,
    answers: Answers,
) -> AppResult<EnrolmentView> {
    caller.may(Action::AnswerQuestionnaire)?;
    let records = extensions.platform.records(caller);
    let ready = ready(&records, id).await?;
    let author = ready.enrolment.enrolled_by == caller.actor.account;
    consent::may_open(
        &extensions.platform,
        caller,
        ready.enrolment.patient,
        (ready.compartments, author),
        "enrolment",
        id,
    )
    .await?;
    if !ready.enrolment.is_active() {
        return Err(AppError::new(Code::PathwayState, "the enrolment has ended"));
    }
    let questionnaire = ready
        .definition
        .questionnaires
        .iter()
        .find(|known| known.code == answers.questionnaire)
        .ok_or_else(|| AppError::not_found("questionnaire", &answers.questionnaire))?;
    check_answers(questionnaire, &answers.answers)?;

    let mut events = Vec::new();
    let mut projections = Vec::new();
    for answer in &answers.answers {
        let question = questionnaire.questions.iter().find(|question| question.link_id == answer.link_id);
        let Some(code) = question.and_then(|question| question.records_as.as_ref()) else { continue };
        let observation = record::mint("Observation");
        projections.push(project::observation(&project::Answer {
            id: &observation,
            patient: &ready.enrolment.patient.to_string(),
            code,
            value: &answer.value,
            at: caller.now,
        }));
        events.push(Event::Observed(Observation {
            code: vec![code.clone()],
            value: observed(&answer.value),
            components: Vec::new(),
            effective: Some(caller.now),
            attributes: Vec::new(),
        }));
    }
    events.push(Event::Answered(Response { questionnaire: answers.questionnaire, answers: answers.answers }));
    // What the patient measured is true whatever a plugin makes of it, and the
    // plugin must hear of it whatever becomes of this request.
    let tx = records.begin().await?;
    record::project(&tx, marked(projections, ready.compartments), caller.now).await?;
    let kept = keep(&tx, id, events, caller.now).await?;
    tx.commit().await?;
    let occasion = Occasion { request_id: caller.request_id.clone(), now: caller.now };
    let told = tell(extensions, &records, kept, &occasion).await;
    let Stored::<_, Enrolment> { value, .. } = records.get_document(id).await?.try_into()?;
    view(&records, value, told.effects, told.calls).await
}

/// One enrolment.
///
/// # Errors
/// If there is none that the caller may see.
pub async fn get(platform: &Platform, caller: &Caller, id: EnrolmentId) -> AppResult<EnrolmentView> {
    let records = platform.records(caller);
    let Stored::<_, Enrolment> { value, .. } = records.get_document(id).await?.try_into()?;
    let labels = consent::compartments_of(&records, &value.plugin).await?;
    let author = value.enrolled_by == caller.actor.account;
    consent::may_open(platform, caller, value.patient, (labels, author), "enrolment", id).await?;
    view(&records, value, Vec::new(), Vec::new()).await
}

/// Tells a pathway of events that were [kept](keep), in their order. What it
/// cannot be told now is left to the jobs.
pub(crate) async fn tell(
    extensions: &Extensions,
    records: &Tenant,
    events: Vec<(String, Kept)>,
    occasion: &Occasion,
) -> Told {
    let mut told = Told::default();
    for (id, kept) in events {
        match deliver(extensions, records, &id, &kept, 0, occasion).await {
            Ok(Told { effects, calls }) => {
                told.effects.extend(effects);
                told.calls.extend(calls);
            }
            Err(error) => {
                tracing::warn!(event = id, enrolment = %kept.enrolment, %error, "left to the jobs, with what follows");
                break;
            }
        }
    }
    told
}

/// Tells a pathway of one event. Its effect is made true together with the
/// mark that the event was dealt with. If the pathway gives no answer that can
/// be used, the patient's state stays as it was, the care team is told, and
/// the event waits the longer the more `attempts` there were.
///
/// # Errors
/// If the store fails, or the enrolment never stands still; the event waits.
#[tracing::instrument(target = "xinglin::trace", skip_all)]
pub async fn deliver(
    extensions: &Extensions,
    records: &Tenant,
    id: &str,
    kept: &Kept,
    attempts: i64,
    occasion: &Occasion,
) -> AppResult<Told> {
    for tried in 1..TRIES {
        match deliver_once(extensions, records, id, kept, attempts, occasion).await {
            // Ever longer, so that not all who want the same come back together.
            Err(error) if error.code == Code::VersionConflict => sleep(Duration::from_millis(5 << tried)).await,
            delivered => return delivered,
        }
    }
    deliver_once(extensions, records, id, kept, attempts, occasion).await
}

async fn deliver_once(
    extensions: &Extensions,
    records: &Tenant,
    id: &str,
    kept: &Kept,
    attempts: i64,
    occasion: &Occasion,
) -> AppResult<Told> {
    let ready = ready(records, kept.enrolment).await?;
    if !ready.enrolment.is_active() {
        let tx = records.begin().await?;
        tx.finish_outbox(id, occasion.now).await?;
        tx.commit().await?;
        return Ok(Told::default());
    }
    let mut calls = calls_for(extensions, records, &ready, occasion);
    let now = occasion.now;
    let refused = match ask(extensions, records, &ready, &kept.event, occasion, &mut calls).await? {
        Said::Nothing(error) => error,
        Said::Accepted(accepted) => {
            let tx = records.begin().await?;
            if !tx.finish_outbox(id, now).await? {
                // Somebody else was faster.
                return Ok(Told { effects: Vec::new(), calls: calls.views() });
            }
            match carry_out(&tx, &ready, accepted, occasion, &calls, id).await {
                Ok(EnrolmentView { effects, calls, .. }) => {
                    tx.commit().await?;
                    return Ok(Told { effects, calls });
                }
                Err(error) => {
                    tx.rollback().await?;
                    unless_passing(error)?
                }
            }
        }
    };
    let tx = records.begin().await?;
    silent(&tx, &ready, &refused, now).await?;
    tx.retry_outbox(id, next_try(attempts, now)).await?;
    tx.commit().await?;
    Ok(Told { effects: Vec::new(), calls: calls.views() })
}

/// A timer has come due. Its effect is made true together with the mark that
/// it fired, so it takes place exactly once, whoever was killed in between. If
/// the pathway gives no answer that can be used, the timer is put off.
///
/// # Errors
/// If the store fails, or the enrolment never stands still; the timer is open.
#[tracing::instrument(target = "xinglin::trace", skip_all)]
pub async fn fire(extensions: &Extensions, records: &Tenant, timer: &Task, occasion: &Occasion) -> AppResult<()> {
    for _ in 1..TRIES {
        match fire_once(extensions, records, timer, occasion).await {
            Err(error) if error.code == Code::VersionConflict => {}
            fired => return fired,
        }
        let current = records.get_task(timer.id).await?;
        if (current.state, current.version) != (TaskState::Open, timer.version) {
            // It moved, was taken back, or is somebody else's by now.
            return Ok(());
        }
    }
    fire_once(extensions, records, timer, occasion).await
}

async fn fire_once(extensions: &Extensions, records: &Tenant, timer: &Task, occasion: &Occasion) -> AppResult<()> {
    let now = occasion.now;
    let record: TaskRecord = serde_json::from_value(timer.body.clone()).map_err(AppError::internal)?;
    let event = Event::TaskDue(record.reference());
    let ready = ready(records, timer.enrolment_id).await?;
    let mut calls = calls_for(extensions, records, &ready, occasion);
    let refused = match ask(extensions, records, &ready, &event, occasion, &mut calls).await? {
        Said::Nothing(error) => error,
        Said::Accepted(accepted) => {
            let tx = records.begin().await?;
            tx.fire_task(timer.id, timer.version, now).await?;
            let fired = TaskRecord { state: task::TaskState::Fired { at: now }, ..record };
            let fired = vec![timer_projection(&ready, &fired, now)];
            record::project(&tx, marked(fired, ready.compartments), now).await?;
            match carry_out(&tx, &ready, accepted, occasion, &calls, &timer.id.to_string()).await {
                Ok(_) => return Ok(tx.commit().await?),
                Err(error) => {
                    tx.rollback().await?;
                    unless_passing(error)?
                }
            }
        }
    };
    let tx = records.begin().await?;
    silent(&tx, &ready, &refused, now).await?;
    tx.defer_task(timer.id, timer.version, next_firing(timer, now)).await?;
    Ok(tx.commit().await?)
}

fn calls_for<'a>(extensions: &'a Extensions, records: &Tenant, ready: &Ready, occasion: &Occasion) -> Calls<'a> {
    let Enrolment { id, patient, .. } = ready.enrolment;
    Calls::new(extensions, records.id(), &occasion.request_id, occasion.now).of(patient, Purpose::Treatment).about(id)
}

/// Puts an event to the pathway and judges the answer. No transaction is open.
///
/// # Errors
/// Only if the store is away: that is no answer of the pathway.
async fn ask(
    extensions: &Extensions,
    records: &Tenant,
    ready: &Ready,
    event: &Event,
    occasion: &Occasion,
    calls: &mut Calls<'_>,
) -> AppResult<Said> {
    match proposal(extensions, records, ready, event, occasion, calls).await {
        Ok(accepted) => Ok(Said::Accepted(accepted)),
        Err(error) => Ok(Said::Nothing(unless_passing(error)?)),
    }
}

async fn proposal(
    extensions: &Extensions,
    records: &Tenant,
    ready: &Ready,
    event: &Event,
    occasion: &Occasion,
    calls: &mut Calls<'_>,
) -> AppResult<Accepted> {
    let Ready { enrolment, definition, .. } = ready;
    let now = occasion.now;
    let (install, plugin) = plugin::one_playing(extensions, records, &enrolment.plugin, Interface::Pathway).await?;
    let snapshot = record::snapshot(
        &extensions.platform,
        records,
        (&enrolment.plugin, Purpose::Treatment),
        &definition.data_needs,
        enrolment.patient,
        now,
    )
    .await?;
    let holds = hold::of_patient(records, enrolment.patient).await?;
    let context = calls.context(&install, &plugin)?;
    let call = extensions.runtime().step(&plugin, context, enrolment.state.as_ref(), event, &snapshot, now).await;
    let outcome = calls.took(&install, call).await?.map_err(|error| undecided(&error))?;
    Ok(enrolment.accept(definition, event, outcome, &holds, now)?)
}

/// Makes an accepted proposal true. `salt` tells apart what happens more than
/// once; a timer gives its id, so that its messages go out once.
async fn carry_out(
    tx: &TenantTx,
    ready: &Ready,
    accepted: Accepted,
    occasion: &Occasion,
    calls: &Calls<'_>,
    salt: &str,
) -> AppResult<EnrolmentView> {
    let now = occasion.now;
    let enrolment = ready.enrolment.clone().advanced(&accepted, now);
    // The enrolment first: timers and alerts hang from it.
    let status = if enrolment.is_active() { "active" } else { "ended" };
    let key = enrolment.is_active().then(|| format!("{}/{}", enrolment.plugin, enrolment.patient));
    match ready.row.clone() {
        Some(row) => {
            let mut row = next(row, status, &enrolment, now)?;
            row.exclusive_key = key;
            tx.update_document(&row).await?;
        }
        None => {
            let parent = Some(enrolment.plugin.clone());
            let mut row = fresh(enrolment.id, enrolment.patient, parent, status, &enrolment, now)?;
            row.exclusive_key = key;
            tx.insert_document(&row).await?;
        }
    }
    let mut carrier = Carrier { tx, ready, now, salt, projections: Vec::new(), sent: 0 };
    for effect in &accepted.effects {
        carrier.carry(effect).await?;
    }
    let mut projections = carrier.projections;
    projections.push(plan(&enrolment, &ready.definition));
    record::project(tx, marked(projections, ready.compartments), now).await?;
    let calls = calls.write(tx).await?;
    view(tx, enrolment, accepted.effects, calls).await
}

/// The definition kept with the installation is enough: patients may answer while
/// the plugin is disabled.
async fn ready<E: Executor>(records: &TenantScope<E>, id: EnrolmentId) -> AppResult<Ready> {
    let Stored::<_, Enrolment> { row, value: enrolment } = records.get_document(id).await?.try_into()?;
    let install = records.get_install(&enrolment.plugin).await?;
    let (definition, compartments) = (plugin::definition(&install)?, grant::compartments(&install)?);
    Ok(Ready { row: Some(row), enrolment, definition, compartments })
}

/// Carries out one effect after the other within a transaction.
struct Carrier<'a> {
    tx: &'a TenantTx,
    ready: &'a Ready,
    now: Instant,
    salt: &'a str,
    projections: Vec<Value>,
    sent: usize,
}

impl Carrier<'_> {
    async fn carry(&mut self, effect: &Effect) -> AppResult<()> {
        let Enrolment { id, patient, .. } = self.ready.enrolment;
        match effect {
            Effect::ScheduleTask(task) => self.schedule(task).await,
            Effect::CancelTask(code) => Ok(self.tx.cancel_tasks(id, Some(code), self.now).await.map(drop)?),
            Effect::CancelAllTasks => Ok(self.tx.cancel_tasks(id, None, self.now).await.map(drop)?),
            Effect::Ask(code) => {
                let asked = self.ready.definition.questionnaires.iter().find(|known| known.code == *code);
                let title = asked.map(|questionnaire| questionnaire.title.clone()).unwrap_or_default();
                self.send(json!({ "kind": "questionnaire", "enrolment": id, "questionnaire": code, "text": title }))
                    .await
            }
            Effect::SendMessage(message) => self.send(json!({ "kind": "message", "text": filled(message) })).await,
            Effect::RaiseAlert(alert) => self.raise(alert.clone()).await,
            Effect::Refer(referral) => self.refer(referral).await,
            Effect::RequestLab(tests) => {
                let names: Vec<&str> = tests.iter().map(|test| test.display.as_deref().unwrap_or(&test.code)).collect();
                let names = names.join(", ");
                let message = both(&format!("建议开具检验：{names}"), &format!("tests wanted: {names}"));
                self.raise(self.ready.notice("LAB_WANTED", Severity::Info, message, Role::Doctor, 3 * 24 * 60)).await
            }
            Effect::DraftNote(text) => {
                self.raise(self.ready.notice("NOTE_PROPOSED", Severity::Info, text.clone(), Role::Doctor, 7 * 24 * 60))
                    .await
            }
            Effect::PlaceHold(hold) => {
                let record = HoldRecord {
                    id: HoldId::from_u128(ambient::fresh_id()),
                    enrolment: id,
                    patient,
                    hold: hold.clone(),
                    placed: self.now,
                    released: None,
                };
                self.tx.place_hold(&hold::row(&record)?).await?;
                self.projections.push(hold::flag(&record));
                Ok(())
            }
            Effect::LiftHold(code) => {
                let standing = hold::of_patient(self.tx, patient).await?;
                let Some(record) = standing
                    .into_iter()
                    .find(|record| record.enrolment == id && record.is_active() && record.hold.code == *code)
                else {
                    return Ok(());
                };
                let lifted = record.release_by_pathway(self.now)?;
                self.projections.push(hold::lift(self.tx, &lifted, &self.ready.enrolment.plugin, self.now).await?);
                Ok(())
            }
        }
    }

    async fn schedule(&mut self, task: &xinglin_domain::pathway::Task) -> AppResult<()> {
        let record = TaskRecord {
            id: TaskId::from_u128(ambient::fresh_id()),
            enrolment: self.ready.enrolment.id,
            patient: self.ready.enrolment.patient,
            task: task.clone(),
            state: task::TaskState::Open,
        };
        let id = self
            .tx
            .schedule_task(&Task {
                id: record.id,
                enrolment_id: record.enrolment,
                patient_id: record.patient.to_string(),
                code: task.code.clone(),
                due_at: task.due,
                state: TaskState::Open,
                body: serde_json::to_value(&record).map_err(AppError::internal)?,
                version: 0,
                created_at: self.now,
                updated_at: self.now,
            })
            .await?;
        self.projections.push(timer_projection(self.ready, &TaskRecord { id, ..record }, self.now));
        Ok(())
    }

    async fn send(&mut self, body: Value) -> AppResult<()> {
        self.sent += 1;
        let message = xinglin_store::Message {
            id: format!("msg-{:032x}", ambient::fresh_id()),
            patient_id: self.ready.enrolment.patient.to_string(),
            dedupe_key: format!("{}/{}/{}", self.ready.enrolment.id, self.salt, self.sent),
            body,
            created_at: self.now,
            read_at: None,
        };
        self.tx.insert_message(&message).await?;
        Ok(())
    }

    async fn raise(&mut self, alert: Alert) -> AppResult<()> {
        let raised = raise(self.tx, &self.ready.enrolment, alert, self.now).await?;
        self.projections.extend(raised);
        Ok(())
    }

    async fn refer(&mut self, referral: &Referral) -> AppResult<()> {
        let place = match &referral.destination {
            Destination::Offline(_) => both("请到医院线下就诊。", "Please see a doctor in person."),
            Destination::Emergency => {
                both("请立即前往急诊或拨打120。", "Go to an emergency department now, or call 120.")
            }
            Destination::Multidisciplinary => {
                both("将由多学科团队为您会诊。", "A team of specialists will discuss your care.")
            }
        };
        self.send(json!({ "kind": "referral", "text": place, "reason": referral.reason })).await?;
        let Some(days) = referral.recontact_days else { return Ok(()) };
        let minutes = u32::from(days).saturating_mul(24 * 60).max(1);
        let mut alert =
            self.ready.notice("RECONTACT", Severity::Warning, referral.reason.clone(), Role::Nurse, minutes);
        alert.citation = referral.citation.clone();
        self.raise(alert).await
    }
}

impl Ready {
    /// An alert of the host's own.
    fn notice(&self, code: &str, severity: Severity, message: LocalizedText, owner: Role, sla_minutes: u32) -> Alert {
        let citation =
            Citation { title: "互联网诊疗监管细则（试行）".into(), section: None, year: 2022, url: None };
        Alert { code: code.into(), severity, message, owner, sla_minutes, citation }
    }
}

/// Raises an alert, unless one that says the same is open. Returns its projection.
async fn raise(tx: &TenantTx, enrolment: &Enrolment, alert: Alert, now: Instant) -> AppResult<Option<Value>> {
    let query = xinglin_store::AlertQuery {
        patient_id: Some(enrolment.patient.to_string()),
        state: Some("open".into()),
        owner: None,
    };
    let open = tx.list_alerts(&query, 500).await?;
    for row in open.into_iter().filter(|row| row.enrolment_id == Some(enrolment.id) && row.code == alert.code) {
        if crate::alert::record(row)?.alert == alert {
            return Ok(None);
        }
    }
    let record = AlertRecord {
        id: AlertId::from_u128(ambient::fresh_id()),
        enrolment: enrolment.id,
        patient: enrolment.patient,
        alert,
        raised: now,
        acknowledged: None,
    };
    tracing::warn!(alert = %record.id, code = record.alert.code, deadline = %record.deadline(), "alert raised");
    tx.insert_alert(&crate::alert::row(&record)?).await?;
    Ok(Some(crate::alert::projection(&record, &enrolment.pathway)))
}

/// The pathway did not answer: its patients are not left to it.
async fn silent(tx: &TenantTx, ready: &Ready, error: &AppError, now: Instant) -> AppResult<()> {
    tracing::error!(plugin = ready.enrolment.plugin, enrolment = %ready.enrolment.id, %error, "pathway did not answer");
    let message = both(
        "专病路径未能处理最近的事件，请人工随访。",
        "The pathway could not deal with the latest event: please follow up in person.",
    );
    let alert = ready.notice(SILENT, Severity::Warning, message, Role::Doctor, 60);
    let projection = raise(tx, &ready.enrolment, alert, now).await?;
    record::project(tx, marked(projection.into_iter().collect(), ready.compartments), now).await
}

/// Keeps events for their pathway in the transaction that stores what they are
/// about. The caller may [`tell`](Hospital::tell) of them once it has committed;
/// if it does not live to, the jobs will.
pub(crate) async fn keep(
    tx: &TenantTx,
    enrolment: EnrolmentId,
    events: Vec<Event>,
    now: Instant,
) -> AppResult<Vec<(String, Kept)>> {
    let mut all = Vec::with_capacity(events.len());
    for event in events {
        let kept = Kept { enrolment, event };
        // Entries that are due together are told in the order of their ids.
        let id = format!("out-{:032x}", ambient::fresh_id());
        tx.insert_outbox(&OutboxEntry {
            tenant: tx.id(),
            id: id.clone(),
            topic: RETRY.to_owned(),
            payload: serde_json::to_value(&kept).map_err(AppError::internal)?,
            created_at: now,
            due_at: now.plus_seconds(HEAD_START_SECONDS),
            attempts: 0,
        })
        .await?;
        all.push((id, kept));
    }
    Ok(all)
}

/// Sorts out what will pass by itself, and is no fault of the pathway.
fn unless_passing(error: AppError) -> AppResult<AppError> {
    match error.code {
        Code::StoreUnavailable | Code::VersionConflict => Err(error),
        _ => Ok(error),
    }
}

/// When to tell of an event again after so many attempts.
pub fn next_try(attempts: i64, now: Instant) -> Instant {
    let minutes = 1_i64 << attempts.clamp(0, 6);
    now.plus_minutes(minutes.min(LONGEST_WAIT_MINUTES))
}

/// When to fire a timer again: it waits as long again as it is late, so that each
/// wait is as long as all before it.
pub fn next_firing(timer: &Task, now: Instant) -> Instant {
    let late = now.micros().saturating_sub(timer.due_at.micros()) / 60_000_000;
    now.plus_minutes(late.clamp(1, LONGEST_WAIT_MINUTES))
}

async fn view<E: Executor>(
    records: &TenantScope<E>,
    enrolment: Enrolment,
    effects: Vec<Effect>,
    calls: Vec<CallView>,
) -> AppResult<EnrolmentView> {
    let timers = records.list_tasks(&enrolment.patient.to_string(), None, 200).await?;
    let timers = timers
        .into_iter()
        .filter(|timer| timer.enrolment_id == enrolment.id)
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
    })
}

fn plan(enrolment: &Enrolment, definition: &Definition) -> Value {
    project::care_plan(&project::Enrolment {
        id: enrolment.id,
        patient: &enrolment.patient.to_string(),
        pathway: &enrolment.pathway,
        title: &definition.title,
        stage: &enrolment.stage,
        status: match enrolment.ended.as_ref().map(|ended| &ended.cause) {
            None => project::EnrolmentStatus::Active,
            Some(EndCause::Closed(_)) => project::EnrolmentStatus::Completed,
            Some(EndCause::Withdrawn) => project::EnrolmentStatus::Withdrawn,
        },
        started: enrolment.enrolled,
        ended: enrolment.ended.as_ref().map(|ended| ended.at),
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

/// Every answer fits its question, and nothing required is missing.
fn check_answers(questionnaire: &Questionnaire, answers: &[Answer]) -> AppResult<()> {
    let wrong = |link: &str, what: &str| {
        Err(AppError::new(Code::BodyInvalid, format!("answer `{link}`: {what}"))
            .with("path", format!("answers.{link}")))
    };
    let mut seen = BTreeSet::new();
    for answer in answers {
        let link = answer.link_id.as_str();
        let Some(question) = questionnaire.questions.iter().find(|question| question.link_id == link) else {
            return wrong(link, "there is no such question");
        };
        if !seen.insert(link) {
            return wrong(link, "answered twice");
        }
        match (&question.kind, &answer.value) {
            (AnswerKind::Boolean, AnswerValue::Boolean(_))
            | (AnswerKind::Integer, AnswerValue::Integer(_))
            | (AnswerKind::Text, AnswerValue::Text(_)) => {}
            (AnswerKind::Quantity(unit), AnswerValue::Quantity(Quantity { unit: given, .. })) if unit == given => {}
            (AnswerKind::Quantity(unit), AnswerValue::Quantity(_)) => {
                return wrong(link, &format!("asked in `{unit}`"));
            }
            (AnswerKind::Choice(choices), AnswerValue::Choice(choice)) => {
                if !choices.iter().any(|known| known.same(choice)) {
                    return wrong(link, "is not one of the choices");
                }
            }
            _ => return wrong(link, "is of another kind than the question"),
        }
    }
    match questionnaire.questions.iter().find(|question| question.required && !seen.contains(question.link_id.as_str()))
    {
        Some(question) => wrong(&question.link_id, "is required"),
        None => Ok(()),
    }
}

fn observed(value: &AnswerValue) -> ObservationValue {
    match value.clone() {
        AnswerValue::Boolean(yes) => ObservationValue::Boolean(yes),
        AnswerValue::Integer(number) => ObservationValue::Integer(number),
        AnswerValue::Text(text) => ObservationValue::Text(text),
        AnswerValue::Quantity(quantity) => ObservationValue::Quantity(quantity),
        AnswerValue::Choice(coding) => ObservationValue::Coded(vec![coding]),
    }
}

/// The text with its arguments put in: `{name}`.
fn filled(message: &Message) -> LocalizedText {
    let fill = |text: &str| {
        message
            .arguments
            .iter()
            .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    };
    LocalizedText(
        message.fallback.0.iter().map(|t| Translation { language: t.language.clone(), text: fill(&t.text) }).collect(),
    )
}

fn both(zh: &str, en: &str) -> LocalizedText {
    LocalizedText(vec![
        Translation { language: "zh-CN".into(), text: zh.into() },
        Translation { language: "en".into(), text: en.into() },
    ])
}

fn ineligible(detail: &str, reasons: &[xinglin_domain::pathway::Reason]) -> AppError {
    AppError::new(Code::PathwayIneligible, detail).with("reasons", reasons)
}

fn undecided(error: &PathwayError) -> AppError {
    AppError::new(Code::PathwayUndecided, "the pathway could not decide").with("error", error)
}
