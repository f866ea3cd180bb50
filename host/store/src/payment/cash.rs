//! The patient's share of bills in money, the channels by which it comes, and where a channel and we
//! differ. A share that has something to be done has work in [`Queue::Cash`], under its bill's id.

use serde_json::Value;
use xinglin_domain::{id::BillId, money::Money, time::Instant};

use crate::{
    Executor, Queue, Result, StoreError, TenantScope, TenantTx, Work,
    db::{Arg, Row, Sql, args},
};

/// The patient's share of a bill.
#[derive(Debug, Clone, PartialEq)]
pub struct CashRow {
    /// The bill.
    pub bill_id: BillId,
    /// State of the machine.
    pub status: String,
    /// Number of refunds that the patient does not have yet.
    pub to_return: i64,
    /// The domain value.
    pub body: Value,
    /// The version that was read; 0 if not stored.
    pub version: i64,
    /// Since when it is due.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

impl TryFrom<Row> for CashRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            bill_id: row.get("bill_id")?,
            status: row.get("status")?,
            to_return: row.get("to_return")?,
            body: row.json("body")?,
            version: row.get("version")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

/// A channel of a tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct CashChannel {
    /// Its name.
    pub channel: String,
    /// The settings that are no secret.
    pub body: Value,
    /// Its keys, sealed.
    pub sealed: Vec<u8>,
    /// The version that was read; 0 if not stored.
    pub version: i64,
    /// When it was last set.
    pub updated_at: Instant,
}

impl TryFrom<Row> for CashChannel {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            channel: row.get("channel")?,
            body: row.json("body")?,
            sealed: row.get("sealed")?,
            version: row.get("version")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

/// Money of a patient that moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CashMovement {
    /// The channel.
    pub channel: String,
    /// `payment` or `refund`.
    pub way: String,
    /// Our name of the order or refund.
    pub name: String,
    /// The channel's id of it.
    pub reference: String,
    /// The bill.
    pub bill_id: BillId,
    /// The channel's day, as ISO date.
    pub day: String,
    /// How much.
    pub amount: Money,
    /// When it was recorded.
    pub recorded_at: Instant,
}

impl TryFrom<Row> for CashMovement {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            channel: row.get("channel")?,
            way: row.get("way")?,
            name: row.get("name")?,
            reference: row.get("reference")?,
            bill_id: row.get("bill_id")?,
            day: row.get("day")?,
            amount: row.get("amount")?,
            recorded_at: row.get("recorded_at")?,
        })
    }
}

/// Where a channel and we differ.
#[derive(Debug, Clone, PartialEq)]
pub struct CashDifference {
    /// Its id, the same for the same difference of the same day.
    pub id: String,
    /// The channel.
    pub channel: String,
    /// The channel's day, as ISO date.
    pub day: String,
    /// `open`, `agreed` (both have the same now) or `explained` (by a person).
    pub state: String,
    /// The domain value.
    pub body: Value,
    /// The version that was read; 0 if not stored.
    pub version: i64,
    /// When it was found.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

impl TryFrom<Row> for CashDifference {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.get("difference_id")?,
            channel: row.get("channel")?,
            day: row.get("day")?,
            state: row.get("state")?,
            body: row.json("body")?,
            version: row.get("version")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

/// Whether a notice is new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Noted {
    /// It is, and noted from now on.
    New,
    /// It was noted before, with this digest.
    Known(String),
}

impl<E: Executor> TenantScope<E> {
    /// The patient's share of a bill, if there is one.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_cash(&self, bill: BillId) -> Result<Option<CashRow>> {
        let sql = "SELECT * FROM cash WHERE tenant_id = $1 AND bill_id = $2";
        self.exec.row(Sql::new(sql, args![self.tenant, bill])).await?.map(TryInto::try_into).transpose()
    }

