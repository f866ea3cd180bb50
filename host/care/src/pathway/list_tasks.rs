use std::{
    collections::{BTreeSet, HashMap},
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    access::{Action, Role},
    code::Code,
    coding::LocalizedText,
    enrolment::{
        TaskRecord,
        task::{self, OVERDUE_DAYS},
    },
    id::{EnrolmentId, PatientId, TaskId},
    identity::IdentityField,
    time::Instant,
};
use xinglin_fhir::person;
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, document};
use xinglin_store::{Cursor, ResourceQuery, Task, TaskQuery, TaskState, Tenant};

use super::known::Known;

/// Most tasks of a page.
const MOST: u32 = 500;

/// Fewest rows that are read at once.
const AT_ONCE: u32 = 100;

/// How often more are read for one page, if what was read is closed to the caller: a project default.
const MOST_READS: usize = 8;

/// Most patients that are read at once.
const PATIENTS_AT_ONCE: usize = 200;

/// A task that is given to a role of the caller.
#[derive(Serialize, ToSchema)]
pub struct TaskView {
    /// `task-…`: done at `/api/v1/tasks/{id}/done`, given up at `…/decline`.
    #[schema(value_type = String)]
    pub id: TaskId,
    /// The patient.
    #[schema(value_type = String)]
    pub patient: PatientId,
    /// The patient's name, for those who may read records, and the enrolment if it is restricted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient_name: Option<String>,
    /// The enrolment, for those who may read it.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enrolment: Option<EnrolmentId>,
    /// Code of the task in its pathway.
    pub code: String,
    /// What is to be done.
    #[schema(value_type = Vec<Object>)]
    pub title: LocalizedText,
    /// The role that it is given to.
    pub role: &'static str,
    /// When it is due (RFC 3339).
    pub due: String,
    /// Until when it counts as done in time (RFC 3339).
    pub until: String,
    /// Whether it is due.
    pub is_due: bool,
    /// Whether it was due a day ago or before.
    pub overdue: bool,
}

/// A page of a list of tasks.
#[derive(Serialize, ToSchema)]
pub struct TaskList {
    /// The first that is due first.
    pub tasks: Vec<TaskView>,
    /// Pass it as `after` for the next page; absent at the end. A page may be short before the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Which tasks.
#[derive(Debug, Clone, Copy, Default)]
pub struct TaskFilter {
    /// Given to this role.
    pub role: Option<Role>,
    /// Only those that were due a day ago or before.
    pub overdue: bool,
    /// Of this patient.
    pub patient: Option<PatientId>,
}

/// Place in the list: when the last task of a page is due, and its id. It stays where it is, whatever becomes of the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct TaskPlace {
    due: Instant,
    task: TaskId,
}

impl FromStr for TaskPlace {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "pass the `next` of a page";
        let (due, task) = text.split_once('.').ok_or(FORM)?;
        let due = due.parse().map_err(|_| FORM)?;
        Ok(Self { due: Instant::from_micros(due), task: task.parse().map_err(|_| FORM)? })
    }
}

impl TryFrom<String> for TaskPlace {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl std::fmt::Display for TaskPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.due.micros(), self.task)
    }
}

/// A page of the tasks of pathways that are given to a role which the caller has in force, the first that is due first:
/// those to come, and those that are due and have time left. Nothing that is about the caller or a ward, and no bare timer.
/// Of a restricted pathway only those of patients who have opened the compartment to the caller, or whom the caller treats
/// in it: a role alone opens none. Who reads no records is shown the task and nothing else. Only what is shown counts as an
/// access to the record.
///
/// # Errors
/// If the caller has no tasks; `AUTH_FORBIDDEN` if the role of the filter is none of theirs in force.
#[tracing::instrument(target = "xinglin::trace", skip_all)]
#[boxed]
pub async fn list_tasks(
    platform: &Platform,
    caller: &Caller,
    filter: TaskFilter,
    (after, limit): (Option<TaskPlace>, u32),
) -> AppResult<TaskList> {
    caller.may(Action::CompleteTask)?;
    let roles = roles(caller, filter.role)?;
    if roles.is_empty() {
        return Ok(TaskList { tasks: Vec::new(), next: None });
    }
    let query = TaskQuery {
        roles,
        patient_id: filter.patient.map(|patient| patient.to_string()),
        enrolment: None,
        due_by: filter.overdue.then(|| caller.now.plus_days(-OVERDUE_DAYS)),
    };
    let records = platform.records(caller);
    let limit = limit.clamp(1, MOST);
    let (at_once, wanted) = (limit.max(AT_ONCE), usize::try_from(limit).unwrap_or(usize::MAX));
    let mut place = after;
    let (mut known, mut shown) = (Known::default(), Vec::new());
    let mut more = true;
    'reads: for _ in 0..MOST_READS {
        let cursor = place.map(|place| Cursor { at: place.due, id: place.task.to_string() });
        let rows = records.list_given_tasks(&query, cursor.as_ref(), at_once).await?;
        more = rows.len() >= usize::try_from(at_once).unwrap_or(usize::MAX);
        let found = rows.into_iter().map(record).collect::<AppResult<Vec<_>>>()?;
        let mine = found.iter().filter(|record| record.is_given_to(&caller.actor, caller.now));
        let openings = known.read(platform, caller, mine.map(|record| (record.enrolment, record.patient))).await?;
        for record in found {
            place = Some(TaskPlace { due: record.task.due, task: record.id });
            if !record.is_given_to(&caller.actor, caller.now) {
                continue;
            }
            let document = known.document(record.enrolment)?;
            let reads = openings.opens(record.patient, document);
            if reads || openings.opens_part(record.patient, document.0) {
                openings.note(record.patient, document.0);
                shown.push(Shown { reads, named: reads || document.0.is_empty(), record });
            }
            if shown.len() >= wanted {
                more = true;
                break 'reads;
            }
        }
        if !more {
            break;
        }
    }
    let names = names(&records, caller, &shown).await?;
    let tasks = shown.into_iter().map(|one| view(one, &names, caller.now)).collect();
    Ok(TaskList { tasks, next: place.filter(|_| more).map(|place| place.to_string()) })
}

