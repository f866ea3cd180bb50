//! Tenants.

use serde_json::Value;
use xinglin_domain::{id::TenantId, time::Instant};

use crate::{
    Executor, OperatorScope, OperatorTx, Result, StoreError, TenantScope,
    db::{Arg, Row, Sql, args},
};

/// A hospital, pharmacy, insurer or other party.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantRow {
    /// Its id.
    pub id: TenantId,
    /// Kind of party, named by the server.
    pub kind: String,
    /// Text for people.
    pub name: String,
    /// The server's value, as JSON.
    pub settings: Value,
    /// Whether its staff must have a second factor.
    pub second_factor: bool,
    /// Years of independent practice that it requires of doctors.
    pub practice_years: i64,
    /// The version that was read; 0 if not stored.
    pub version: i64,
    /// When it was created.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

impl TryFrom<Row> for TenantRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.get("tenant_id")?,
            kind: row.get("kind")?,
            name: row.get("name")?,
            settings: row.json("settings")?,
            second_factor: row.get("second_factor")?,
            practice_years: row.get("practice_years")?,
            version: row.get("version")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

const BY_ID: &str = "SELECT * FROM tenant WHERE tenant_id = $1";

impl<E: Executor> OperatorScope<E> {
    /// One tenant.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_tenant(&self, tenant: TenantId) -> Result<TenantRow> {
        let row = self.exec.row(Sql::new(BY_ID, args![tenant])).await?;
        row.ok_or_else(|| StoreError::not_found("tenant", tenant))?.try_into()
    }

    /// All tenants, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_tenants(&self) -> Result<Vec<TenantRow>> {
        let rows = self.exec.rows(Sql::new("SELECT * FROM tenant ORDER BY created_at, tenant_id", args![])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl<E: Executor> TenantScope<E> {
    /// The row of the tenant.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn profile(&self) -> Result<TenantRow> {
        let row = self.exec.row(Sql::new(BY_ID, args![self.tenant])).await?;
        row.ok_or_else(|| StoreError::not_found("tenant", self.tenant))?.try_into()
    }
}

impl OperatorTx {
    /// Stores a new tenant.
    ///
    /// # Errors
    /// `Unique`.
    pub async fn insert_tenant(&self, tenant: &TenantRow) -> Result<i64> {
        let sql =
            "INSERT INTO tenant (tenant_id, kind, name, settings, second_factor, practice_years, version, created_at,
                                       updated_at)
                   VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8)";
        let args = args![
            tenant.id,
            &tenant.kind,
            &tenant.name,
            Arg::json(&tenant.settings)?,
            tenant.second_factor,
            tenant.practice_years,
            tenant.created_at,
            tenant.updated_at
        ];
        self.exec.execute(Sql::new(sql, args)).await?;
        Ok(1)
    }

    /// Updates name and settings.
    ///
    /// # Errors
    /// `VersionConflict`.
    pub async fn update_tenant(&self, tenant: &TenantRow) -> Result<i64> {
        let sql =
            "UPDATE tenant SET name = $3, settings = $4, second_factor = $5, practice_years = $6, updated_at = $7,
                          version = version + 1
                   WHERE tenant_id = $1 AND version = $2";
        let args = args![
            tenant.id,
            tenant.version,
            &tenant.name,
            Arg::json(&tenant.settings)?,
            tenant.second_factor,
            tenant.practice_years,
            tenant.updated_at
        ];
        self.exec.update_one(Sql::new(sql, args), "tenant", tenant.id, tenant.version).await
    }
}
