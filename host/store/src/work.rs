//! The queue of background work: one table for timers, events, payments, exports and subscriptions.
//!
//! A claim leases due work: it sets `due_at` to the end of the lease and increments the version.
//! The worker's effect counts only if [`TenantTx::finish_work`] or [`TenantTx::put_off_work`] finds
//! that version, in the transaction of the effect. So work is claimed at least once and has its
//! effect exactly once, even if hosts crash in between.

use std::str::FromStr;

use serde_json::Value;
use xinglin_domain::{id::TenantId, time::Instant};

use crate::{
    Executor, OperatorTx, Result, StoreError, TenantScope, TenantTx,
    custody::NOT_FROZEN,
    db::{Arg, Row, Sql, args, insert_many},
};

/// Due time of work that waits for something other than time.
pub const NEVER: Instant = Instant::from_micros(i64::MAX);

/// A kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Queue {
    /// A pathway's timer is due. The lane is the enrolment.
    Timer,
    /// An event is to be delivered to a pathway. The lane is the enrolment.
    Event,
    /// A payer is to be queried about an operation. The lane is the bill.
    Payment,
    /// A bill is to be attended to: its quote lapses, or its reversal waited. Id and lane are the bill's.
    Charge,
    /// Something is to be done at a payment channel, or the time to pay is over. Id and lane are the bill's.
    Cash,
    /// A draft lapses, or the validity of a prescription ends. The lane is the prescription.
    Prescription,
    /// An export is to be run. The lane is the export.
    Export,
    /// A subscriber is to be notified of a change. The lane is the subscription.
    Subscription,
    /// Observations were written that may be news for pathways. The lane is the patient.
    Observation,
    /// Nothing more may be done for a patient. Id and lane are the patient's.
    Patient,
    /// Months of payment per head are to be counted, or care of a member is to be charged. The lane is the
    /// lead.
    Capitation,
    /// A day of what was sold has passed. Id and lane are the purchase's.
    Purchase,
    /// An alert was not acknowledged in time. The id is the alert's, the lane is the enrolment or the contact.
    Alert,
    /// A patient who was in danger is to be contacted again. The lane is the first contact.
    Contact,
    /// A request of a pathway is asked again, or its time is over. The lane is the enrolment.
    Request,
    /// A pathway plugin is here again: those whom it follows are told. Id and lane are the plugin's.
    Resumption,
    /// A patient is to be reminded of a message, or of what is due. The id is the message's, or `due-` and that of the task
    /// or request; the lane is the patient.
    Reminder,
}

impl Queue {
    /// All of them.
    pub const ALL: [Self; 17] = [
        // Before anything else is done for the patient.
        Self::Patient,
        Self::Timer,
        // Before the events that it becomes.
        Self::Observation,
        Self::Resumption,
        Self::Event,
        Self::Payment,
        Self::Charge,
        Self::Cash,
        Self::Prescription,
        Self::Export,
        Self::Subscription,
        Self::Alert,
        Self::Contact,
        Self::Request,
        Self::Capitation,
        Self::Purchase,
        // After all that may write messages.
        Self::Reminder,
    ];

    /// The stored form, and the label in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timer => "timer",
            Self::Event => "event",
            Self::Payment => "payment",
            Self::Charge => "charge",
            Self::Cash => "cash",
            Self::Prescription => "prescription",
            Self::Export => "export",
            Self::Subscription => "subscription",
            Self::Observation => "observation",
            Self::Alert => "alert",
            Self::Contact => "contact",
            Self::Request => "request",
            Self::Resumption => "resumption",
            Self::Patient => "patient",
            Self::Capitation => "capitation",
            Self::Purchase => "purchase",
            Self::Reminder => "reminder",
        }
    }

    /// Whether work in a lane is claimed only if there is none before it, due or not. The order is
    /// that of the ids. The lanes are rows of `subscription`.
    const fn strict(self) -> bool {
        matches!(self, Self::Subscription)
    }
}

impl FromStr for Queue {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|queue| queue.as_str() == text);
        found.ok_or_else(|| StoreError::corrupt(format!("queue `{text}`")))
    }
}

