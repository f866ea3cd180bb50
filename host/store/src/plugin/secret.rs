//! Secrets and keys that a tenant stores for a plugin, and disclosures of patients' identity.
//!
//! Values are sealed by the caller: the store cannot read them.

use xinglin_domain::{
    id::{CallId, TenantId},
    time::Instant,
};

use crate::{
    Cursor, Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Arg, Row, Sql, args, insert_many},
};

/// A secret, or a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginSecret {
    /// Filled in by reads; writes use the tenant of the scope.
    pub tenant: TenantId,
    /// Id of the plugin.
    pub plugin_id: String,
    /// `secret`, or the kind of the key: `ed25519`, `sm2`, `sm4`.
    pub kind: String,
    /// The name in the manifest.
    pub name: String,
    /// The value, sealed.
    pub sealed: Vec<u8>,
    /// The public half of an asymmetric key.
    pub public: Option<Vec<u8>>,
    /// The version that was read; 0 if not stored.
    pub version: i64,
    /// When it was last set.
    pub updated_at: Instant,
}

impl TryFrom<Row> for PluginSecret {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            tenant: row.get("tenant_id")?,
            plugin_id: row.get("plugin_id")?,
            kind: row.get("kind")?,
            name: row.get("name")?,
            sealed: row.get("sealed")?,
            public: row.get("public")?,
            version: row.get("version")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

/// A disclosure: identifying data of a patient that were sent to another server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disclosure {
    /// Unique in the tenant.
    pub id: String,
    /// FHIR id of the patient.
    pub patient_id: String,
    /// The plugin on whose behalf.
    pub plugin_id: String,
    /// The call of the plugin.
    pub call_id: CallId,
    /// The field, for example `id-number`. Never the value.
    pub field: String,
    /// The receiving server.
    pub host: String,
    /// When it was sent.
    pub at: Instant,
}

impl TryFrom<Row> for Disclosure {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.get("disclosure_id")?,
            patient_id: row.get("patient_id")?,
            plugin_id: row.get("plugin_id")?,
            call_id: row.get("call_id")?,
            field: row.get("field")?,
            host: row.get("host")?,
            at: row.get("disclosed_at")?,
        })
    }
}

impl<E: Executor> TenantScope<E> {
    /// A secret or key of a plugin, if it exists.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_plugin_secret(&self, plugin_id: &str, kind: &str, name: &str) -> Result<Option<PluginSecret>> {
        let sql = "SELECT * FROM plugin_secret
                   WHERE tenant_id = $1 AND plugin_id = $2 AND kind = $3 AND name = $4";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, plugin_id, kind, name])).await?;
        row.map(TryInto::try_into).transpose()
    }

    /// All secrets and keys of a plugin, by kind and name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_plugin_secrets(&self, plugin_id: &str) -> Result<Vec<PluginSecret>> {
        let sql = "SELECT * FROM plugin_secret WHERE tenant_id = $1 AND plugin_id = $2";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, plugin_id])).await?;
        let mut secrets = rows.into_iter().map(TryInto::try_into).collect::<Result<Vec<PluginSecret>>>()?;
        // Sorted here, because the engines' collations differ.
        secrets.sort_unstable_by(|a, b| (&a.kind, &a.name).cmp(&(&b.kind, &b.name)));
        Ok(secrets)
    }

    /// Disclosures of a patient's identity, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_disclosures(
        &self,
        patient_id: &str,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Vec<Disclosure>> {
        let mut sql = Sql::new(
            "SELECT * FROM identity_disclosure WHERE tenant_id = $1 AND patient_id = $2",
            args![self.tenant, patient_id],
        );
        if let Some(Cursor { at, id }) = after {
            sql.push(" AND (disclosed_at, disclosure_id) < (").bind(*at).push(", ").bind(id).push(")");
        }
        sql.push(" ORDER BY disclosed_at DESC, disclosure_id DESC LIMIT ").bind(limit);
        self.exec.rows(sql).await?.into_iter().map(TryInto::try_into).collect()
    }
}

impl TenantTx {
    /// Stores a secret or key, new or replacing the version that was read.
    ///
    /// # Errors
    /// `VersionConflict`, also if the caller takes an existing one for new.
    pub async fn put_plugin_secret(&self, secret: &PluginSecret) -> Result<i64> {
        let sql = "INSERT INTO plugin_secret (tenant_id, plugin_id, kind, name, version, sealed, public, updated_at)
                   SELECT $1, $2, $3, $4, $5 + 1, $6, $7, $8
                   WHERE $5 = 0 OR EXISTS (SELECT 1 FROM plugin_secret
                                           WHERE tenant_id = $1 AND plugin_id = $2 AND kind = $3 AND name = $4)
                   ON CONFLICT (tenant_id, plugin_id, kind, name) DO UPDATE
                   SET version = excluded.version, sealed = excluded.sealed, public = excluded.public,
                       updated_at = excluded.updated_at
                   WHERE plugin_secret.version = $5";
        let args = args![
            self.tenant,
            &secret.plugin_id,
            &secret.kind,
            &secret.name,
            secret.version,
            secret.sealed.as_slice(),
            Arg::Bytes(secret.public.clone()),
            secret.updated_at
        ];
        self.exec.update_one(Sql::new(sql, args), "secret", &secret.name, secret.version).await
    }

    /// Deletes a secret or key; returns whether it existed.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn delete_plugin_secret(&self, plugin_id: &str, kind: &str, name: &str) -> Result<bool> {
        let sql = "DELETE FROM plugin_secret WHERE tenant_id = $1 AND plugin_id = $2 AND kind = $3 AND name = $4";
        Ok(self.exec.execute(Sql::new(sql, args![self.tenant, plugin_id, kind, name])).await? > 0)
    }

    /// Records disclosures of patients' identity; append-only.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn append_disclosures(&self, disclosures: &[Disclosure]) -> Result<()> {
        let head = "INSERT INTO identity_disclosure
                        (tenant_id, disclosure_id, patient_id, plugin_id, call_id, field, host, disclosed_at)";
        let rows = disclosures
            .iter()
            .map(|d| args![self.tenant, &d.id, &d.patient_id, &d.plugin_id, d.call_id, &d.field, &d.host, d.at]);
        self.exec.execute_all(insert_many(head, rows.collect(), "")).await.map(drop)
    }
}
