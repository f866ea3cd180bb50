//! Who wants to be told of what is written, and what they are still to be told, in
//! order. A claim is a lease that bumps the version; what a worker says counts as long
//! as the version is its own.

use std::str::FromStr;

use serde_json::Value;
use xinglin_domain::{
    id::{AccountId, TenantId},
    time::Instant,
};

use crate::{
    Executor, OperatorTx, Result, StoreError, TenantScope, TenantTx,
    custody::NOT_FROZEN,
    db::{Arg, Row, Sql, args, insert_many},
};

/// Whether somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriptionState {
    /// The receiver has not answered yet.
    Requested,
    /// Yes.
    Active,
    /// It went wrong too often.
    Error,
    /// Not any more, or not now.
    Off,
}

impl SubscriptionState {
    /// As it is stored, and as FHIR has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Active => "active",
            Self::Error => "error",
            Self::Off => "off",
        }
    }
}

impl FromStr for SubscriptionState {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Requested, Self::Active, Self::Error, Self::Off]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| StoreError::corrupt(format!("subscription state `{text}`")))
    }
}

/// A subscription.
#[derive(Debug, Clone, PartialEq)]
pub struct Subscription {
    /// Of whom. Filled in by reads; a write goes to the tenant it is made in.
    pub tenant: TenantId,
    /// FHIR id.
    pub id: String,
    /// On whose behalf.
    pub account: AccountId,
    /// Whether somebody is told.
    pub state: SubscriptionState,
    /// Of which FHIR type.
    pub kind: String,
    /// The use case's own.
    pub body: Value,
    /// What it is sent with, sealed.
    pub sealed: Option<Vec<u8>>,
    /// How much was told.
    pub delivered: i64,
    /// How often the next was tried in vain.
    pub attempts: i64,
    /// Not before then.
    pub due_at: Instant,
    /// Seen version; 0 if not stored.
    pub version: i64,
}

impl TryFrom<Row> for Subscription {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            tenant: row.get("tenant_id")?,
            id: row.get("subscription_id")?,
            account: row.get("account_id")?,
            state: row.get::<String>("status")?.parse()?,
            kind: row.get("resource_type")?,
            body: row.json("body")?,
            sealed: row.get("sealed")?,
            delivered: row.get("delivered")?,
            attempts: row.get("attempts")?,
            due_at: row.get("due_at")?,
            version: row.get("version")?,
        })
    }
}

/// Something to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionEvent {
    /// To which subscription.
    pub subscription: String,
    /// Drawn by the server; the order.
    pub id: String,
    /// FHIR type of what was written.
    pub kind: String,
    /// Its id.
    pub resource: String,
    /// Which version.
    pub version: i64,
}

impl TryFrom<Row> for SubscriptionEvent {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            subscription: row.get("subscription_id")?,
            id: row.get("event_id")?,
            kind: row.get("resource_type")?,
            resource: row.get("resource_id")?,
            version: row.get("version")?,
        })
    }
}

impl<E: Executor> TenantScope<E> {
    /// A subscription, if there is one.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_subscription(&self, id: &str) -> Result<Option<Subscription>> {
        let sql = "SELECT * FROM subscription WHERE tenant_id = $1 AND subscription_id = $2";
        self.exec.row(Sql::new(sql, args![self.tenant, id])).await?.map(TryInto::try_into).transpose()
    }

    /// Those that are active and of one of these types.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_active_subscriptions(&self, kinds: &[&str]) -> Result<Vec<Subscription>> {
        let text = "SELECT * FROM subscription WHERE tenant_id = $1 AND status = 'active' AND resource_type IN ";
        let mut sql = Sql::new(text, args![self.tenant]);
        sql.bind_all(kinds.iter().copied()).push(" ORDER BY subscription_id");
        self.exec.rows(sql).await?.into_iter().map(TryInto::try_into).collect()
    }

    /// What a subscription is to be told next.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn next_subscription_event(&self, id: &str) -> Result<Option<SubscriptionEvent>> {
        let sql = "SELECT * FROM subscription_event WHERE tenant_id = $1 AND subscription_id = $2
                   ORDER BY event_id LIMIT 1";
        self.exec.row(Sql::new(sql, args![self.tenant, id])).await?.map(TryInto::try_into).transpose()
    }
}

