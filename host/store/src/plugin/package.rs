//! Plugin packages by digest, one copy for all tenants.

use serde_json::Value;
use xinglin_domain::time::Instant;

use crate::{
    Executor, OperatorScope, OperatorTx, Result, StoreError,
    db::{Arg, Row, Sql, args},
};

/// A package to store.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPackage {
    /// SHA-256 of the bytes, in hex.
    pub digest: String,
    /// Id of the plugin.
    pub plugin_id: String,
    /// Version of the plugin.
    pub plugin_version: String,
    /// Its manifest, as JSON.
    pub manifest: Value,
    /// The component.
    pub bytes: Vec<u8>,
    /// When it was added.
    pub inserted_at: Instant,
}

/// A stored package, without its bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Package {
    /// SHA-256 of the bytes, in hex.
    pub digest: String,
    /// Id of the plugin.
    pub plugin_id: String,
    /// Version of the plugin.
    pub plugin_version: String,
    /// Its manifest, as JSON.
    pub manifest: Value,
    /// When it was added.
    pub inserted_at: Instant,
    /// Its recall, if any.
    pub revoked: Option<Revoked>,
}

/// A recall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    /// When it was recalled.
    pub at: Instant,
    /// Why.
    pub reason: String,
    /// Who recalled it.
    pub by: String,
}

impl TryFrom<Row> for Package {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        let revoked_at: Option<Instant> = row.get("revoked_at")?;
        let (reason, by): (Option<String>, Option<String>) = (row.get("revoked_reason")?, row.get("revoked_by")?);
        Ok(Self {
            digest: row.get("digest")?,
            plugin_id: row.get("plugin_id")?,
            plugin_version: row.get("plugin_version")?,
            manifest: row.json("manifest")?,
            inserted_at: row.get("inserted_at")?,
            revoked: revoked_at.map(|at| Revoked {
                at,
                reason: reason.unwrap_or_default(),
                by: by.unwrap_or_default(),
            }),
        })
    }
}

impl<E: Executor> OperatorScope<E> {
    /// One package.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_package(&self, digest: &str) -> Result<Package> {
        let sql =
            "SELECT digest, plugin_id, plugin_version, manifest, inserted_at, revoked_at, revoked_reason, revoked_by
                   FROM plugin_package WHERE digest = $1";
        let row = self.exec.row(Sql::new(sql, args![digest])).await?;
        row.ok_or_else(|| StoreError::not_found("package", digest))?.try_into()
    }

    /// Its bytes.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_package_bytes(&self, digest: &str) -> Result<Vec<u8>> {
        let row = self.exec.row(Sql::new("SELECT bytes FROM plugin_package WHERE digest = $1", args![digest])).await?;
        row.ok_or_else(|| StoreError::not_found("package", digest))?.get("bytes")
    }

    /// All packages, by plugin, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_packages(&self) -> Result<Vec<Package>> {
        let sql =
            "SELECT digest, plugin_id, plugin_version, manifest, inserted_at, revoked_at, revoked_reason, revoked_by
                   FROM plugin_package ORDER BY plugin_id, inserted_at, digest";
        let rows = self.exec.rows(Sql::new(sql, args![])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Digests of recalled packages.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_revoked(&self) -> Result<Vec<String>> {
        let sql = "SELECT digest FROM plugin_package WHERE revoked_at IS NOT NULL ORDER BY digest";
        self.exec.rows(Sql::new(sql, args![])).await?.iter().map(|row| row.get("digest")).collect()
    }
}

impl OperatorTx {
    /// Stores a package; `false` if it exists already.
    ///
    /// # Errors
    /// `Unique` if another package has this plugin id and version.
    pub async fn insert_package(&self, package: NewPackage) -> Result<bool> {
        let sql = "INSERT INTO plugin_package (digest, plugin_id, plugin_version, manifest, bytes, inserted_at)
                   VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (digest) DO NOTHING";
        let args = args![
            package.digest,
            package.plugin_id,
            package.plugin_version,
            Arg::json(&package.manifest)?,
            package.bytes,
            package.inserted_at
        ];
        Ok(self.exec.execute(Sql::new(sql, args)).await? == 1)
    }

    /// Recalls a package permanently, for all tenants. The first reason is kept.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn revoke_package(&self, digest: &str, revoked: &Revoked) -> Result<()> {
        let sql = "UPDATE plugin_package SET revoked_at = COALESCE(revoked_at, $2),
                          revoked_reason = COALESCE(revoked_reason, $3),
                          revoked_by = COALESCE(revoked_by, $4) WHERE digest = $1";
        match self.exec.execute(Sql::new(sql, args![digest, revoked.at, &revoked.reason, &revoked.by])).await? {
            0 => Err(StoreError::not_found("package", digest)),
            _ => Ok(()),
        }
    }
}