/// The roles of staff that the caller has in force, or the one that was asked for.
fn roles(caller: &Caller, asked: Option<Role>) -> AppResult<Vec<String>> {
    let staff = caller.actor.live_roles(caller.now).into_iter().filter(|role| *role != Role::Patient);
    let roles: Vec<String> =
        staff.filter(|role| asked.is_none_or(|asked| asked == *role)).map(|role| role.as_str().to_owned()).collect();
    match asked {
        Some(asked) if roles.is_empty() => {
            let detail = format!("`{}` is no role that this account has in force", asked.as_str());
            Err(AppError::new(Code::AuthForbidden, detail))
        }
        _ => Ok(roles),
    }
}

/// As it is by now: the row says in what state it is, and under what id.
fn record(row: Task) -> AppResult<TaskRecord> {
    let record: TaskRecord = serde_json::from_value(row.body).map_err(AppError::internal)?;
    let state = match row.state {
        TaskState::Open => task::TaskState::Open,
        TaskState::Fired => task::TaskState::Fired { at: row.updated_at },
        TaskState::Done | TaskState::Cancelled => task::TaskState::Cancelled { at: row.updated_at },
    };
    Ok(TaskRecord { id: row.id, state, ..record })
}

/// A task that is shown.
struct Shown {
    record: TaskRecord,
    /// Whether the caller may read its enrolment.
    reads: bool,
    /// Whether the patient is named to who may read records: not by a restricted pathway that they may not read.
    named: bool,
}

/// The names of the patients, if the caller may read records.
async fn names(records: &Tenant, caller: &Caller, shown: &[Shown]) -> AppResult<HashMap<PatientId, String>> {
    let mut names = HashMap::new();
    if caller.may(Action::ReadRecords).is_err() {
        return Ok(names);
    }
    let patients: BTreeSet<PatientId> = shown.iter().filter(|one| one.named).map(|one| one.record.patient).collect();
    let ids: Vec<String> = patients.iter().map(ToString::to_string).collect();
    for ids in ids.chunks(PATIENTS_AT_ONCE) {
        let query = ResourceQuery { kind: "Patient".to_owned(), ids: ids.to_vec(), ..ResourceQuery::default() };
        let most = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        for row in records.list_resources(&query, None, most).await? {
            let name = person::field(&document::value(&row)?, IdentityField::Name);
            if let (Ok(id), Some(name)) = (row.id.parse(), name) {
                names.insert(id, name);
            }
        }
    }
    Ok(names)
}

fn view(Shown { record, reads, named }: Shown, names: &HashMap<PatientId, String>, now: Instant) -> TaskView {
    TaskView {
        id: record.id,
        patient: record.patient,
        patient_name: names.get(&record.patient).filter(|_| named).cloned(),
        enrolment: reads.then_some(record.enrolment),
        role: Role::from(record.task.owner).as_str(),
        due: record.task.due.to_string(),
        until: record.deadline().to_string(),
        is_due: record.task.due <= now,
        overdue: record.overdue_from() <= now,
        code: record.task.code,
        title: record.task.title,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_written() {
        let place = TaskPlace { due: Instant::from_micros(1_790_000_000_000_000), task: TaskId::from_u128(7) };
        assert_eq!(place.to_string().parse(), Ok(place));
        for wrong in ["", "7", "x.task-1", "1.", &format!(".{}", place.task), "99999999999999999999.x"] {
            assert!(wrong.parse::<TaskPlace>().is_err(), "{wrong}");
        }
    }
}
