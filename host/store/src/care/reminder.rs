//! Reminders of messages: the channels of a tenant, the addresses of patients, and what became of each reminder. One that
//! waits has its work in [`Queue::Reminder`](crate::Queue::Reminder), under its message's id.

use serde_json::Value;
use xinglin_domain::{id::ReminderId, time::Instant};

use crate::{
    Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Arg, Row, Sql, args},
};

/// A channel of a tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct ReminderChannel {
    /// Its name.
    pub channel: String,
    /// The settings that are no secret.
    pub body: Value,
    /// Its key, sealed.
    pub sealed: Vec<u8>,
    /// The version that was read; 0 if not stored.
    pub version: i64,
    /// When it was last set.
    pub updated_at: Instant,
}

impl TryFrom<Row> for ReminderChannel {
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

/// Where a patient is reminded.
#[derive(Clone, PartialEq)]
pub struct ReminderAddress {
    /// FHIR id of the patient.
    pub patient_id: String,
    /// The channel.
    pub channel: String,
    /// What is no secret of it.
    pub body: Value,
    /// What is sealed under the person's key; empty if that was destroyed.
    pub secret: String,
    /// The version that was read; 0 if not stored.
    pub version: i64,
    /// When it last changed.
    pub updated_at: Instant,
}

/// Without the secret.
impl std::fmt::Debug for ReminderAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { patient_id, channel, body, version, updated_at, .. } = self;
        let mut shown = f.debug_struct("ReminderAddress");
        shown.field("patient_id", patient_id).field("channel", channel).field("body", body);
        shown.field("version", version).field("updated_at", updated_at).finish_non_exhaustive()
    }
}

fn place(channel: &str, version: i64) -> String {
    format!("reminder-address/{channel}/{version}")
}

/// A reminder.
#[derive(Debug, Clone, PartialEq)]
pub struct ReminderRow {
    /// Its id.
    pub id: ReminderId,
    /// FHIR id of the patient.
    pub patient_id: String,
    /// The message; no other reminder has it.
    pub message_id: String,
    /// State of the machine.
    pub status: String,
    /// Whether it has the budget of urgent ones.
    pub urgent: bool,
    /// When it was last handed to a gateway.
    pub tried_at: Option<Instant>,
    /// The one that counts its message.
    pub into: Option<ReminderId>,
    /// The domain value.
    pub body: Value,
    /// The version that was read; 0 if not stored.
    pub version: i64,
    /// When it was made.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

impl TryFrom<Row> for ReminderRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.get("reminder_id")?,
            patient_id: row.get("patient_id")?,
            message_id: row.get("message_id")?,
            status: row.get("status")?,
            urgent: row.get("urgent")?,
            tried_at: row.get("tried_at")?,
            into: row.get("into_id")?,
            body: row.json("body")?,
            version: row.get("version")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

impl<E: Executor> TenantScope<E> {
    /// Whether the tenant has set up any channel.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn has_reminder_channels(&self) -> Result<bool> {
        let sql = "SELECT channel FROM reminder_channel WHERE tenant_id = $1 LIMIT 1";
        Ok(self.exec.row(Sql::new(sql, args![self.tenant])).await?.is_some())
    }

    /// A channel of the tenant, if it is set up.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_reminder_channel(&self, channel: &str) -> Result<Option<ReminderChannel>> {
        let sql = "SELECT * FROM reminder_channel WHERE tenant_id = $1 AND channel = $2";
        self.exec.row(Sql::new(sql, args![self.tenant, channel])).await?.map(TryInto::try_into).transpose()
    }

    /// All channels of the tenant, by name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_reminder_channels(&self) -> Result<Vec<ReminderChannel>> {
        let sql = "SELECT * FROM reminder_channel WHERE tenant_id = $1 ORDER BY channel";
        self.exec.rows(Sql::new(sql, args![self.tenant])).await?.into_iter().map(TryInto::try_into).collect()
    }

    /// The addresses of a patient, by channel, opened.
    ///
    /// # Errors
    /// `Corrupt` if one cannot be opened.
    pub async fn list_reminder_addresses(&self, patient_id: &str) -> Result<Vec<ReminderAddress>> {
        let sql = "SELECT * FROM reminder_address WHERE tenant_id = $1 AND patient_id = $2 ORDER BY channel";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, patient_id])).await?;
        let mut addresses = Vec::with_capacity(rows.len());
        for row in rows {
            let (channel, version): (String, i64) = (row.get("channel")?, row.get("version")?);
            let sealed: String = row.get("sealed")?;
            let secret = self.unseal_for(patient_id, &place(&channel, version), &sealed).await?.unwrap_or_default();
            addresses.push(ReminderAddress {
                patient_id: patient_id.to_owned(),
                channel,
                body: row.json("body")?,
                secret,
                version,
                updated_at: row.get("updated_at")?,
            });
        }
        Ok(addresses)
    }

    /// A reminder, if there is one.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_reminder(&self, id: ReminderId) -> Result<Option<ReminderRow>> {
        let sql = "SELECT * FROM reminder WHERE tenant_id = $1 AND reminder_id = $2";
        self.exec.row(Sql::new(sql, args![self.tenant, id])).await?.map(TryInto::try_into).transpose()
    }

    /// The reminder of a message, if there is one.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_reminder_of(&self, message_id: &str) -> Result<Option<ReminderRow>> {
        let sql = "SELECT * FROM reminder WHERE tenant_id = $1 AND message_id = $2";
        self.exec.row(Sql::new(sql, args![self.tenant, message_id])).await?.map(TryInto::try_into).transpose()
    }

    /// A patient's reminders, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_reminders(&self, patient_id: &str, limit: u32) -> Result<Vec<ReminderRow>> {
        let sql = "SELECT * FROM reminder WHERE tenant_id = $1 AND patient_id = $2
                   ORDER BY created_at DESC, reminder_id DESC LIMIT $3";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, patient_id, limit])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// A patient's reminders that wait or are tried again, the oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_queued_reminders(&self, patient_id: &str) -> Result<Vec<ReminderRow>> {
        let sql = "SELECT * FROM reminder WHERE tenant_id = $1 AND patient_id = $2 AND status = 'queued'
                   ORDER BY created_at, reminder_id";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, patient_id])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// A patient's reminders that were handed to a gateway after a moment, in the order of the last time.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_tried_reminders(&self, patient_id: &str, after: Instant) -> Result<Vec<ReminderRow>> {
        let sql = "SELECT * FROM reminder WHERE tenant_id = $1 AND patient_id = $2 AND tried_at > $3
                   ORDER BY tried_at, reminder_id";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, patient_id, after])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// The messages that a reminder counts beside its own.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_bundled_messages(&self, into: ReminderId) -> Result<Vec<String>> {
        let sql = "SELECT message_id FROM reminder WHERE tenant_id = $1 AND into_id = $2 ORDER BY message_id";
        self.exec.rows(Sql::new(sql, args![self.tenant, into])).await?.iter().map(|row| row.get("message_id")).collect()
    }
}

