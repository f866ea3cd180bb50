use std::collections::BTreeMap;

use xinglin_domain::{
    access::Action,
    code::Code,
    coding::LocalizedText,
    compartment::Compartments,
    consent::Purpose,
    enrolment::{Enrolment, TaskRecord},
    id::EnrolmentId,
    panel::{Act, Block, MAX_TASKS, OpenTask, Panel, PanelError, Standing, Viewer},
    pathway::{Definition, Questionnaire},
};
use xinglin_extensions::{Extensions, call::Calls, install};
use xinglin_platform::{AppError, AppResult, Caller, boxed, document::Stored, settings::settings};
use xinglin_records::{
    consent::{self, RecordAccess},
    snapshot::{self, LeftOut},
};
use xinglin_runtime::Interface;
use xinglin_store::{TaskState, Tenant};

use super::{Absence, PanelPlugin, PanelView, Shown};

/// Of how many tasks that can be done those of a panel are chosen.
const MOST_READ: u32 = 500;

/// The panel of an enrolment, for the caller. It rests on what the caller may read: compartments of the
/// record that are closed to them are left out of what the plugin is given. Failure class of the plugin:
/// open, the answer has no blocks and says why. The call is recorded on tape; what the plugin writes is
/// discarded.
///
/// # Errors
/// If there is no enrolment that the caller may see.
#[tracing::instrument(target = "xinglin::trace", name = "show_panel", skip_all)]
#[boxed]
pub async fn show(extensions: &Extensions, caller: &Caller, id: EnrolmentId) -> AppResult<PanelView> {
    let platform = &extensions.platform;
    let records = platform.records(caller);
    let Stored::<_, Enrolment> { value: enrolment, .. } = records.get_document(id).await?.try_into()?;
    let patient = enrolment.patient;
    let labels = consent::compartments_of(&records, &enrolment.plugin).await?;
    let author = enrolment.enrolled_by == caller.actor.account;
    consent::may_open(platform, caller, patient, (labels, author), "enrolment", id).await?;
    let access = consent::record_access(platform, caller, patient).await?;
    let viewer = viewer(caller, &enrolment);
    render(extensions, caller, enrolment, (labels, access), (viewer, true)).await
}

/// The panel of an enrolment for an account of the family to whom the patient opened it, with these compartments: as a
/// guardian sees it, without what only the patient or a guardian may start. The caller has checked the consent.
///
/// # Errors
/// If the store fails.
#[boxed]
pub(crate) async fn show_to_kin(
    extensions: &Extensions,
    caller: &Caller,
    enrolment: Enrolment,
    named: Compartments,
) -> AppResult<PanelView> {
    let platform = &extensions.platform;
    let labels = consent::compartments_of(&platform.records(caller), &enrolment.plugin).await?;
    let known = consent::record_access(platform, caller, enrolment.patient).await?;
    let closed = known.closed.iter().filter(|one| !named.contains(*one)).collect();
    let access = RecordAccess { record: true, closed };
    render(extensions, caller, enrolment, (labels, access), (Viewer::Guardian, false)).await
}

/// The panel, as `access` shows the record. Who does not act is offered no form and no task.
async fn render(
    extensions: &Extensions,
    caller: &Caller,
    enrolment: Enrolment,
    (labels, access): (Compartments, RecordAccess),
    (viewer, acts): (Viewer, bool),
) -> AppResult<PanelView> {
    let records = extensions.platform.records(caller);
    let (id, patient) = (enrolment.id, enrolment.patient);
    let definition = install::definition(&records.get_install(&enrolment.plugin).await?)?;
    let restricted = !labels.is_empty();
    let calls = Calls::new(extensions, records.id(), &caller.request_id, caller.now)
        .of(patient, Purpose::Treatment)
        .about(id)
        .restricted(restricted);
    let discreet = restricted && viewer != Viewer::Clinician;
    // Its title says what it is for.
    let title = if discreet { LocalizedText::zh_en("我的随访", "My follow-up") } else { definition.title.clone() };
    let mut asking = Asking {
        extensions,
        caller,
        records,
        enrolment,
        definition,
        access,
        discreet,
        viewer,
        acts,
        calls,
        version: None,
    };
    let (blocks, reason) = match asking.access.record && asking.access.shows(labels) {
        false => (Vec::new(), Some(Absence::withheld())),
        true => match asking.blocks().await {
            Ok(blocks) => (blocks, None),
            Err(error) => (Vec::new(), Some(absence(error)?)),
        },
    };
    let Asking { enrolment, calls, version, .. } = asking;
    let plugin = PanelPlugin { id: enrolment.plugin, version, title };
    Ok(PanelView { enrolment: id, patient, viewer, plugin, discreet, blocks, reason, calls: calls.views() })
}

/// Who acts for the patient is their guardian; who may see the enrolment otherwise treats them.
fn viewer(caller: &Caller, enrolment: &Enrolment) -> Viewer {
    match caller.actor.acts_for(enrolment.patient) {
        true if caller.actor.patients.contains(&enrolment.patient) => Viewer::Patient,
        true => Viewer::Guardian,
        false => Viewer::Clinician,
    }
}

/// Why there is no panel.
///
/// # Errors
/// If the fault is the store's, and passes.
fn absence(error: AppError) -> AppResult<Absence> {
    let absence = match error.code {
        Code::StoreUnavailable | Code::VersionConflict => return Err(error),
        Code::NotFound | Code::PluginRecalled => Absence::disabled(),
        Code::PluginInterface => Absence::not_offered(),
        Code::PathwayUndecided => Absence::missing_data(),
        _ => Absence::failed(),
    };
    tracing::warn!(%error, reason = absence.code, "a page is shown without its panel");
    Ok(absence)
}

