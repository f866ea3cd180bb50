//! Custody of tenants' records. Writes to a frozen tenant are refused by triggers of the schema.

use std::collections::BTreeMap;

use serde_json::Value;
use xinglin_domain::{id::TenantId, time::Instant};

use crate::{
    Executor, OperatorScope, OperatorTx, Result, StoreError, TenantScope,
    db::{Arg, Row, Sql, args},
};

/// A custody.
#[derive(Debug, Clone, PartialEq)]
pub struct Custody {
    /// The tenant whose records they are.
    pub source: TenantId,
    /// The custodian.
    pub custodian: TenantId,
    /// The domain value, as JSON.
    pub body: Value,
    /// When it began.
    pub started_at: Instant,
}

impl TryFrom<Row> for Custody {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            source: row.get("source_id")?,
            custodian: row.get("custodian_id")?,
            body: row.json("body")?,
            started_at: row.get("started_at")?,
        })
    }
}

/// Tables that a statement of custody counts.
const HOLDINGS: [&str; 14] = [
    "resource",
    "resource_history",
    "encounter",
    "prescription",
    "item_order",
    "bill",
    "insurance_request",
    "enrolment",
    "safety_contact",
    "request",
    "visit_message",
    "blob",
    "consent",
    "ledger_transaction",
];

/// Restricts a claim of due work to tenants that are not frozen.
pub(crate) const NOT_FROZEN: &str = "tenant_id NOT IN (SELECT f.tenant_id FROM frozen_tenant f)";

impl<E: Executor> OperatorScope<E> {
    /// The custody of a tenant's records, if any.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_custody(&self, source: TenantId) -> Result<Option<Custody>> {
        let sql = "SELECT * FROM custody WHERE tenant_id = $1 AND source_id = $1";
        self.exec.row(Sql::new(sql, args![source])).await?.map(TryInto::try_into).transpose()
    }

    /// Whether a tenant is frozen.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn is_frozen(&self, tenant: TenantId) -> Result<bool> {
        let sql = "SELECT frozen_at FROM frozen_tenant WHERE tenant_id = $1";
        Ok(self.exec.row(Sql::new(sql, args![tenant])).await?.is_some())
    }
}

impl<E: Executor> TenantScope<E> {
    /// The custodies in which the tenant is source or custodian, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_custodies(&self) -> Result<Vec<Custody>> {
        let sql = "SELECT * FROM custody WHERE tenant_id = $1 ORDER BY started_at, source_id";
        self.exec.rows(Sql::new(sql, args![self.tenant])).await?.into_iter().map(TryInto::try_into).collect()
    }

    /// Number of the tenant's rows, by table.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn count_holdings(&self) -> Result<BTreeMap<String, i64>> {
        let mut holdings = BTreeMap::new();
        for table in HOLDINGS {
            let sql = format!("SELECT COUNT(*) AS total FROM {table} WHERE tenant_id = $1");
            let row = self.exec.row(Sql::new(sql, args![self.tenant])).await?;
            holdings.insert(table.to_owned(), row.map_or(Ok(0), |row| row.get("total"))?);
        }
        Ok(holdings)
    }
}

impl OperatorTx {
    /// Freezes a tenant permanently. From the commit on, only audit entries, sign-ins and patients'
    /// consents are written.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn freeze_tenant(&self, tenant: TenantId, at: Instant) -> Result<()> {
        let sql = "INSERT INTO frozen_tenant (tenant_id, frozen_at) VALUES ($1, $2)
                   ON CONFLICT (tenant_id) DO NOTHING";
        self.exec.execute(Sql::new(sql, args![tenant, at])).await.map(drop)
    }

    /// Stores a custody in both tenants.
    ///
    /// # Errors
    /// `Unique` if the records are in custody already.
    pub async fn insert_custody(&self, custody: &Custody) -> Result<()> {
        let sql = "INSERT INTO custody (tenant_id, source_id, custodian_id, body, started_at)
                   VALUES ($1, $2, $3, $4, $5)";
        let Custody { source, custodian, body, started_at } = custody;
        for tenant in [*source, *custodian] {
            let args = args![tenant, *source, *custodian, Arg::json(body)?, *started_at];
            self.exec.execute(Sql::new(sql, args)).await?;
        }
        Ok(())
    }
}