/// A piece of work.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    /// Filled in by reads; writes use the tenant of the scope.
    pub tenant: TenantId,
    /// Its kind.
    pub queue: Queue,
    /// Unique in the tenant's queue.
    pub id: String,
    /// Work of one lane is never done concurrently.
    pub lane: String,
    /// The resource concerned, as `Type/id`.
    pub subject: Option<String>,
    /// Data beside `id` and `lane`.
    pub payload: Value,
    /// When it was first due; neither a lease nor a delay changes it.
    pub since: Instant,
    /// When it is due; of claimed work, the end of the lease.
    pub due_at: Instant,
    /// Number of claims.
    pub attempts: i64,
    /// Incremented by each claim. New work has 1: its creator holds it until it is due.
    pub version: i64,
}

impl Work {
    /// New work.
    pub fn new(queue: Queue, id: impl ToString, lane: impl ToString, due_at: Instant) -> Self {
        Self {
            tenant: TenantId::from_u128(0),
            queue,
            id: id.to_string(),
            lane: lane.to_string(),
            subject: None,
            payload: Value::Null,
            since: due_at,
            due_at,
            attempts: 0,
            version: 1,
        }
    }
}

impl TryFrom<Row> for Work {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            tenant: row.get("tenant_id")?,
            queue: row.get::<String>("queue")?.parse()?,
            id: row.get("work_id")?,
            lane: row.get("lane")?,
            subject: row.get("subject")?,
            payload: row.json("payload")?,
            since: row.get("since")?,
            due_at: row.get("due_at")?,
            attempts: row.get("attempts")?,
            version: row.get("version")?,
        })
    }
}

impl<E: Executor> TenantScope<E> {
    /// All work of a lane, in order.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_work(&self, queue: Queue, lane: &str) -> Result<Vec<Work>> {
        let sql = "SELECT * FROM work WHERE tenant_id = $1 AND queue = $2 AND lane = $3 ORDER BY work_id";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, queue.as_str(), lane])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl TenantTx {
    /// Stores work, replacing any with the same id; the lease of the replaced work is lost, and its
    /// attempts start at zero.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn put_work(&self, work: &[Work]) -> Result<()> {
        let head = "INSERT INTO work (tenant_id, queue, work_id, lane, subject, payload, since, due_at, attempts,
                                      version)";
        let tail = " ON CONFLICT (tenant_id, queue, work_id) DO UPDATE
                     SET lane = excluded.lane, subject = excluded.subject, payload = excluded.payload,
                         since = excluded.since, due_at = excluded.due_at, attempts = 0, version = work.version + 1";
        let row = |work: &Work| {
            let Work { queue, id, lane, subject, payload, due_at, .. } = work;
            let payload = Arg::json(payload)?;
            Ok(args![self.tenant, queue.as_str(), id, lane, subject, payload, *due_at, *due_at, 0_i64, 1_i64])
        };
        let rows = work.iter().map(row).collect::<Result<_>>()?;
        self.exec.execute_all(insert_many(head, rows, tail)).await.map(drop)
    }

    /// Deletes finished work; `false` if the caller has lost the lease: the effect must then not be
    /// committed.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn finish_work(&self, work: &Work) -> Result<bool> {
        let sql = "DELETE FROM work WHERE tenant_id = $1 AND queue = $2 AND work_id = $3 AND version = $4";
        let args = args![self.tenant, work.queue.as_str(), &work.id, work.version];
        Ok(self.exec.execute(Sql::new(sql, args)).await? == 1)
    }

    /// Postpones work to `until`: renews a lease, or delays a retry. `false` as for
    /// [`finish_work`](Self::finish_work).
    ///
    /// # Errors
    /// If the database fails.
    pub async fn put_off_work(&self, work: &Work, until: Instant) -> Result<bool> {
        let sql = "UPDATE work SET due_at = $5
                   WHERE tenant_id = $1 AND queue = $2 AND work_id = $3 AND version = $4";
        let args = args![self.tenant, work.queue.as_str(), &work.id, work.version, until];
        Ok(self.exec.execute(Sql::new(sql, args)).await? == 1)
    }

    /// Postpones what follows a piece of work in its lane and was stored with it, whoever holds that: its order stays.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn put_off_following(&self, work: &Work, until: Instant) -> Result<()> {
        let sql = "UPDATE work SET due_at = $6, version = version + 1
                   WHERE tenant_id = $1 AND queue = $2 AND lane = $3 AND since = $4 AND work_id > $5";
        let args = args![self.tenant, work.queue.as_str(), &work.lane, work.since, &work.id, until];
        self.exec.execute(Sql::new(sql, args)).await.map(drop)
    }

    /// Deletes work that is not needed any more, whoever holds it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn drop_work(&self, queue: Queue, id: &str) -> Result<()> {
        let sql = "DELETE FROM work WHERE tenant_id = $1 AND queue = $2 AND work_id = $3";
        self.exec.execute(Sql::new(sql, args![self.tenant, queue.as_str(), id])).await.map(drop)
    }

    /// Deletes the work of a lane without a subject, whoever holds it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn drop_work_without_subject(&self, queue: Queue, lane: &str) -> Result<()> {
        let sql = "DELETE FROM work WHERE tenant_id = $1 AND queue = $2 AND lane = $3 AND subject IS NULL";
        self.exec.execute(Sql::new(sql, args![self.tenant, queue.as_str(), lane])).await.map(drop)
    }

    /// Deletes all work of a lane, whoever holds it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn drop_lane(&self, queue: Queue, lane: &str) -> Result<()> {
        let sql = "DELETE FROM work WHERE tenant_id = $1 AND queue = $2 AND lane = $3";
        self.exec.execute(Sql::new(sql, args![self.tenant, queue.as_str(), lane])).await.map(drop)
    }

    /// Makes a whole lane due at `due_at`; leases are lost, and attempts start at zero.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn move_lane(&self, queue: Queue, lane: &str, due_at: Instant) -> Result<()> {
        let sql = "UPDATE work SET since = $4, due_at = $4, attempts = 0, version = version + 1
                   WHERE tenant_id = $1 AND queue = $2 AND lane = $3";
        self.exec.execute(Sql::new(sql, args![self.tenant, queue.as_str(), lane, due_at])).await.map(drop)
    }
}

