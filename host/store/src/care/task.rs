//! Durable timers. Each open task has its work in [`Queue::Timer`], under its own id, and so has a
//! fired one for as long as its pathway is to be told that it is not done.

use std::str::FromStr;

use serde_json::Value;
use xinglin_domain::{
    id::{EnrolmentId, TaskId},
    time::Instant,
};

use crate::{
    Cursor, Executor, Queue, Result, StoreError, TenantScope, TenantTx, Work,
    db::{Arg, Row, Sql, args},
};

/// State of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskState {
    /// Not yet due or not yet fired.
    Open,
    /// It was due, and the pathway processed it.
    Fired,
    /// Done by somebody.
    Done,
    /// Cancelled.
    Cancelled,
}

impl TaskState {
    /// The stored form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Fired => "fired",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }
}

impl FromStr for TaskState {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Open, Self::Fired, Self::Done, Self::Cancelled]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| StoreError::corrupt(format!("task state `{text}`")))
    }
}

/// A task of a pathway.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// Its enrolment.
    pub enrolment_id: EnrolmentId,
    /// FHIR id of the patient.
    pub patient_id: String,
    /// Unique among the enrolment's open tasks.
    pub code: String,
    /// The role that it is given to; empty for a bare timer, which is nobody's.
    pub given_to: String,
    /// When it is due.
    pub due_at: Instant,
    /// Its state.
    pub state: TaskState,
    /// The domain value, as JSON.
    pub body: Value,
    /// The version that was read; 0 if not stored.
    pub version: i64,
    /// When it was first scheduled.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

impl TryFrom<&Row> for Task {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.get("task_id")?,
            enrolment_id: row.get("enrolment_id")?,
            patient_id: row.get("patient_id")?,
            code: row.get("code")?,
            given_to: row.get("given_to")?,
            due_at: row.get("due_at")?,
            state: row.get::<String>("state")?.parse()?,
            body: row.json("body")?,
            version: row.get("version")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

/// A filter of tasks that wait for somebody. All conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskQuery {
    /// Given to one of these roles; never empty.
    pub roles: Vec<String>,
    /// Of this patient.
    pub patient_id: Option<String>,
    /// Of this enrolment.
    pub enrolment: Option<EnrolmentId>,
    /// Due at this moment or before.
    pub due_by: Option<Instant>,
}

impl<E: Executor> TenantScope<E> {
    /// A page of the matching tasks that are not due yet, or are due and have time left, the first that is due first. A
    /// fired one that no work waits for is history. `after` is when the last task of the page before is due, with its id.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_given_tasks(&self, query: &TaskQuery, after: Option<&Cursor>, limit: u32) -> Result<Vec<Task>> {
        let text = "SELECT t.* FROM task t WHERE t.tenant_id = $1 AND t.state IN ('open', 'fired')
                    AND (t.state = 'open' OR EXISTS (SELECT 1 FROM work w WHERE w.tenant_id = $1
                         AND w.queue = 'timer' AND w.work_id = t.task_id))
                    AND t.given_to IN ";
        let mut sql = Sql::new(text, args![self.tenant]);
        sql.bind_all(&query.roles);
        if let Some(patient) = &query.patient_id {
            sql.push(" AND t.patient_id = ").bind(patient);
        }
        if let Some(enrolment) = query.enrolment {
            sql.push(" AND t.enrolment_id = ").bind(enrolment);
        }
        if let Some(by) = query.due_by {
            sql.push(" AND t.due_at <= ").bind(by);
        }
        if let Some(Cursor { at, id }) = after {
            sql.push(" AND (t.due_at, t.task_id) > (").bind(*at).push(", ").bind(id).push(")");
        }
        sql.push(" ORDER BY t.due_at, t.task_id LIMIT ").bind(limit);
        self.exec.rows(sql).await?.iter().map(TryInto::try_into).collect()
    }

    /// One task.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_task(&self, task: TaskId) -> Result<Task> {
        let sql = "SELECT * FROM task WHERE tenant_id = $1 AND task_id = $2";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, task])).await?;
        (&row.ok_or_else(|| StoreError::not_found("task", task))?).try_into()
    }

    /// A patient's tasks in one state, or all, the earliest due first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_tasks(&self, patient_id: &str, state: Option<TaskState>, limit: u32) -> Result<Vec<Task>> {
        let mut sql =
            Sql::new("SELECT * FROM task WHERE tenant_id = $1 AND patient_id = $2", args![self.tenant, patient_id]);
        if let Some(state) = state {
            sql.push(" AND state = ").bind(state.as_str());
        }
        sql.push(" ORDER BY due_at, task_id LIMIT ").bind(limit);
        self.exec.rows(sql).await?.iter().map(TryInto::try_into).collect()
    }

    /// Tasks of one enrolment, the latest due first: all, or only those that can still be done (`pending`).
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_enrolment_tasks(
        &self,
        (enrolment, patient_id): (EnrolmentId, &str),
        pending: bool,
        limit: u32,
    ) -> Result<Vec<Task>> {
        let text = "SELECT * FROM task WHERE tenant_id = $1 AND patient_id = $2 AND enrolment_id = $3";
        let mut sql = Sql::new(text, args![self.tenant, patient_id, enrolment]);
        if pending {
            sql.push(" AND state IN ('open', 'fired')");
        }
        sql.push(" ORDER BY due_at DESC, task_id DESC LIMIT ").bind(limit);
        self.exec.rows(sql).await?.iter().map(TryInto::try_into).collect()
    }

    /// How many tasks of an enrolment are not due yet, besides those of a code.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn count_open_tasks(&self, enrolment: EnrolmentId, besides: &str) -> Result<i64> {
        let sql = "SELECT COUNT(*) AS open FROM task
                   WHERE tenant_id = $1 AND enrolment_id = $2 AND state = 'open' AND code <> $3";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, enrolment, besides])).await?;
        row.map_or(Ok(0), |row| row.get("open"))
    }
}