/// A panel that is being made.
struct Asking<'a> {
    extensions: &'a Extensions,
    caller: &'a Caller,
    records: Tenant,
    enrolment: Enrolment,
    definition: Definition,
    access: RecordAccess,
    /// Whether the pathway is restricted, and the reader is not of the care team.
    discreet: bool,
    viewer: Viewer,
    /// Whether the reader may be offered forms and tasks.
    acts: bool,
    calls: Calls<'a>,
    version: Option<String>,
}

impl Asking<'_> {
    async fn blocks(&mut self) -> AppResult<Vec<Shown>> {
        let (enrolment, records, now) = (&self.enrolment, &self.records, self.caller.now);
        let (install, plugin) =
            install::one_playing(self.extensions, records, &enrolment.plugin, Interface::Panel).await?;
        self.version = Some(plugin.manifest().version.to_string());
        let left_out = LeftOut { compartments: self.access.closed, ..LeftOut::NOTHING };
        let snapshot = snapshot::snapshot(
            &self.extensions.platform,
            records,
            (&enrolment.plugin, Purpose::Treatment),
            &self.definition.data_needs,
            enrolment.patient,
            left_out,
            now,
        )
        .await?;
        let tasks = self.pending().await?;
        let standing = Standing {
            stage: enrolment.stage.clone(),
            enrolled: enrolment.enrolled,
            active: enrolment.is_active(),
            state: enrolment.state.clone(),
            tasks: tasks.iter().map(open).collect(),
        };
        let codes: Vec<String> = self.definition.questionnaires.iter().map(|known| known.code.clone()).collect();
        let context = self.calls.context_without(&install, &plugin, left_out)?;
        let runtime = self.extensions.runtime();
        let call = runtime.render_panel(&plugin, context, (&standing, &codes), &snapshot, self.viewer, now).await;
        match self.calls.took(&install, call).await? {
            Ok(panel) => self.shown(panel, &tasks).await,
            Err(PanelError::MissingData(_)) => {
                Err(AppError::new(Code::PathwayUndecided, "the plugin lacks data for its panel"))
            }
            Err(PanelError::Other(why)) => Err(AppError::internal(format!("the plugin has no panel: {why}"))),
        }
    }

    /// Tasks that can be done, soonest first, and each code once: its last occurrence that is due, else the next. Of those
    /// that are due only what people do.
    async fn pending(&self) -> AppResult<Vec<TaskRecord>> {
        if !self.enrolment.is_active() {
            return Ok(Vec::new());
        }
        let patient = self.enrolment.patient.to_string();
        // The latest due first.
        let rows = self.records.list_enrolment_tasks((self.enrolment.id, &patient), true, MOST_READ).await?;
        let mut pending: BTreeMap<String, TaskRecord> = BTreeMap::new();
        for row in rows {
            let record: TaskRecord = serde_json::from_value(row.body).map_err(AppError::internal)?;
            let record = TaskRecord { id: row.id, ..record };
            if row.state == TaskState::Fired && record.task.window_minutes == 0 {
                continue;
            }
            match pending.get(&record.task.code) {
                Some(known) if known.task.due <= self.caller.now => {}
                _ => drop(pending.insert(record.task.code.clone(), record)),
            }
        }
        let mut pending: Vec<TaskRecord> = pending.into_values().collect();
        pending.sort_by_key(|record| (record.task.due, record.id));
        pending.truncate(MAX_TASKS);
        Ok(pending)
    }

    /// What the reader may start stays; the words of the host's own blocks are the host's.
    /// Of a restricted pathway the patient's own screen names no source, as their titles name illnesses.
    async fn shown(&self, panel: Panel, tasks: &[TaskRecord]) -> AppResult<Vec<Shown>> {
        let discreet = self.discreet;
        let Panel(blocks) = if discreet { panel.discreet() } else { panel };
        let answers = self.acts && self.enrolment.is_active() && self.caller.may(Action::AnswerQuestionnaire).is_ok();
        let mut shown = Vec::with_capacity(blocks.len());
        for block in blocks {
            shown.extend(match block {
                Block::Text(text) => Some(Shown::Text(text)),
                Block::Metric(metric) => Some(Shown::Metric(metric)),
                Block::Series(series) => Some(Shown::Series(series)),
                Block::Table(table) => Some(Shown::Table(table)),
                Block::Form(code) => {
                    let known = self.definition.questionnaires.iter().find(|known| known.code == code);
                    // What is done about answers is for staff.
                    let form = |known: &Questionnaire| {
                        let citation = known.citation.clone().filter(|_| !discreet);
                        let safeguards = Vec::new();
                        Shown::Form { questionnaire: Questionnaire { citation, safeguards, ..known.clone() } }
                    };
                    known.filter(|_| answers).map(form)
                }
                Block::Action(Act::DoTask(code)) => tasks.iter().find(|one| one.task.code == code).and_then(|one| {
                    let theirs = one.clone().done(&self.caller.actor, self.caller.now).is_ok();
                    let task = || Shown::Task { task: one.id, title: one.task.title.clone(), due: one.task.due };
                    (self.acts && theirs && self.caller.may(Action::CompleteTask).is_ok()).then(task)
                }),
                Block::Action(Act::Call) => Some(Shown::Help { help: settings(&self.records).await?.help }),
            });
        }
        Ok(shown)
    }
}

fn open(record: &TaskRecord) -> OpenTask {
    OpenTask { code: record.task.code.clone(), title: record.task.title.clone(), due: record.task.due }
}