impl OperatorTx {
    /// Leases work of all tenants that is due at `now` to the caller until `lease`, the longest due
    /// first. Commit, then do each piece, and finish it in a transaction of its tenant.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn claim_work(&self, queue: Queue, now: Instant, lease: Instant, limit: u32) -> Result<Vec<Work>> {
        // Of a strict queue only what is first in its lane: looked for by lane, however much
        // waits behind it.
        let from = match queue.strict() {
            false => "work w WHERE w.queue = $1",
            true => {
                "subscription s JOIN work w ON w.tenant_id = s.tenant_id AND w.lane = s.subscription_id
                     AND w.work_id = (SELECT MIN(e.work_id) FROM work e
                                      WHERE e.tenant_id = s.tenant_id AND e.queue = $1 AND e.lane = s.subscription_id)
                 WHERE w.queue = $1"
            }
        };
        let sql = format!(
            "WITH due AS MATERIALIZED (
                 SELECT w.tenant_id AS due_tenant, w.work_id AS due_work FROM {from}
                   AND w.due_at <= $2 AND w.{NOT_FROZEN}
                 ORDER BY w.due_at, w.work_id LIMIT $4{}
             )
             UPDATE work SET due_at = $3, attempts = attempts + 1, version = version + 1 FROM due
             WHERE tenant_id = due_tenant AND queue = $1 AND work_id = due_work
             RETURNING tenant_id, queue, work_id, lane, subject, payload, since, due_at, attempts, version",
            self.exec.engine().skip_locked()
        );
        let rows = self.exec.rows(Sql::new(sql, args![queue.as_str(), now, lease, limit])).await?;
        let readable = |row: Row| {
            // One that is corrupt stops none of the others; its lease keeps it away.
            Work::try_from(row)
                .inspect_err(|error| tracing::error!(queue = queue.as_str(), %error, "work is corrupt"))
                .ok()
        };
        let mut claimed: Vec<Work> = rows.into_iter().filter_map(readable).collect();
        claimed.sort_by(|a, b| (a.since, &a.id).cmp(&(b.since, &b.id)));
        Ok(claimed)
    }
}
