//! One step of a pathway: calls the plugin with an event, checks its proposal and applies it.

use std::collections::HashSet;

use serde_json::{Value, json};
use xinglin_domain::{
    canonical::Digest,
    code::Code,
    coding::{Citation, LocalizedText, Translation},
    compartment::Compartments,
    consent::Purpose,
    enrolment::{
        Accepted, AlertRecord, AlertSource, Effect, EndCause, Enrolment, HoldRecord, ProposalError, TaskRecord, task,
    },
    id::{AlertId, EnrolmentId, HoldId, TaskId},
    pathway::{
        Alert, Definition, Destination, Event, LabRequest, Message, Question, Referral, Role, State, Stop, Task,
    },
    reminder::remind_of_task,
    review::Severity,
    safety::AskedContact,
    time::Instant,
};
use xinglin_extensions::{Extensions, call::Calls, install};
use xinglin_fhir::{
    project,
    request::{LabOrder, LabStatus},
};
use xinglin_platform::{
    AppError, AppResult, ambient, boxed,
    document::{Stored, fresh, next},
    grant,
};
use xinglin_records::{
    notice::{self, Weight},
    patient,
    resource::{self, marked},
    snapshot::{self, LeftOut},
};
use xinglin_runtime::{Interface, Plugin};
use xinglin_store::{Document, Executor, Install, TaskState, Tenant, TenantScope, TenantTx};

use super::{EnrolmentView, Occasion, Reply, hold, request, timer_projection, undecided, unless_passing, view};
use crate::{
    encounter,
    safety::{self, Found},
};

/// Most tasks of an enrolment that are open at a time: a project default, beyond what any person can do.
const MOST_OPEN_TASKS: i64 = 200;

/// An enrolment with the stored definition of its pathway, also when the plugin cannot be
/// called.
pub(super) struct Ready {
    pub(super) row: Option<Document<EnrolmentId>>,
    pub(super) enrolment: Enrolment,
    pub(super) definition: Definition,
    /// Compartments of everything written on behalf of the pathway.
    pub(super) compartments: Compartments,
}

pub(super) fn calls_for<'a>(
    extensions: &'a Extensions,
    records: &Tenant,
    ready: &Ready,
    occasion: &Occasion,
) -> Calls<'a> {
    let Enrolment { id, patient, .. } = ready.enrolment;
    Calls::new(extensions, records.id(), &occasion.request_id, occasion.now).of(patient, Purpose::Treatment).about(id)
}