impl TenantTx {
    /// Sets up a channel, replacing the former settings.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn put_reminder_channel(&self, channel: &ReminderChannel) -> Result<()> {
        let sql = "INSERT INTO reminder_channel (tenant_id, channel, body, sealed, version, updated_at)
                   VALUES ($1, $2, $3, $4, 1, $5)
                   ON CONFLICT (tenant_id, channel) DO UPDATE
                   SET body = excluded.body, sealed = excluded.sealed, updated_at = excluded.updated_at,
                       version = reminder_channel.version + 1";
        let ReminderChannel { channel, body, sealed, updated_at, .. } = channel;
        let args = args![self.tenant, channel, Arg::json(body)?, sealed.as_slice(), *updated_at];
        self.exec.execute(Sql::new(sql, args)).await.map(drop)
    }

    /// Stores an address, new or replacing the version that was read, sealed under the person's key.
    ///
    /// # Errors
    /// `VersionConflict`; `Invalid` without a key.
    pub async fn put_reminder_address(&self, address: &ReminderAddress) -> Result<()> {
        let ReminderAddress { patient_id, channel, body, secret, version, updated_at } = address;
        let sealed = self.seal_for(patient_id, &place(channel, version + 1), secret).await?;
        let sql = "INSERT INTO reminder_address (tenant_id, patient_id, channel, body, sealed, version, updated_at)
                   SELECT $1, $2, $4, $5, $6, $3 + 1, $7
                   WHERE $3 = 0 OR EXISTS (SELECT 1 FROM reminder_address
                                           WHERE tenant_id = $1 AND patient_id = $2 AND channel = $4)
                   ON CONFLICT (tenant_id, patient_id, channel) DO UPDATE
                   SET body = excluded.body, sealed = excluded.sealed, version = excluded.version,
                       updated_at = excluded.updated_at
                   WHERE reminder_address.version = $3";
        let args = args![self.tenant, patient_id, *version, channel, Arg::json(body)?, sealed, *updated_at];
        let id = format!("{patient_id}/{channel}");
        self.exec.update_one(Sql::new(sql, args), "reminder_address", &id, *version).await.map(drop)
    }

    /// Stores a reminder, new or replacing the version that was read.
    ///
    /// # Errors
    /// `VersionConflict`; `Unique` if its message has another.
    pub async fn put_reminder(&self, row: &ReminderRow) -> Result<()> {
        let sql =
            "INSERT INTO reminder (tenant_id, reminder_id, patient_id, message_id, status, urgent, tried_at, into_id,
                                         body, version, created_at, updated_at)
                   SELECT $1, $2, $4, $5, $6, $7, $8, $9, $10, $3 + 1, $11, $12
                   WHERE $3 = 0 OR EXISTS (SELECT 1 FROM reminder WHERE tenant_id = $1 AND reminder_id = $2)
                   ON CONFLICT (tenant_id, reminder_id) DO UPDATE
                   SET status = excluded.status, urgent = excluded.urgent, tried_at = excluded.tried_at,
                       into_id = excluded.into_id, body = excluded.body, version = excluded.version,
                       updated_at = excluded.updated_at
                   WHERE reminder.version = $3";
        let ReminderRow { id, patient_id, message_id, status, urgent, tried_at, into, body, version, .. } = row;
        let args = args![
            self.tenant,
            *id,
            *version,
            patient_id,
            message_id,
            status,
            *urgent,
            *tried_at,
            *into,
            Arg::json(body)?,
            row.created_at,
            row.updated_at
        ];
        self.exec.update_one(Sql::new(sql, args), "reminder", &id.to_string(), *version).await.map(drop)
    }
}
