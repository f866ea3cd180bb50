//! Plugins as a tenant has them.

use std::str::FromStr;

use serde_json::Value;
use xinglin_domain::{id::TenantId, time::Instant};

use crate::{
    Executor, OperatorScope, Result, StoreError, TenantScope, TenantTx,
    db::{Arg, Row, Sql, args},
};

/// How far a plugin has come in a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstallState {
    /// It is there.
    Installed,
    /// It has been told what it may do.
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

/// A plugin in a tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct Install {
    /// Filled in by reads; writes use the tenant of the scope.
    pub tenant: TenantId,
    /// Which plugin.
    pub plugin_id: String,
    /// The package that is called.
    pub digest: String,
    /// The package a rollback goes back to.
    pub previous_digest: Option<String>,
    /// The package that runs in its shadow.
    pub candidate_digest: Option<String>,
    /// How far it has come.
    pub state: InstallState,
    /// What it may do.
    pub grants: Value,
    /// The tenant's settings for it.
    pub settings: Value,
    /// Since when the candidate runs so, and what it must pass; there if it does.
    pub shadow: Option<Value>,
    /// When the package that is called was recalled. Filled in by reads.
    pub recalled: Option<Instant>,
    /// A pathway's definition, as the plugin gave it.
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

/// What was recalled is read from its index first: a row of packages is as large as
/// its package.
const SELECT: &str = "WITH recalled AS MATERIALIZED
         (SELECT digest, revoked_at FROM plugin_package WHERE revoked_at IS NOT NULL)
     SELECT i.*, r.revoked_at FROM plugin_install i LEFT JOIN recalled r ON r.digest = i.digest";

impl<E: Executor> TenantScope<E> {
    /// One plugin.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_install(&self, plugin_id: &str) -> Result<Install> {
        let sql = format!("{SELECT} WHERE i.tenant_id = $1 AND i.plugin_id = $2");
        let row = self.exec.row(Sql::new(sql, args![self.tenant, plugin_id])).await?;
        row.ok_or_else(|| StoreError::not_found("plugin", plugin_id))?.try_into()
    }

    /// All plugins, by id; or those in one state.
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
    /// Every tenant's installs of one package, as what is called, as what a
    /// rollback would call, or in the shadow: whom a recall concerns.
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

    /// Every enabled install of every tenant: what to warm up at the start.
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
    /// Writes an install, new or changed.
    ///
    /// # Errors
    /// `VersionConflict`, also if it is new to the caller but not to the store;
    /// `Reference` if a package is not there.
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

    /// Takes a plugin away. Its data stay.
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