    /// Shares with money that the patient is to get, the longest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_cash_to_return(&self, limit: u32) -> Result<Vec<CashRow>> {
        let sql = "SELECT * FROM cash WHERE tenant_id = $1 AND to_return > 0 ORDER BY updated_at, bill_id LIMIT $2";
        self.exec.rows(Sql::new(sql, args![self.tenant, limit])).await?.into_iter().map(TryInto::try_into).collect()
    }

    /// A channel of the tenant, if it is set up.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_cash_channel(&self, channel: &str) -> Result<Option<CashChannel>> {
        let sql = "SELECT * FROM cash_channel WHERE tenant_id = $1 AND channel = $2";
        self.exec.row(Sql::new(sql, args![self.tenant, channel])).await?.map(TryInto::try_into).transpose()
    }

    /// All channels of the tenant, by name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_cash_channels(&self) -> Result<Vec<CashChannel>> {
        let sql = "SELECT * FROM cash_channel WHERE tenant_id = $1 ORDER BY channel";
        self.exec.rows(Sql::new(sql, args![self.tenant])).await?.into_iter().map(TryInto::try_into).collect()
    }

    /// What moved by a channel on a day, by way and reference.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_cash_movements(&self, channel: &str, day: &str) -> Result<Vec<CashMovement>> {
        let sql = "SELECT * FROM cash_movement WHERE tenant_id = $1 AND channel = $2 AND day = $3
                   ORDER BY way, reference";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, channel, day])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// One difference.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_cash_difference(&self, id: &str) -> Result<CashDifference> {
        let sql = "SELECT * FROM cash_difference WHERE tenant_id = $1 AND difference_id = $2";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, id])).await?;
        row.ok_or_else(|| StoreError::not_found("difference", id))?.try_into()
    }

    /// Differences in a state from a day to a day, the oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_cash_differences(
        &self,
        state: &str,
        (from, to): (&str, &str),
        limit: u32,
    ) -> Result<Vec<CashDifference>> {
        let sql = "SELECT * FROM cash_difference WHERE tenant_id = $1 AND state = $2 AND day >= $3 AND day <= $4
                   ORDER BY day, difference_id LIMIT $5";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, state, from, to, limit])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl TenantTx {
    /// Has everybody else who changes the entries or the patient's share of this bill wait for the end of the
    /// transaction. Read them after this.
    ///
    /// # Errors
    /// `Contention` after a timeout.
    pub async fn lock_money(&self, bill: BillId) -> Result<()> {
        self.lock(&format!("money/{bill}")).await
    }

    /// Stores a share, new or replacing the version that was read, and when it is looked at next.
    ///
    /// # Errors
    /// `VersionConflict`; `Reference` if there is no such bill.
    pub async fn put_cash(&self, row: &CashRow, look_at: Option<Instant>) -> Result<()> {
        let sql = "INSERT INTO cash (tenant_id, bill_id, status, body, version, created_at, updated_at, to_return)
                   SELECT $1, $2, $4, $5, $3 + 1, $6, $7, $8
                   WHERE $3 = 0 OR EXISTS (SELECT 1 FROM cash WHERE tenant_id = $1 AND bill_id = $2)
                   ON CONFLICT (tenant_id, bill_id) DO UPDATE
                   SET status = excluded.status, body = excluded.body, version = excluded.version,
                       updated_at = excluded.updated_at, to_return = excluded.to_return
                   WHERE cash.version = $3";
        let CashRow { bill_id, status, to_return, body, version, created_at, updated_at } = row;
        let body = Arg::json(body)?;
        let args = args![self.tenant, *bill_id, *version, status, body, *created_at, *updated_at, *to_return];
        let id = bill_id.to_string();
        self.exec.update_one(Sql::new(sql, args), "cash", &id, *version).await?;
        match look_at {
            Some(at) => self.put_work(&[Work::new(Queue::Cash, &id, &id, at)]).await,
            None => self.drop_work(Queue::Cash, &id).await,
        }
    }

    /// Sets up a channel, replacing the former settings.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn put_cash_channel(&self, channel: &CashChannel) -> Result<()> {
        let sql = "INSERT INTO cash_channel (tenant_id, channel, body, sealed, version, updated_at)
                   VALUES ($1, $2, $3, $4, 1, $5)
                   ON CONFLICT (tenant_id, channel) DO UPDATE
                   SET body = excluded.body, sealed = excluded.sealed, updated_at = excluded.updated_at,
                       version = cash_channel.version + 1";
        let CashChannel { channel, body, sealed, updated_at, .. } = channel;
        let args = args![self.tenant, channel, Arg::json(body)?, sealed.as_slice(), *updated_at];
        self.exec.execute(Sql::new(sql, args)).await.map(drop)
    }

    /// Notes a notice, and forgets those before a time.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn note_cash_notice(
        &self,
        (channel, id): (&str, &str),
        digest: &str,
        (now, forget): (Instant, Instant),
    ) -> Result<Noted> {
        let old = "DELETE FROM cash_notice WHERE tenant_id = $1 AND received_at < $2";
        self.exec.execute(Sql::new(old, args![self.tenant, forget])).await?;
        let sql = "INSERT INTO cash_notice (tenant_id, channel, notice_id, digest, received_at)
                   VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant_id, channel, notice_id) DO NOTHING";
        if self.exec.execute(Sql::new(sql, args![self.tenant, channel, id, digest, now])).await? == 1 {
            return Ok(Noted::New);
        }
        let sql = "SELECT digest FROM cash_notice WHERE tenant_id = $1 AND channel = $2 AND notice_id = $3";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, channel, id])).await?;
        row.ok_or_else(|| StoreError::not_found("notice", id))?.get("digest").map(Noted::Known)
    }

    /// Records money that moved; `false` if its reference is known already.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn insert_cash_movement(&self, movement: &CashMovement) -> Result<bool> {
        let sql = "INSERT INTO cash_movement (tenant_id, channel, way, name, reference, bill_id, day, amount,
                                              recorded_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                   ON CONFLICT (tenant_id, channel, way, reference) DO NOTHING";
        let CashMovement { channel, way, name, reference, bill_id, day, amount, recorded_at } = movement;
        let args = args![self.tenant, channel, way, name, reference, *bill_id, day, *amount, *recorded_at];
        Ok(self.exec.execute(Sql::new(sql, args)).await? == 1)
    }

    /// Stores a difference, unless it is known: a repetition changes nothing but opens again what both
    /// [agreed](CashDifference::state) on meanwhile.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_difference_again(&self, found: &CashDifference) -> Result<()> {
        let sql = "INSERT INTO cash_difference (tenant_id, difference_id, channel, day, state, body, version,
                                                created_at, updated_at)
                   VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8)
                   ON CONFLICT (tenant_id, difference_id) DO UPDATE
                   SET state = excluded.state, body = excluded.body, version = cash_difference.version + 1,
                       updated_at = excluded.updated_at
                   WHERE cash_difference.state = 'agreed'";
        let CashDifference { id, channel, day, state, body, created_at, updated_at, .. } = found;
        let args = args![self.tenant, id, channel, day, state, Arg::json(body)?, *created_at, *updated_at];
        self.exec.execute(Sql::new(sql, args)).await.map(drop)
    }

    /// Stores the next state of a difference.
    ///
    /// # Errors
    /// `VersionConflict`.
    pub async fn update_cash_difference(&self, difference: &CashDifference) -> Result<()> {
        let sql = "UPDATE cash_difference SET state = $4, body = $5, updated_at = $6, version = version + 1
                   WHERE tenant_id = $1 AND difference_id = $2 AND version = $3";
        let CashDifference { id, state, body, version, updated_at, .. } = difference;
        let args = args![self.tenant, id, *version, state, Arg::json(body)?, *updated_at];
        self.exec.update_one(Sql::new(sql, args), "difference", id, *version).await.map(drop)
    }
}
