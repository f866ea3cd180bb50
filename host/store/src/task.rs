//! Durable timers. A due task is claimed at least once and fires exactly once:
//! a claim is a lease that bumps the version, and [`TenantTx::fire_task`] compares
//! it in the transaction that holds the effect.

use std::str::FromStr;

use serde_json::Value;
use xinglin_domain::{
    id::{EnrolmentId, TaskId, TenantId},
    time::Instant,
};

use crate::{
    Executor, OperatorTx, Result, StoreError, TenantScope, TenantTx,
    custody::NOT_FROZEN,
    db::{Arg, Row, Sql, args},
};

/// How far a task has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskState {
    /// It waits for its time.
    Open,
    /// Its time came, and the pathway was told.
    Fired,
    /// Somebody did it.
    Done,
    /// It was taken back.
    Cancelled,
}

impl TaskState {
    /// As it is stored.
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

/// A pathway's task.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Which.
    pub id: TaskId,
    /// Of which enrolment.
    pub enrolment_id: EnrolmentId,
    /// FHIR id of the patient.
    pub patient_id: String,
    /// Unique among the enrolment's open tasks.
    pub code: String,
    /// When.
    pub due_at: Instant,
    /// How far it has come.
    pub state: TaskState,
    /// The domain's own.
    pub body: Value,
    /// Seen version; 0 if not stored.
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
            due_at: row.get("due_at")?,
            state: row.get::<String>("state")?.parse()?,
            body: row.json("body")?,
            version: row.get("version")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

/// A due task, leased to a worker.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedTask {
    /// Of whom.
    pub tenant: TenantId,
    /// With the version that [`TenantTx::fire_task`] wants.
    pub task: Task,
}

impl<E: Executor> TenantScope<E> {
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
}

impl TenantTx {
    /// Schedules a task. An open one of the same enrolment and code moves instead,
    /// keeping its id; the id it has.
    ///
    /// # Errors
    /// `Reference` if there is no such enrolment.
    pub async fn schedule_task(&self, task: &Task) -> Result<TaskId> {
        let sql = "INSERT INTO task (tenant_id, task_id, enrolment_id, patient_id, code, due_at, state, body,
                                     version, created_at, updated_at)
                   VALUES ($1, $2, $3, $4, $5, $6, 'open', $7, 1, $8, $9)
                   ON CONFLICT (tenant_id, enrolment_id, code) WHERE state = 'open' DO UPDATE
                   SET due_at = excluded.due_at, body = excluded.body, updated_at = excluded.updated_at,
                       claimed_until = NULL, version = task.version + 1
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
            task.updated_at
        ];
        let row = self.exec.row(Sql::new(sql, args)).await?;
        row.ok_or_else(|| StoreError::corrupt("a task was neither stored nor moved"))?.get("task_id")
    }

    /// Takes an enrolment's open task back, or all of them; how many there were.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn cancel_tasks(&self, enrolment: EnrolmentId, code: Option<&str>, at: Instant) -> Result<u64> {
        let mut sql = Sql::new(
            "UPDATE task SET state = 'cancelled', updated_at = $3, version = version + 1
             WHERE tenant_id = $1 AND enrolment_id = $2 AND state = 'open'",
            args![self.tenant, enrolment, at],
        );
        if let Some(code) = code {
            sql.push(" AND code = ").bind(code);
        }
        self.exec.execute(sql).await
    }

    /// Marks a claimed task as fired; its effect belongs into the same transaction.
    ///
    /// # Errors
    /// `VersionConflict` if it has fired, moved, been cancelled or been claimed
    /// again since; roll back then.
    pub async fn fire_task(&self, task: TaskId, version: i64, at: Instant) -> Result<i64> {
        let sql = "UPDATE task SET state = 'fired', updated_at = $4, claimed_until = NULL, version = version + 1
                   WHERE tenant_id = $1 AND task_id = $2 AND version = $3 AND state = 'open'";
        let fired = self.exec.update_one(Sql::new(sql, args![self.tenant, task, version, at]), "task", task, version);
        match fired.await {
            Err(error) => Err(self.exec.mark_failed(error).await),
            fired => fired,
        }
    }

    /// Keeps a claimed task from being claimed before `until`; `false` if it is no
    /// longer the caller's. When it is due stays as it is.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn defer_task(&self, task: TaskId, version: i64, until: Instant) -> Result<bool> {
        let sql = "UPDATE task SET claimed_until = $4
                   WHERE tenant_id = $1 AND task_id = $2 AND version = $3 AND state = 'open'";
        Ok(self.exec.execute(Sql::new(sql, args![self.tenant, task, version, until])).await? == 1)
    }

    /// Notes that somebody did an open or fired task.
    ///
    /// # Errors
    /// `VersionConflict`.
    pub async fn finish_task(&self, task: TaskId, version: i64, at: Instant) -> Result<i64> {
        let sql = "UPDATE task SET state = 'done', updated_at = $4, version = version + 1
                   WHERE tenant_id = $1 AND task_id = $2 AND version = $3 AND state IN ('open', 'fired')";
        self.exec.update_one(Sql::new(sql, args![self.tenant, task, version, at]), "task", task, version).await
    }
}

impl OperatorTx {
    /// Leases tasks of all tenants that are due at `now` to the caller until
    /// `lease`, the earliest due first. Commit, then fire each in a transaction of
    /// its tenant.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn claim_due_tasks(&self, now: Instant, lease: Instant, limit: u32) -> Result<Vec<ClaimedTask>> {
        let sql = format!(
            "WITH due AS MATERIALIZED (
                 SELECT tenant_id AS due_tenant, task_id AS due_task FROM task
                 WHERE state = 'open' AND due_at <= $1 AND (claimed_until IS NULL OR claimed_until <= $1)
                   AND {NOT_FROZEN}
                 ORDER BY due_at LIMIT $3{}
             )
             UPDATE task SET claimed_until = $2, version = version + 1 FROM due
             WHERE tenant_id = due_tenant AND task_id = due_task
             RETURNING tenant_id, task_id, enrolment_id, patient_id, code, due_at, state, body, version, created_at,
                       updated_at",
            self.exec.engine().skip_locked()
        );
        let rows = self.exec.rows(Sql::new(sql, args![now, lease, limit])).await?;
        let claimed = |row: &Row| Ok(ClaimedTask { tenant: row.get("tenant_id")?, task: row.try_into()? });
        let mut tasks = rows.iter().map(claimed).collect::<Result<Vec<_>>>()?;
        tasks.sort_by_key(|claimed| (claimed.task.due_at, claimed.task.id));
        Ok(tasks)
    }
}
