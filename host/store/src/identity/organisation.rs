//! Schools and employers that patients may inform, who represents them, and who consented to inform them.

use serde_json::Value;
use xinglin_domain::{
    id::{AccountId, OrganisationId},
    time::Instant,
};

use crate::{
    Cursor, Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Arg, Row, Sql, args},
};

/// An organisation with its columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Organisation {
    /// Its id.
    pub id: OrganisationId,
    /// The domain value, as JSON.
    pub body: Value,
    /// When it was registered.
    pub registered_at: Instant,
    /// When it was closed.
    pub closed_at: Option<Instant>,
}

impl Organisation {
    /// The cursor of the next page after this organisation.
    pub fn cursor(&self) -> Cursor {
        Cursor { at: self.registered_at, id: self.id.to_string() }
    }
}

impl TryFrom<Row> for Organisation {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.get("organisation_id")?,
            body: row.json("body")?,
            registered_at: row.get("registered_at")?,
            closed_at: row.get("closed_at")?,
        })
    }
}

impl<E: Executor> TenantScope<E> {
    /// One organisation.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_organisation(&self, id: OrganisationId) -> Result<Organisation> {
        let sql = "SELECT * FROM organisation WHERE tenant_id = $1 AND organisation_id = $2";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, id])).await?;
        row.ok_or_else(|| StoreError::not_found("organisation", id))?.try_into()
    }

    /// A page of the organisations, newest first; closed ones too if `all`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_organisations(&self, all: bool, after: Option<&Cursor>, limit: u32) -> Result<Vec<Organisation>> {
        let text = "SELECT * FROM organisation WHERE tenant_id = $1 AND (closed_at IS NULL OR $2)";
        let mut sql = Sql::new(text, args![self.tenant, all]);
        if let Some(Cursor { at, id }) = after {
            sql.push(" AND (registered_at, organisation_id) < (").bind(*at).push(", ").bind(id).push(")");
        }
        sql.push(" ORDER BY registered_at DESC, organisation_id DESC LIMIT ").bind(limit);
        self.exec.rows(sql).await?.into_iter().map(TryInto::try_into).collect()
    }

    /// The organisation that an account represents, if any.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_organisation_of(&self, account: AccountId) -> Result<Option<Organisation>> {
        let sql = "SELECT o.* FROM organisation o
                   JOIN representative r ON r.tenant_id = o.tenant_id AND r.organisation_id = o.organisation_id
                   WHERE r.tenant_id = $1 AND r.account_id = $2";
        self.exec.row(Sql::new(sql, args![self.tenant, account])).await?.map(TryInto::try_into).transpose()
    }

    /// The accounts that represent an organisation, by the time of their appointment.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_representatives(&self, id: OrganisationId) -> Result<Vec<AccountId>> {
        let sql = "SELECT account_id FROM representative WHERE tenant_id = $1 AND organisation_id = $2
                   ORDER BY appointed_at, account_id";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, id])).await?;
        rows.iter().map(|row| row.get("account_id")).collect()
    }

    /// Patients with an unrevoked consent to inform an organisation, by id, after `after`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_informing(&self, id: OrganisationId, after: &str, limit: u32) -> Result<Vec<String>> {
        let sql = "SELECT DISTINCT patient_id FROM consent
                   WHERE tenant_id = $1 AND organisation_id = $2 AND revoked_at IS NULL AND patient_id > $3
                   ORDER BY patient_id LIMIT $4";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, id, after, limit])).await?;
        rows.iter().map(|row| row.get("patient_id")).collect()
    }
}

impl TenantTx {
    /// Stores a new organisation.
    ///
    /// # Errors
    /// `Unique` if the id is taken.
    pub async fn insert_organisation(&self, organisation: &Organisation) -> Result<()> {
        let sql = "INSERT INTO organisation (tenant_id, organisation_id, body, registered_at, closed_at)
                   VALUES ($1, $2, $3, $4, NULL)";
        let Organisation { id, body, registered_at, .. } = organisation;
        let args = args![self.tenant, *id, Arg::json(body)?, *registered_at];
        self.exec.execute(Sql::new(sql, args)).await.map(drop)
    }

    /// Closes an organisation.
    ///
    /// # Errors
    /// `VersionConflict` if it is closed already.
    pub async fn close_organisation(&self, id: OrganisationId, body: &Value, at: Instant) -> Result<()> {
        let sql = "UPDATE organisation SET body = $3, closed_at = $4
                   WHERE tenant_id = $1 AND organisation_id = $2 AND closed_at IS NULL";
        match self.exec.execute(Sql::new(sql, args![self.tenant, id, Arg::json(body)?, at])).await? {
            0 => Err(self.exec.mark_failed(StoreError::conflict("organisation", id)).await),
            _ => Ok(()),
        }
    }

    /// Has an account represent an organisation.
    ///
    /// # Errors
    /// `Unique` if it represents one already; `Reference` if there is no such account or organisation.
    pub async fn appoint_representative(
        &self,
        id: OrganisationId,
        account: AccountId,
        by: AccountId,
        at: Instant,
    ) -> Result<()> {
        let sql = "INSERT INTO representative (tenant_id, account_id, organisation_id, appointed_by, appointed_at)
                   VALUES ($1, $2, $3, $4, $5)";
        self.exec.execute(Sql::new(sql, args![self.tenant, account, id, by, at])).await.map(drop)
    }

    /// Has an account represent an organisation no more; `false` if it did not.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn dismiss_representative(&self, id: OrganisationId, account: AccountId) -> Result<bool> {
        let sql = "DELETE FROM representative WHERE tenant_id = $1 AND organisation_id = $2 AND account_id = $3";
        Ok(self.exec.execute(Sql::new(sql, args![self.tenant, id, account])).await? == 1)
    }
}