impl TenantTx {
    /// Schedules a task. If the enrolment has an open task with this code, that one is rescheduled
    /// and keeps its id. Returns the id.
    ///
    /// # Errors
    /// `Reference` if there is no such enrolment.
    pub async fn schedule_task(&self, task: &Task) -> Result<TaskId> {
        let sql = "INSERT INTO task (tenant_id, task_id, enrolment_id, patient_id, code, due_at, state, body,
                                     version, created_at, updated_at, given_to)
                   VALUES ($1, $2, $3, $4, $5, $6, 'open', $7, 1, $8, $9, $10)
                   ON CONFLICT (tenant_id, enrolment_id, code) WHERE state = 'open' DO UPDATE
                   SET due_at = excluded.due_at, body = excluded.body, updated_at = excluded.updated_at,
                       given_to = excluded.given_to, version = task.version + 1
                   RETURNING task_id";
        let args = args![
            self.tenant,
            task.id,
            task.enrolment_id,
            &task.patient_id,
            &task.code,
            task.due_at,
            Arg::json(&task.body)?,
            task.created_at,
            task.updated_at,
            &task.given_to
        ];
        let row = self.exec.row(Sql::new(sql, args)).await?;
        let id = row.ok_or_else(|| StoreError::corrupt("a task was neither stored nor moved"))?.get("task_id")?;
        self.put_work(&[Work::new(Queue::Timer, id, task.enrolment_id, task.due_at)]).await?;
        Ok(id)
    }

    /// Cancels an enrolment's tasks that have work, or those of them with this code; returns them as
    /// they are now.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn cancel_tasks(&self, enrolment: EnrolmentId, code: Option<&str>, at: Instant) -> Result<Vec<Task>> {
        let mut sql = Sql::new(
            "UPDATE task SET state = 'cancelled', updated_at = $3, version = version + 1
             WHERE tenant_id = $1 AND enrolment_id = $2 AND (state = 'open' OR (state = 'fired' AND task_id IN
                 (SELECT w.work_id FROM work w WHERE w.tenant_id = $1 AND w.queue = 'timer' AND w.lane = $2)))",
            args![self.tenant, enrolment, at],
        );
        if let Some(code) = code {
            sql.push(" AND code = ").bind(code);
        }
        sql.push(
            " RETURNING task_id, enrolment_id, patient_id, code, given_to, due_at, state, body, version, created_at,
                        updated_at",
        );
        let rows = self.exec.rows(sql).await?;
        let cancelled: Vec<Task> = rows.iter().map(TryInto::try_into).collect::<Result<_>>()?;
        for task in &cancelled {
            self.drop_work(Queue::Timer, &task.id.to_string()).await?;
        }
        Ok(cancelled)
    }

    /// Drops the work of an enrolment's fired tasks with this code: nobody waits for them any more.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn forget_fired_tasks(&self, enrolment: EnrolmentId, code: &str) -> Result<()> {
        let sql = "DELETE FROM work WHERE tenant_id = $1 AND queue = $2 AND work_id IN (
                       SELECT task_id FROM task
                       WHERE tenant_id = $1 AND enrolment_id = $3 AND code = $4 AND state = 'fired')";
        let args = args![self.tenant, Queue::Timer.as_str(), enrolment, code];
        self.exec.execute(Sql::new(sql, args)).await.map(drop)
    }

    /// Marks an open task as fired; in the same transaction as its effect and
    /// [`finish_work`](Self::finish_work).
    ///
    /// # Errors
    /// `VersionConflict` if it was fired, rescheduled or cancelled since; then roll back.
    pub async fn fire_task(&self, task: TaskId, version: i64, at: Instant) -> Result<i64> {
        let sql = "UPDATE task SET state = 'fired', updated_at = $4, version = version + 1
                   WHERE tenant_id = $1 AND task_id = $2 AND version = $3 AND state = 'open'";
        let fired = self.exec.update_one(Sql::new(sql, args![self.tenant, task, version, at]), "task", task, version);
        match fired.await {
            Err(error) => Err(self.exec.mark_failed(error).await),
            fired => fired,
        }
    }

    /// Marks an open or fired task as done.
    ///
    /// # Errors
    /// `VersionConflict`.
    pub async fn finish_task(&self, task: TaskId, version: i64, at: Instant) -> Result<i64> {
        self.end_task(task, version, (TaskState::Done, at)).await
    }

    /// Marks an open or fired task as cancelled: nobody does it any more.
    ///
    /// # Errors
    /// `VersionConflict`.
    pub async fn decline_task(&self, task: TaskId, version: i64, at: Instant) -> Result<i64> {
        self.end_task(task, version, (TaskState::Cancelled, at)).await
    }

    async fn end_task(&self, task: TaskId, version: i64, (state, at): (TaskState, Instant)) -> Result<i64> {
        let sql = "UPDATE task SET state = $5, updated_at = $4, version = version + 1
                   WHERE tenant_id = $1 AND task_id = $2 AND version = $3 AND state IN ('open', 'fired')";
        let args = args![self.tenant, task, version, at, state.as_str()];
        let version = self.exec.update_one(Sql::new(sql, args), "task", task, version).await?;
        self.drop_work(Queue::Timer, &task.to_string()).await?;
        Ok(version)
    }
}