impl TenantTx {
    /// Keeps a subscription in place of the one of this id, if there is one; whoever
    /// works on that one is overtaken.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn put_subscription(&self, subscription: &Subscription) -> Result<()> {
        let sql = "INSERT INTO subscription (tenant_id, subscription_id, account_id, status, resource_type, body,
                                             sealed, delivered, attempts, due_at, version)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1)
                   ON CONFLICT (tenant_id, subscription_id) DO UPDATE
                   SET account_id = excluded.account_id, status = excluded.status,
                       resource_type = excluded.resource_type, body = excluded.body, sealed = excluded.sealed,
                       delivered = excluded.delivered, attempts = excluded.attempts, due_at = excluded.due_at,
                       claimed_until = NULL, version = subscription.version + 1";
        let Subscription { id, account, state, kind, body, sealed, delivered, attempts, due_at, .. } = subscription;
        let args = args![
            self.tenant,
            id,
            *account,
            state.as_str(),
            kind,
            Arg::json(body)?,
            Arg::Bytes(sealed.clone()),
            *delivered,
            *attempts,
            *due_at
        ];
        self.exec.execute(Sql::new(sql, args)).await.map(drop)
    }

    /// Notes how far a worker is with its subscription, and until when it keeps others
    /// away, if it does; `false` if it was overtaken.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn note_subscription(&self, subscription: &Subscription, lease: Option<Instant>) -> Result<bool> {
        let sql = "UPDATE subscription SET status = $4, delivered = $5, attempts = $6, due_at = $7, claimed_until = $8
                   WHERE tenant_id = $1 AND subscription_id = $2 AND version = $3";
        let Subscription { id, version, state, delivered, attempts, due_at, .. } = subscription;
        let args = args![self.tenant, id, *version, state.as_str(), *delivered, *attempts, *due_at, lease];
        Ok(self.exec.execute(Sql::new(sql, args)).await? == 1)
    }

    /// Forgets a subscription and all that it was to be told.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn delete_subscription(&self, id: &str) -> Result<()> {
        self.clear_subscription(id).await?;
        let sql = "DELETE FROM subscription WHERE tenant_id = $1 AND subscription_id = $2";
        self.exec.execute(Sql::new(sql, args![self.tenant, id])).await.map(drop)
    }

    /// Forgets all that a subscription was to be told.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn clear_subscription(&self, id: &str) -> Result<()> {
        let sql = "DELETE FROM subscription_event WHERE tenant_id = $1 AND subscription_id = $2";
        self.exec.execute(Sql::new(sql, args![self.tenant, id])).await.map(drop)
    }

    /// Puts in what subscriptions are to be told once this is committed.
    ///
    /// # Errors
    /// `Unique` if an id is known.
    pub async fn insert_subscription_events(&self, events: &[SubscriptionEvent]) -> Result<()> {
        let head = "INSERT INTO subscription_event (tenant_id, subscription_id, event_id, resource_type, resource_id,
                                                    version)";
        let row = |event: &SubscriptionEvent| {
            let SubscriptionEvent { subscription, id, kind, resource, version } = event;
            args![self.tenant, subscription, id, kind, resource, *version]
        };
        self.exec.execute_all(insert_many(head, events.iter().map(row).collect(), "")).await.map(drop)
    }

    /// Takes out what was told.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn delete_subscription_event(&self, event: &SubscriptionEvent) -> Result<()> {
        let sql = "DELETE FROM subscription_event WHERE tenant_id = $1 AND subscription_id = $2 AND event_id = $3";
        self.exec.execute(Sql::new(sql, args![self.tenant, &event.subscription, &event.id])).await.map(drop)
    }
}

impl OperatorTx {
    /// Leases subscriptions of all tenants that have something to be told at `now`, or
    /// whose receiver has not been asked yet, to the caller until `lease`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn claim_subscriptions(&self, now: Instant, lease: Instant, limit: u32) -> Result<Vec<Subscription>> {
        let sql = format!(
            "WITH due AS MATERIALIZED (
                 SELECT s.tenant_id AS due_tenant, s.subscription_id AS due_subscription FROM subscription s
                 WHERE s.status IN ('requested', 'active') AND s.due_at <= $1 AND s.{NOT_FROZEN}
                   AND (s.claimed_until IS NULL OR s.claimed_until <= $1)
                   AND (s.status = 'requested' OR EXISTS (
                       SELECT 1 FROM subscription_event e
                       WHERE e.tenant_id = s.tenant_id AND e.subscription_id = s.subscription_id))
                 ORDER BY s.due_at LIMIT $3{}
             )
             UPDATE subscription SET claimed_until = $2, version = version + 1 FROM due
             WHERE tenant_id = due_tenant AND subscription_id = due_subscription
             RETURNING tenant_id, subscription_id, account_id, status, resource_type, body, sealed, delivered,
                       attempts, due_at, version",
            self.exec.engine().skip_locked()
        );
        let rows = self.exec.rows(Sql::new(sql, args![now, lease, limit])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}