/// Calls the pathway with an event and checks the answer. No transaction is open.
///
/// # Errors
/// Only if the store fails, which is not an answer of the pathway.
#[boxed]
pub(super) async fn ask(
    extensions: &Extensions,
    records: &Tenant,
    ready: &Ready,
    event: &Event,
    occasion: &Occasion,
    calls: &mut Calls<'_>,
) -> AppResult<Reply> {
    match proposal(extensions, records, ready, event, occasion, calls).await {
        Ok(accepted) => Ok(Reply::Accepted(accepted)),
        Err(error) => Ok(Reply::Nothing(unless_passing(error)?)),
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
    let (install, plugin) = install::pathway(extensions, records, &enrolment.plugin).await?;
    let migrated = match &enrolment.state {
        Some(State { version, .. })
            if *version != definition.state_version && plugin.interfaces().contains(&Interface::Migration) =>
        {
            Some(migrated(extensions, ready, (&install, &plugin), calls).await?)
        }
        _ => None,
    };
    let state = migrated.as_ref().or(enrolment.state.as_ref());
    let snapshot = snapshot::snapshot(
        &extensions.platform,
        records,
        (&enrolment.plugin, Purpose::Treatment),
        &definition.data_needs,
        enrolment.patient,
        LeftOut::NOTHING,
        now,
    )
    .await?;
    let holds = hold::of_patient(records, enrolment.patient).await?;
    let context = calls.context(&install, &plugin)?;
    let call = extensions.runtime().step(&plugin, context, state, event, &snapshot, now).await;
    let outcome = calls.took(&install, call).await?.map_err(|error| undecided(&error))?;
    Ok(enrolment.accept(definition, event, outcome, &holds, now)?)
}

/// What the plugin makes of a state that another version of it has left.
async fn migrated(
    extensions: &Extensions,
    Ready { enrolment, definition, .. }: &Ready,
    (install, plugin): (&Install, &Plugin),
    calls: &mut Calls<'_>,
) -> AppResult<State> {
    let left = enrolment.state.clone().unwrap_or(State { version: 0, data: Vec::new() });
    let context = calls.context(install, plugin)?;
    let call = extensions.runtime().migrate(plugin, context, &left, &enrolment.stage).await;
    let migrated = calls.took(install, call).await?.map_err(|error| undecided(&error))?;
    let known = definition.stages.iter().any(|stage| stage.code == migrated.stage);
    if migrated.state.version != definition.state_version || !known {
        let detail = "the state was migrated to another version, or to a stage that is not there";
        return Err(AppError::new(Code::PathwayProposal, detail));
    }
    Ok(migrated.state)
}

/// What makes the messages of a step unique.
#[derive(Debug, Clone, Copy)]
pub(super) enum Occurrence<'a> {
    /// The id of an event or a timer: its messages are sent once, however often it is tried.
    Of(&'a str),
    /// A timer that comes late, with others like it, because the clock jumped or the host was down:
    /// what several of them would say in the same words is said once a day.
    Late,
}

/// Applies an accepted proposal.
pub(super) async fn carry_out(
    tx: &TenantTx,
    ready: &Ready,
    accepted: Accepted,
    occasion: &Occasion,
    calls: &Calls<'_>,
    occurrence: Occurrence<'_>,
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
    let mut carrier = Carrier { tx, ready, now, occurrence, projections: Vec::new(), sent: 0 };
    // Visits are locked before patients.
    let (stops, others): (Vec<&Effect>, Vec<&Effect>) =
        accepted.effects.iter().partition(|effect| matches!(effect, Effect::StopVisit(_)));
    for effect in stops.into_iter().chain(others) {
        carrier.carry(effect).await?;
    }
    let mut projections = carrier.projections;
    projections.push(plan(&enrolment, &ready.definition));
    resource::project(tx, marked(last_of_each(projections), ready.compartments), now).await?;
    let calls = calls.write(tx).await?;
    view(tx, enrolment, accepted.effects, calls).await
}

/// Uses the definition stored with the installation: patients may answer while the plugin is
/// disabled.
pub(super) async fn ready<E: Executor>(records: &TenantScope<E>, id: EnrolmentId) -> AppResult<Ready> {
    let Stored::<_, Enrolment> { row, value: enrolment } = records.get_document(id).await?.try_into()?;
    let install = records.get_install(&enrolment.plugin).await?;
    let (definition, compartments) = (install::definition(&install)?, grant::compartments(&install)?);
    Ok(Ready { row: Some(row), enrolment, definition, compartments })
}

/// Applies effects one after the other within a transaction.
struct Carrier<'a> {
    tx: &'a TenantTx,
    ready: &'a Ready,
    now: Instant,
    occurrence: Occurrence<'a>,
    projections: Vec<Value>,
    sent: usize,
}

