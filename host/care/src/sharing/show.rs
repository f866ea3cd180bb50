use xinglin_domain::{
    access::{Action, Role},
    compartment::Compartments,
    enrolment::{Enrolment, TaskRecord},
    id::{EnrolmentId, PatientId},
    part::{Part, Parts},
    relation::Kind,
    sharing::{Shared, danger_with_kin, with_kin},
};
use xinglin_extensions::{Extensions, install};
use xinglin_platform::{AppError, AppResult, Caller, acting, boxed, document::Stored, settings::settings};
use xinglin_records::{consent, patient as records_of_patient};
use xinglin_store::{DocumentQuery, TaskQuery, Tenant};

use super::{Ground, SharedDanger, SharedPathway, SharedStatus, SharedTask, SharedView};
use crate::{panel, safety};

/// Most pathways that are shown, and most tasks of each.
const MOST: u32 = 50;

/// What the patient, or the law, lets the caller see as family, guardian or emergency contact.
///
/// # Errors
/// `NOT_FOUND` if nothing: not told from a patient whom there is not.
#[boxed]
pub async fn show(extensions: &Extensions, caller: &Caller, patient: PatientId) -> AppResult<SharedView> {
    caller.may(Action::ReadShared)?;
    caller.trail.saw(patient);
    let none = || AppError::not_found("patient", patient);
    let records = extensions.platform.records(caller);
    let kinds = acting::kinship(&records, caller.actor.account, patient, caller.now).await?;
    if kinds.is_empty() || caller.is_beyond(Some(patient)) {
        return Err(none());
    }
    let consents = consent::of_patient(&records, patient).await?;
    let consenters = acting::consenters(&records, patient, caller.now).await?;
    let query = DocumentQuery { patient_id: Some(patient.to_string()), ..DocumentQuery::default() };
    let mut pathways = Vec::new();
    for row in records.list_documents::<EnrolmentId>(&query, None, MOST).await? {
        let Stored::<_, Enrolment> { value: enrolment, .. } = row.try_into()?;
        let known = consent::compartments_if_known(&records, &enrolment.plugin).await?;
        let Some(labels) = known else { continue };
        let of = (enrolment.id, labels);
        let shared = with_kin(&consents, caller.actor.account, of, &consenters, caller.now);
        pathways.extend(pathway(extensions, caller, (enrolment, labels), shared).await?);
    }
    let ground = match caller.actor.acts_wholly_for(patient) {
        true => Some(Ground::Guardian),
        false => danger_with_kin(&consents, caller.actor.account, &consenters, caller.now)
            .map(|consent| Ground::Consent { consent }),
    };
    let called = kinds.iter().any(|kind| matches!(kind, Kind::Guardian | Kind::EmergencyContact));
    let danger = match ground.filter(|_| called) {
        Some(ground) => Some(danger(&records, patient, ground).await?),
        None => None,
    };
    if pathways.is_empty() && danger.is_none() && !caller.actor.acts_for(patient) {
        return Err(none());
    }
    Ok(SharedView { patient, pathways, danger })
}

async fn pathway(
    extensions: &Extensions,
    caller: &Caller,
    (enrolment, labels): (Enrolment, Compartments),
    shared: Shared,
) -> AppResult<Option<SharedPathway>> {
    let patient = enrolment.patient;
    let actor = &caller.actor;
    let by_law = actor.acts_wholly_for(patient) || (actor.acts_for(patient) && labels.is_empty());
    let parts = if by_law { Parts::OF_KIN } else { shared.parts };
    if parts.is_empty() {
        return Ok(None);
    }
    let records = extensions.platform.records(caller);
    let id = enrolment.id;
    let status = match parts.contains(Part::Status) {
        true => Some(status(&records, &enrolment).await?),
        false => None,
    };
    let tasks = match parts.contains(Part::Tasks) {
        true => Some(tasks(&records, &enrolment).await?),
        false => None,
    };
    let panel = match parts.contains(Part::Panel) {
        true if by_law => Some(panel::show(extensions, caller, id).await?),
        true => Some(panel::show_to_kin(extensions, caller, enrolment, shared.panel).await?),
        false => None,
    };
    let by_consent = shared.consents.into_iter().map(|consent| Ground::Consent { consent });
    let grounds = by_law.then_some(Ground::Guardian).into_iter().chain(by_consent).collect();
    Ok(Some(SharedPathway { enrolment: id, grounds, status, tasks, panel }))
}

async fn status(records: &Tenant, enrolment: &Enrolment) -> AppResult<SharedStatus> {
    let definition = install::definition(&records.get_install(&enrolment.plugin).await?)?;
    let stage = definition.stages.iter().find(|stage| stage.code == enrolment.stage);
    Ok(SharedStatus {
        stage: stage.map(|stage| stage.title.clone()).unwrap_or_default(),
        pathway: definition.title,
        since: enrolment.enrolled.to_string(),
        ended: enrolment.ended.as_ref().map(|ended| ended.at.to_string()),
    })
}

/// Tasks that the patient, or who acts for them, can do; none whose time is over, and no bare timer.
async fn tasks(records: &Tenant, enrolment: &Enrolment) -> AppResult<Vec<SharedTask>> {
    if !enrolment.is_active() {
        return Ok(Vec::new());
    }
    let query = TaskQuery {
        roles: vec![Role::Patient.as_str().to_owned()],
        patient_id: Some(enrolment.patient.to_string()),
        enrolment: Some(enrolment.id),
        due_by: None,
    };
    let rows = records.list_given_tasks(&query, None, MOST).await?.into_iter();
    rows.map(|row| {
        let record: TaskRecord = serde_json::from_value(row.body).map_err(AppError::internal)?;
        Ok(SharedTask { task: row.id, title: record.task.title, due: record.task.due.to_string() })
    })
    .collect()
}

async fn danger(records: &Tenant, patient: PatientId, ground: Ground) -> AppResult<SharedDanger> {
    let mut since = None;
    for record in records_of_patient::records_of(records, patient).await? {
        for open in safety::open_of(records, record).await? {
            since = since.into_iter().chain([open.row.created_at]).min();
        }
    }
    let lines = match since {
        Some(_) => settings(records).await?.help.lines,
        None => Vec::new(),
    };
    Ok(SharedDanger { ground, open: since.is_some(), since: since.map(|at| at.to_string()), lines })
}
