//! Installations of plugins in tenants.

use std::str::FromStr;

use serde_json::Value;
use xinglin_domain::{id::TenantId, time::Instant};

use crate::{
    Executor, OperatorScope, Result, StoreError, TenantScope, TenantTx,
    db::{Arg, Row, Sql, args},
};

/// State of an installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstallState {
    /// Installed, without a grant.
    Installed,
    /// It has a grant.
    Granted,
    /// It is called.
    Enabled,
    /// It is not called any more.
    Disabled,
}

impl InstallState {
    /// The stored form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::Granted => "granted",
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
        }
    }
}

impl FromStr for InstallState {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Installed, Self::Granted, Self::Enabled, Self::Disabled]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| StoreError::corrupt(format!("install state `{text}`")))
    }
}

/// An installation.
#[derive(Debug, Clone, PartialEq)]
pub struct Install {
    /// Filled in by reads; writes use the tenant of the scope.
    pub tenant: TenantId,
    /// Id of the plugin.
    pub plugin_id: String,
    /// Digest of the active package.
    pub digest: String,
    /// Digest of the package to roll back to.
    pub previous_digest: Option<String>,
    /// Digest of the package in shadow.
    pub candidate_digest: Option<String>,
    /// Its state.
    pub state: InstallState,
    /// The tenant's grant, as JSON.
    pub grants: Value,
    /// The tenant's settings for it.
    pub settings: Value,
    /// Start and gate of the shadow run; `Some` while a candidate is in shadow.
    pub shadow: Option<Value>,
    /// When the active package was recalled. Filled in by reads.
    pub recalled: Option<Instant>,
    /// The definition of a pathway, from the plugin.
    pub definition: Option<Value>,
    /// The version that was read; 0 if not stored.
    pub version: i64,
    /// When it last changed.
    pub updated_at: Instant,
}

impl TryFrom<Row> for Install {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            tenant: row.get("tenant_id")?,
            plugin_id: row.get("plugin_id")?,
            digest: row.get("digest")?,
            previous_digest: row.get("previous_digest")?,
            candidate_digest: row.get("candidate_digest")?,
            state: row.get::<String>("state")?.parse()?,
            grants: row.json("grants")?,
            settings: row.json("settings")?,
            shadow: row.opt_json("shadow")?,
            recalled: row.get("revoked_at")?,
            definition: row.opt_json("definition")?,
            version: row.get("version")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

/// Recalled packages are read from their index first, since rows of packages contain the component.
const SELECT: &str = "WITH recalled AS MATERIALIZED
         (SELECT digest, revoked_at FROM plugin_package WHERE revoked_at IS NOT NULL)
     SELECT i.*, r.revoked_at FROM plugin_install i LEFT JOIN recalled r ON r.digest = i.digest";

impl<E: Executor> TenantScope<E> {
    /// One installation.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_install(&self, plugin_id: &str) -> Result<Install> {
        let sql = format!("{SELECT} WHERE i.tenant_id = $1 AND i.plugin_id = $2");
        let row = self.exec.row(Sql::new(sql, args![self.tenant, plugin_id])).await?;
        row.ok_or_else(|| StoreError::not_found("plugin", plugin_id))?.try_into()
    }

    /// All installations, by plugin id; or those in one state.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_installs(&self, state: Option<InstallState>) -> Result<Vec<Install>> {
        let mut sql = Sql::new(format!("{SELECT} WHERE i.tenant_id = $1"), args![self.tenant]);
        if let Some(state) = state {
            sql.push(" AND i.state = ").bind(state.as_str());
        }
        sql.push(" ORDER BY i.plugin_id");
        self.exec.rows(sql).await?.into_iter().map(TryInto::try_into).collect()
    }
}

impl<E: Executor> OperatorScope<E> {
    /// Installations of one package in all tenants, as active, previous or candidate package: those
    /// that a recall concerns.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_installs_of(&self, digest: &str) -> Result<Vec<Install>> {
        let sql = format!(
            "{SELECT} WHERE i.digest = $1 OR i.previous_digest = $1 OR i.candidate_digest = $1
             ORDER BY i.tenant_id, i.plugin_id"
        );
        self.exec.rows(Sql::new(sql, args![digest])).await?.into_iter().map(TryInto::try_into).collect()
    }

    /// Every enabled installation of every tenant, to be compiled at start.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_enabled_installs(&self) -> Result<Vec<Install>> {
        let sql = format!("{SELECT} WHERE i.state = $1 ORDER BY i.tenant_id, i.plugin_id");
        let enabled = args![InstallState::Enabled.as_str()];
        self.exec.rows(Sql::new(sql, enabled)).await?.into_iter().map(TryInto::try_into).collect()
    }
}

impl TenantTx {
    /// Stores an installation, new or changed.
    ///
    /// # Errors
    /// `VersionConflict`, also if the caller takes an existing one for new; `Reference` if a
    /// package does not exist.
    pub async fn put_install(&self, install: &Install) -> Result<i64> {
        let sql = "INSERT INTO plugin_install (tenant_id, plugin_id, version, digest, previous_digest,
                               candidate_digest, state, grants, settings, definition, updated_at, shadow)
                   SELECT $1, $2, $3 + 1, $4, $5, $6, $7, $8, $9, $10, $11, $12
                   WHERE $3 = 0 OR EXISTS (SELECT 1 FROM plugin_install WHERE tenant_id = $1 AND plugin_id = $2)
                   ON CONFLICT (tenant_id, plugin_id) DO UPDATE
                   SET version = excluded.version, digest = excluded.digest,
                       previous_digest = excluded.previous_digest, candidate_digest = excluded.candidate_digest,
                       state = excluded.state, grants = excluded.grants, settings = excluded.settings,
                       definition = excluded.definition, updated_at = excluded.updated_at,
                       shadow = excluded.shadow
                   WHERE plugin_install.version = $3";
        let args = args![
            self.tenant,
            &install.plugin_id,
            install.version,
            &install.digest,
            &install.previous_digest,
            &install.candidate_digest,
            install.state.as_str(),
            Arg::json(&install.grants)?,
            Arg::json(&install.settings)?,
            Arg::opt_json(install.definition.as_ref())?,
            install.updated_at,
            Arg::opt_json(install.shadow.as_ref())?
        ];
        self.exec.update_one(Sql::new(sql, args), "plugin", &install.plugin_id, install.version).await
    }

    /// Deletes an installation. Its data are kept.
    ///
    /// # Errors
    /// `VersionConflict`.
    pub async fn delete_install(&self, plugin_id: &str, version: i64) -> Result<()> {
        let sql = "DELETE FROM plugin_install WHERE tenant_id = $1 AND plugin_id = $2 AND version = $3";
        self.exec
            .update_one(Sql::new(sql, args![self.tenant, plugin_id, version]), "plugin", plugin_id, version)
            .await?;
        Ok(())
    }
}