impl Carrier<'_> {
    async fn carry(&mut self, effect: &Effect) -> AppResult<()> {
        let Enrolment { id, patient, .. } = self.ready.enrolment;
        match effect {
            Effect::ScheduleTask(task) => self.schedule(task).await,
            Effect::CancelTask(code) => self.cancel(Some(code)).await,
            Effect::CancelAllTasks => self.cancel(None).await,
            Effect::Ask(question) => self.ask(question).await,
            Effect::SendMessage(message) => {
                self.send(json!({ "kind": "message", "text": filled(message) }), Weight::Ordinary).await
            }
            Effect::RaiseAlert(alert) => self.raise(alert.clone()).await,
            Effect::Refer(referral) => self.refer(referral).await,
            Effect::RequestLab(request) => self.request_lab(request).await,
            Effect::Contact(contact) => {
                let asked = AskedContact { enrolment: id, contact: contact.clone() };
                safety::open(self.tx, patient, Found::asked(asked, id.to_string()), self.now).await.map(drop)
            }
            Effect::StopVisit(Stop { code, .. }) => {
                let plugin = &self.ready.enrolment.plugin;
                encounter::stop_by_pathway(self.tx, patient, (plugin, code), self.now).await
            }
            Effect::Convene(team) => {
                let (asked, tracked) = team.followed();
                request::open(self.tx, self.ready, (asked, tracked, true), self.now).await
            }
            Effect::WithdrawRequest(code) => request::withdraw(self.tx, id, Some(code), self.now).await,
            Effect::WithdrawAllRequests => request::withdraw(self.tx, id, None, self.now).await,
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
                patient::lock(self.tx, record.patient).await?;
                self.projections.extend(hold::place(self.tx, record).await?);
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

    async fn cancel(&mut self, code: Option<&str>) -> AppResult<()> {
        for task in self.tx.cancel_tasks(self.ready.enrolment.id, code, self.now).await? {
            let record: TaskRecord = serde_json::from_value(task.body).map_err(AppError::internal)?;
            let record = TaskRecord { id: task.id, state: task::TaskState::Cancelled { at: self.now }, ..record };
            self.projections.push(timer_projection(self.ready, &record, self.now));
        }
        Ok(())
    }

    async fn schedule(&mut self, task: &Task) -> AppResult<()> {
        if self.tx.count_open_tasks(self.ready.enrolment.id, &task.code).await? >= MOST_OPEN_TASKS {
            return Err(ProposalError::TooManyTasks.into());
        }
        // Scheduling a code again moves it: nobody waits for its last occurrence any more.
        self.tx.forget_fired_tasks(self.ready.enrolment.id, &task.code).await?;
        self.projections.push(schedule(self.tx, self.ready, task, self.now).await?);
        Ok(())
    }

    async fn ask(&mut self, question: &Question) -> AppResult<()> {
        let (asked, tracked) = question.followed(self.now);
        request::open(self.tx, self.ready, (asked, tracked, question.reported), self.now).await?;
        if matches!(question.respondent, Role::Patient | Role::Guardian) {
            self.send(asking(self.ready, &question.questionnaire), Weight::Ordinary).await?;
        }
        Ok(())
    }

    async fn request_lab(&mut self, request: &LabRequest) -> AppResult<()> {
        let Enrolment { id, patient, .. } = self.ready.enrolment;
        let names: Vec<&str> = request.tests.iter().map(|test| test.display.as_deref().unwrap_or(&test.code)).collect();
        let names = names.join(", ");
        let message = LocalizedText::zh_en(&format!("建议开具检验：{names}"), &format!("tests wanted: {names}"));
        let order = fresh_lab_request();
        match request.followed(order.clone()) {
            Some((asked, tracked)) => request::open(self.tx, self.ready, (asked, tracked, true), self.now).await?,
            // Nobody follows it: it stays as it is.
            None => self.projections.push(xinglin_fhir::request::lab_request(&LabOrder {
                id: &order,
                enrolment: id,
                patient: &patient.to_string(),
                tests: &request.tests,
                status: LabStatus::Active,
                authored: self.now,
                by: None,
            })),
        }
        let mut alert = self.ready.notice("LAB_WANTED", Severity::Info, message, Role::Doctor, 3 * 24 * 60);
        if let Some((_, citation)) = &request.reason {
            alert.citation = citation.clone();
        }
        self.raise(alert).await
    }

    async fn send(&mut self, body: Value, weight: Weight) -> AppResult<()> {
        self.sent += 1;
        let id = self.ready.enrolment.id;
        let key = match self.occurrence {
            Occurrence::Of(salt) => format!("{id}/{salt}/{}", self.sent),
            Occurrence::Late => {
                let said = serde_json::to_vec(&body).map_err(AppError::internal)?;
                format!("{id}/late/{}/{}", self.now.china_day(), Digest::of_bytes(&said))
            }
        };
        send(self.tx, self.ready, (key, body), weight, self.now).await
    }

    async fn raise(&mut self, alert: Alert) -> AppResult<()> {
        let raised = raise(self.tx, &self.ready.enrolment, alert, self.now).await?;
        self.projections.extend(raised);
        Ok(())
    }

    async fn refer(&mut self, referral: &Referral) -> AppResult<()> {
        let place = match &referral.destination {
            Destination::Offline(_) => LocalizedText::zh_en("请到医院线下就诊。", "Please see a doctor in person."),
            Destination::Emergency => {
                LocalizedText::zh_en("请立即前往急诊或拨打120。", "Go to an emergency department now, or call 120.")
            }
            Destination::Multidisciplinary => {
                LocalizedText::zh_en("将由多学科团队为您会诊。", "A team of specialists will discuss your care.")
            }
        };
        let weight = match &referral.destination {
            Destination::Emergency => Weight::Urgent,
            Destination::Offline(_) | Destination::Multidisciplinary => Weight::Ordinary,
        };
        self.send(json!({ "kind": "referral", "text": place, "reason": referral.reason }), weight).await?;
        if let Some((asked, tracked)) = referral.followed() {
            request::open(self.tx, self.ready, (asked, tracked, true), self.now).await?;
        }
        let Some(days) = referral.recontact_days else { return Ok(()) };
        let minutes = u32::from(days).saturating_mul(24 * 60).max(1);
        let mut alert =
            self.ready.notice("RECONTACT", Severity::Warning, referral.reason.clone(), Role::Nurse, minutes);
        alert.citation = referral.citation.clone();
        self.raise(alert).await
    }
}

/// A message to the patient, once for each key. None to one who has died: the pathway ends in a moment.
async fn send(
    tx: &TenantTx,
    ready: &Ready,
    (key, body): (String, Value),
    weight: Weight,
    now: Instant,
) -> AppResult<()> {
    let patient = ready.enrolment.patient;
    if patient::has_died(tx, patient).await? {
        return Ok(());
    }
    notice::write(tx, (patient, key, body), (weight, None), now).await
}

fn asking(ready: &Ready, questionnaire: &str) -> Value {
    let asked = ready.definition.questionnaires.iter().find(|known| known.code == questionnaire);
    let title = asked.map(|questionnaire| questionnaire.title.clone()).unwrap_or_default();
    json!({ "kind": "questionnaire", "enrolment": ready.enrolment.id, "questionnaire": questionnaire, "text": title })
}

/// Asks the patient to answer a questionnaire, once for each key.
pub(super) async fn ask_patient(
    tx: &TenantTx,
    ready: &Ready,
    (questionnaire, key): (&str, String),
    now: Instant,
) -> AppResult<()> {
    send(tx, ready, (key, asking(ready, questionnaire)), Weight::Ordinary, now).await
}

/// Schedules a task; an open one of its code is moved. Returns its projection.
pub(super) async fn schedule(tx: &TenantTx, ready: &Ready, task: &Task, now: Instant) -> AppResult<Value> {
    let record = TaskRecord {
        id: TaskId::from_u128(ambient::fresh_id()),
        enrolment: ready.enrolment.id,
        patient: ready.enrolment.patient,
        task: task.clone(),
        state: task::TaskState::Open,
    };
    let row = xinglin_store::Task {
        id: record.id,
        enrolment_id: record.enrolment,
        patient_id: record.patient.to_string(),
        code: task.code.clone(),
        given_to: record.given_to().map(|role| role.as_str().to_owned()).unwrap_or_default(),
        due_at: task.due,
        state: TaskState::Open,
        body: serde_json::to_value(&record).map_err(AppError::internal)?,
        version: 0,
        created_at: now,
        updated_at: now,
    };
    let id = tx.schedule_task(&row).await?;
    let record = TaskRecord { id, ..record };
    notice::remind_later(tx, (record.patient, &id.to_string()), remind_of_task(&record, now)).await?;
    Ok(timer_projection(ready, &record, now))
}

impl Ready {
    /// An alert of the host's own.
    pub(crate) fn notice(
        &self,
        code: &str,
        severity: Severity,
        message: LocalizedText,
        owner: Role,
        sla_minutes: u32,
    ) -> Alert {
        let citation =
            Citation { title: "互联网诊疗监管细则（试行）".into(), section: None, year: 2022, url: None };
        Alert { code: code.into(), severity, message, owner, sla_minutes, escalation: Vec::new(), citation }
    }
}

/// Raises an alert, unless an equal one is open. Returns its projection.
#[boxed]
pub(super) async fn raise(
    tx: &TenantTx,
    enrolment: &Enrolment,
    alert: Alert,
    now: Instant,
) -> AppResult<Option<Value>> {
    let query = xinglin_store::AlertQuery {
        patient_id: Some(enrolment.patient.to_string()),
        enrolment_id: Some(enrolment.id),
        code: Some(alert.code.clone()),
        state: Some("open".into()),
        ..xinglin_store::AlertQuery::default()
    };
    for row in tx.list_alerts(&query, None, 500).await? {
        if crate::alert::record(row)?.alert == alert {
            return Ok(None);
        }
    }
    let record = AlertRecord {
        id: AlertId::from_u128(ambient::fresh_id()),
        source: AlertSource::Enrolment(enrolment.id),
        patient: enrolment.patient,
        alert,
        raised: now,
        acknowledged: None,
        escalated: Vec::new(),
        clock: xinglin_domain::enrolment::alert::Clock::default(),
    };
    tracing::warn!(alert = %record.id, code = record.alert.code, deadline = %record.deadline(), "alert raised");
    crate::alert::insert(tx, &record).await?;
    Ok(Some(crate::alert::projection(&record, &enrolment.pathway)))
}

/// What is scheduled and taken back in one step is written once.
fn last_of_each(projections: Vec<Value>) -> Vec<Value> {
    let mut seen = HashSet::new();
    let key = |resource: &Value| (resource["resourceType"].to_string(), resource["id"].to_string());
    let mut last: Vec<Value> = projections.into_iter().rev().filter(|resource| seen.insert(key(resource))).collect();
    last.reverse();
    last
}

fn fresh_lab_request() -> String {
    format!("{}-{:032x}", project::LAB_REQUEST, ambient::fresh_id())
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
            Some(EndCause::Withdrawn | EndCause::NoLongerTreated) => project::EnrolmentStatus::Withdrawn,
        },
        started: enrolment.enrolled,
        ended: enrolment.ended.as_ref().map(|ended| ended.at),
    })
}

/// The text with its arguments substituted for `{name}`.
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
