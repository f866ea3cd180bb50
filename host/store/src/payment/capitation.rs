//! Payment per head: contracts, members with their months, the accounts of years, and what is charged
//! to them.

use serde_json::Value;
use xinglin_domain::{
    id::{BillId, MemberId},
    money::Money,
    time::Instant,
};

use crate::{
    Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Arg, Row, Sql, args},
};

/// The contract of a lead under a scheme.
#[derive(Debug, Clone, PartialEq)]
pub struct CapitationContract {
    /// The plugin of the scheme.
    pub plugin: String,
    /// Id of the lead institution.
    pub lead: String,
    /// The domain value, as JSON.
    pub body: Value,
    /// The version that was read; 0 if not stored.
    pub version: i64,
    /// When it last changed.
    pub updated_at: Instant,
}

impl TryFrom<Row> for CapitationContract {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            plugin: row.get("plugin_id")?,
            lead: row.get("lead")?,
            body: row.json("body")?,
            version: row.get("version")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

/// A patient with a lead. Of one patient and scheme, one has no end at most.
#[derive(Debug, Clone, PartialEq)]
pub struct CapitationMember {
    /// Its id.
    pub id: MemberId,
    /// The plugin of the scheme.
    pub plugin: String,
    /// FHIR id of the patient.
    pub patient_id: String,
    /// Id of the lead institution.
    pub lead: String,
    /// Code of the risk class.
    pub risk_class: String,
    /// The first moment of the first month that counts.
    pub since: Instant,
    /// The first moment of the first month that does not count any more.
    pub until: Option<Instant>,
    /// Partners, and what the scheme said, as JSON.
    pub body: Value,
    /// The version that was read; 0 if not stored.
    pub version: i64,
    /// When the patient chose.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

impl TryFrom<Row> for CapitationMember {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.get::<String>("member_id")?.parse().map_err(StoreError::corrupt)?,
            plugin: row.get("plugin_id")?,
            patient_id: row.get("patient_id")?,
            lead: row.get("lead")?,
            risk_class: row.get("risk_class")?,
            since: row.get("since")?,
            until: row.get("until")?,
            body: row.json("body")?,
            version: row.get("version")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

/// The account of a lead for a year.
#[derive(Debug, Clone, PartialEq)]
pub struct CapitationYear {
    /// The plugin of the scheme.
    pub plugin: String,
    /// Id of the lead institution.
    pub lead: String,
    /// Its number.
    pub year: i64,
    /// The domain value, as JSON.
    pub body: Value,
    /// The version that was read; 0 if not stored.
    pub version: i64,
    /// When it last changed.
    pub updated_at: Instant,
}

impl TryFrom<Row> for CapitationYear {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            plugin: row.get("plugin_id")?,
            lead: row.get("lead")?,
            year: row.get("year")?,
            body: row.json("body")?,
            version: row.get("version")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

/// Care that was charged to a year, or taken off it. Never changed.
#[derive(Debug, Clone, PartialEq)]
pub struct CapitationUse {
    /// Unique: of a bill, of its reversal, of a statement.
    pub key: String,
    /// The plugin of the scheme.
    pub plugin: String,
    /// Id of the lead institution.
    pub lead: String,
    /// The year that it is charged to.
    pub year: i64,
    /// FHIR id of the patient; `None` of a statement.
    pub patient_id: Option<String>,
    /// The bill, if it is of one.
    pub bill: Option<BillId>,
    /// The fund's share; below zero if it is taken back.
    pub fund: Money,
    /// What of it is charged.
    pub charged: Money,
    /// Where, when, upon which source, as JSON.
    pub body: Value,
    /// When it was booked.
    pub at: Instant,
}

impl TryFrom<Row> for CapitationUse {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            key: row.get("use_key")?,
            plugin: row.get("plugin_id")?,
            lead: row.get("lead")?,
            year: row.get("year")?,
            patient_id: row.get("patient_id")?,
            bill: row.get("bill_id")?,
            fund: row.get("fund")?,
            charged: row.get("charged")?,
            body: row.json("body")?,
            at: row.get("booked_at")?,
        })
    }
}

impl<E: Executor> TenantScope<E> {
    /// All contracts, by scheme and lead.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_capitation_contracts(&self) -> Result<Vec<CapitationContract>> {
        let sql = "SELECT * FROM capitation_contract WHERE tenant_id = $1 ORDER BY plugin_id, lead";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// The contract of a lead.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_capitation_contract(&self, plugin: &str, lead: &str) -> Result<CapitationContract> {
        let sql = "SELECT * FROM capitation_contract WHERE tenant_id = $1 AND plugin_id = $2 AND lead = $3";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, plugin, lead])).await?;
        row.ok_or_else(|| StoreError::not_found("contract", lead))?.try_into()
    }

    /// One member.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_member(&self, id: MemberId) -> Result<CapitationMember> {
        let sql = "SELECT * FROM capitation_member WHERE tenant_id = $1 AND member_id = $2";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, id.to_string()])).await?;
        row.ok_or_else(|| StoreError::not_found("member", id))?.try_into()
    }

    /// What a patient was and is a member of, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_memberships(&self, patient_id: &str) -> Result<Vec<CapitationMember>> {
        let sql = "SELECT * FROM capitation_member WHERE tenant_id = $1 AND patient_id = $2
                   ORDER BY since DESC, created_at DESC, member_id DESC";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, patient_id])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// The members of a lead by id, after `after`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_members(
        &self,
        (plugin, lead): (&str, &str),
        after: &str,
        limit: u32,
    ) -> Result<Vec<CapitationMember>> {
        let sql = "SELECT * FROM capitation_member
                   WHERE tenant_id = $1 AND plugin_id = $2 AND lead = $3 AND member_id > $4
                   ORDER BY member_id LIMIT $5";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, plugin, lead, after, limit])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Member-months by risk class, from a month to another: `2026-01`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn sum_member_months(
        &self,
        (plugin, lead): (&str, &str),
        from: &str,
        to: &str,
    ) -> Result<Vec<(String, i64)>> {
        let sql = "SELECT risk_class, COUNT(*) AS total FROM capitation_month
                   WHERE tenant_id = $1 AND plugin_id = $2 AND lead = $3 AND month >= $4 AND month <= $5
                   GROUP BY risk_class";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, plugin, lead, from, to])).await?;
        let sum = |row: &Row| Ok((row.get("risk_class")?, row.get("total")?));
        let mut sums = rows.iter().map(sum).collect::<Result<Vec<_>>>()?;
        // The order of texts differs between databases.
        sums.sort();
        Ok(sums)
    }

    /// The account of a year, if there is one.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_capitation_year(
        &self,
        (plugin, lead): (&str, &str),
        year: i16,
    ) -> Result<Option<CapitationYear>> {
        let sql = "SELECT * FROM capitation_year
                   WHERE tenant_id = $1 AND plugin_id = $2 AND lead = $3 AND year = $4";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, plugin, lead, i64::from(year)])).await?;
        row.map(TryInto::try_into).transpose()
    }

    /// All years, newest first, of all leads.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_capitation_years(&self) -> Result<Vec<CapitationYear>> {
        let sql = "SELECT * FROM capitation_year WHERE tenant_id = $1 ORDER BY year DESC, plugin_id, lead";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// What was booked under a key, if anything.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_capitation_use(&self, key: &str) -> Result<Option<CapitationUse>> {
        let sql = "SELECT * FROM capitation_use WHERE tenant_id = $1 AND use_key = $2";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, key])).await?;
        row.map(TryInto::try_into).transpose()
    }

    /// What was charged to a year by key, after `after`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_capitation_uses(
        &self,
        (plugin, lead): (&str, &str),
        year: i16,
        after: &str,
        limit: u32,
    ) -> Result<Vec<CapitationUse>> {
        let sql = "SELECT * FROM capitation_use
                   WHERE tenant_id = $1 AND plugin_id = $2 AND lead = $3 AND year = $4 AND use_key > $5
                   ORDER BY use_key LIMIT $6";
        let args = args![self.tenant, plugin, lead, i64::from(year), after, limit];
        self.exec.rows(Sql::new(sql, args)).await?.into_iter().map(TryInto::try_into).collect()
    }
}

