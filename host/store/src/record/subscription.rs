//! Subscriptions. Pending notifications are work in
//! [`Queue::Subscription`](crate::Queue::Subscription), in the lane of the subscription.

use std::str::FromStr;

use serde_json::Value;
use xinglin_domain::id::{AccountId, TenantId};

use crate::{
    Executor, Queue, Result, StoreError, TenantScope, TenantTx,
    db::{Arg, Row, Sql, args},
};

/// State of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriptionState {
    /// The handshake is not complete.
    Requested,
    /// Notifications are sent.
    Active,
    /// Delivery failed too often.
    Error,
    /// Switched off.
    Off,
}

impl SubscriptionState {
    /// The stored form and the FHIR code.
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
    /// Filled in by reads; writes use the tenant of the scope.
    pub tenant: TenantId,
    /// FHIR id.
    pub id: String,
    /// The account that it acts for.
    pub account: AccountId,
    /// Its state.
    pub state: SubscriptionState,
    /// The FHIR type that it applies to.
    pub kind: String,
    /// The use case's value, as JSON.
    pub body: Value,
    /// Headers of the requests, sealed.
    pub sealed: Option<Vec<u8>>,
    /// Number of delivered events.
    pub delivered: i64,
    /// Number of failed attempts at the next event.
    pub attempts: i64,
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
        })
    }
}

impl<E: Executor> TenantScope<E> {
    /// One subscription, if it exists.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_subscription(&self, id: &str) -> Result<Option<Subscription>> {
        let sql = "SELECT * FROM subscription WHERE tenant_id = $1 AND subscription_id = $2";
        self.exec.row(Sql::new(sql, args![self.tenant, id])).await?.map(TryInto::try_into).transpose()
    }

    /// The active ones of one of these types.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_active_subscriptions(&self, kinds: &[&str]) -> Result<Vec<Subscription>> {
        let text = "SELECT * FROM subscription WHERE tenant_id = $1 AND status = 'active' AND resource_type IN ";
        let mut sql = Sql::new(text, args![self.tenant]);
        sql.bind_all(kinds.iter().copied()).push(" ORDER BY subscription_id");
        self.exec.rows(sql).await?.into_iter().map(TryInto::try_into).collect()
    }
}

impl TenantTx {
    /// Stores a subscription, replacing the one with this id.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn put_subscription(&self, subscription: &Subscription) -> Result<()> {
        let sql = "INSERT INTO subscription (tenant_id, subscription_id, account_id, status, resource_type, body,
                                             sealed, delivered, attempts)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                   ON CONFLICT (tenant_id, subscription_id) DO UPDATE
                   SET account_id = excluded.account_id, status = excluded.status,
                       resource_type = excluded.resource_type, body = excluded.body, sealed = excluded.sealed,
                       delivered = excluded.delivered, attempts = excluded.attempts";
        let Subscription { id, account, state, kind, body, sealed, delivered, attempts, .. } = subscription;
        let args = args![
            self.tenant,
            id,
            *account,
            state.as_str(),
            kind,
            Arg::json(body)?,
            Arg::Bytes(sealed.clone()),
            *delivered,
            *attempts
        ];
        self.exec.execute(Sql::new(sql, args)).await.map(drop)
    }

    /// Stores the delivery state. Only the holder of work of its lane may call this.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn note_subscription(&self, subscription: &Subscription) -> Result<()> {
        let sql = "UPDATE subscription SET status = $3, delivered = $4, attempts = $5
                   WHERE tenant_id = $1 AND subscription_id = $2";
        let Subscription { id, state, delivered, attempts, .. } = subscription;
        self.exec.execute(Sql::new(sql, args![self.tenant, id, state.as_str(), *delivered, *attempts])).await.map(drop)
    }

    /// Deletes a subscription and its pending notifications.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn delete_subscription(&self, id: &str) -> Result<()> {
        self.drop_lane(Queue::Subscription, id).await?;
        let sql = "DELETE FROM subscription WHERE tenant_id = $1 AND subscription_id = $2";
        self.exec.execute(Sql::new(sql, args![self.tenant, id])).await.map(drop)
    }
}