impl TenantTx {
    /// Stores a contract, new or changed.
    ///
    /// # Errors
    /// `VersionConflict`, also if the caller takes an existing one for new.
    pub async fn put_capitation_contract(&self, contract: &CapitationContract) -> Result<i64> {
        let sql = "INSERT INTO capitation_contract (tenant_id, plugin_id, lead, version, body, updated_at)
                   SELECT $1, $2, $3, $4 + 1, $5, $6
                   WHERE $4 = 0 OR EXISTS (SELECT 1 FROM capitation_contract
                                           WHERE tenant_id = $1 AND plugin_id = $2 AND lead = $3)
                   ON CONFLICT (tenant_id, plugin_id, lead) DO UPDATE
                   SET version = excluded.version, body = excluded.body, updated_at = excluded.updated_at
                   WHERE capitation_contract.version = $4";
        let CapitationContract { plugin, lead, body, version, updated_at } = contract;
        let args = args![self.tenant, plugin, lead, *version, Arg::json(body)?, *updated_at];
        self.exec.update_one(Sql::new(sql, args), "contract", lead, *version).await
    }

    /// Stores a new member.
    ///
    /// # Errors
    /// `Unique` if the patient is in the scheme without an end.
    pub async fn insert_member(&self, member: &CapitationMember) -> Result<()> {
        let sql = "INSERT INTO capitation_member (tenant_id, member_id, plugin_id, patient_id, lead, risk_class, since,
                                                  until, body, version, created_at, updated_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $11)";
        let args = args![
            self.tenant,
            member.id.to_string(),
            &member.plugin,
            &member.patient_id,
            &member.lead,
            &member.risk_class,
            member.since,
            member.until,
            Arg::json(&member.body)?,
            member.created_at,
            member.updated_at
        ];
        self.exec.execute(Sql::new(sql, args)).await.map(drop)
    }

    /// Stores until when a member counts, and why.
    ///
    /// # Errors
    /// `VersionConflict`.
    pub async fn end_member(&self, member: &CapitationMember) -> Result<i64> {
        let sql = "UPDATE capitation_member SET until = $4, body = $5, updated_at = $6, version = version + 1
                   WHERE tenant_id = $1 AND member_id = $2 AND version = $3";
        let id = member.id.to_string();
        let args = args![self.tenant, &id, member.version, member.until, Arg::json(&member.body)?, member.updated_at];
        self.exec.update_one(Sql::new(sql, args), "member", id, member.version).await
    }

    /// Counts the members of a lead in a month, `2026-01`, that begins at `start`: who is one in its first
    /// moment. Each is counted once, however often this is done.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn count_month(&self, (plugin, lead): (&str, &str), month: &str, start: Instant) -> Result<u64> {
        let sql = "INSERT INTO capitation_month (tenant_id, plugin_id, patient_id, month, lead, risk_class)
                   SELECT tenant_id, plugin_id, patient_id, $4, lead, risk_class FROM capitation_member
                   WHERE tenant_id = $1 AND plugin_id = $2 AND lead = $3 AND since <= $5
                     AND (until IS NULL OR until > $5)
                   ON CONFLICT (tenant_id, plugin_id, patient_id, month) DO NOTHING";
        self.exec.execute(Sql::new(sql, args![self.tenant, plugin, lead, month, start])).await
    }

    /// Counts a patient out of the months from one to another; in how many it was counted.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn count_out(
        &self,
        (plugin, lead): (&str, &str),
        patient_id: &str,
        (from, to): (&str, &str),
    ) -> Result<u64> {
        let sql = "DELETE FROM capitation_month
                   WHERE tenant_id = $1 AND plugin_id = $2 AND lead = $3 AND patient_id = $4
                     AND month >= $5 AND month <= $6";
        self.exec.execute(Sql::new(sql, args![self.tenant, plugin, lead, patient_id, from, to])).await
    }

    /// Stores the account of a year, new or changed.
    ///
    /// # Errors
    /// `VersionConflict`, also if the caller takes an existing one for new.
    pub async fn put_capitation_year(&self, year: &CapitationYear) -> Result<i64> {
        let sql = "INSERT INTO capitation_year (tenant_id, plugin_id, lead, version, year, body, updated_at)
                   SELECT $1, $2, $3, $4 + 1, $5, $6, $7
                   WHERE $4 = 0 OR EXISTS (SELECT 1 FROM capitation_year
                                           WHERE tenant_id = $1 AND plugin_id = $2 AND lead = $3 AND year = $5)
                   ON CONFLICT (tenant_id, plugin_id, lead, year) DO UPDATE
                   SET version = excluded.version, body = excluded.body, updated_at = excluded.updated_at
                   WHERE capitation_year.version = $4";
        let CapitationYear { plugin, lead, year, body, version, updated_at } = year;
        let args = args![self.tenant, plugin, lead, *version, *year, Arg::json(body)?, *updated_at];
        self.exec.update_one(Sql::new(sql, args), "year", format!("{lead}/{year}"), *version).await
    }

    /// Books what is charged to a year.
    ///
    /// # Errors
    /// `Unique` if the key was used before.
    pub async fn insert_capitation_use(&self, used: &CapitationUse) -> Result<()> {
        let sql = "INSERT INTO capitation_use (tenant_id, use_key, plugin_id, lead, year, patient_id, bill_id, fund,
                                               charged, body, booked_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        let CapitationUse { key, plugin, lead, year, patient_id, bill, fund, charged, body, at } = used;
        let (body, at) = (Arg::json(body)?, *at);
        let args = args![self.tenant, key, plugin, lead, *year, patient_id, *bill, *fund, *charged, body, at];
        self.exec.execute(Sql::new(sql, args)).await.map(drop)
    }
}
