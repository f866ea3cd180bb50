//! Values that plugins store between calls.

use crate::{
    Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Sql, args},
};

/// One write or removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KvWrite {
    /// Unique for the plugin.
    pub key: String,
    /// `None` removes the key.
    pub value: Option<Vec<u8>>,
}

impl<E: Executor> TenantScope<E> {
    /// The value of a key, if any.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_kv(&self, plugin_id: &str, key: &str) -> Result<Option<Vec<u8>>> {
        let sql = "SELECT value FROM plugin_kv WHERE tenant_id = $1 AND plugin_id = $2 AND key = $3";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, plugin_id, key])).await?;
        row.map(|row| row.get("value")).transpose()
    }

    /// A plugin's keys with this prefix, in order.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_kv_keys(&self, plugin_id: &str, prefix: &str) -> Result<Vec<String>> {
        let sql = "SELECT key FROM plugin_kv
                   WHERE tenant_id = $1 AND plugin_id = $2 AND substr(key, 1, length($3)) = $3";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, plugin_id, prefix])).await?;
        let mut keys = rows.iter().map(|row| row.get("key")).collect::<Result<Vec<String>>>()?;
        // Sorted here, because the engines' collations differ.
        keys.sort_unstable();
        Ok(keys)
    }

    /// Bytes of a plugin's keys and values.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn kv_usage(&self, plugin_id: &str) -> Result<i64> {
        let sql = "SELECT bytes FROM plugin_kv_usage WHERE tenant_id = $1 AND plugin_id = $2";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, plugin_id])).await?;
        row.map_or(Ok(0), |row| row.get("bytes"))
    }
}

impl TenantTx {
    /// Makes changes in order; returns the bytes of the plugin's keys and values afterwards.
    ///
    /// # Errors
    /// `Quota` if they exceed `quota`.
    pub async fn write_kv(&self, plugin_id: &str, writes: &[KvWrite], quota: i64) -> Result<i64> {
        // Locks the row of this plugin's writers.
        let sql = "INSERT INTO plugin_kv_usage (tenant_id, plugin_id, bytes) VALUES ($1, $2, 0)
                   ON CONFLICT (tenant_id, plugin_id) DO UPDATE SET bytes = plugin_kv_usage.bytes
                   RETURNING bytes";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, plugin_id])).await?;
        let mut used: i64 = row.map_or(Ok(0), |row| row.get("bytes"))?;

        for KvWrite { key, value } in writes {
            let sql = "DELETE FROM plugin_kv WHERE tenant_id = $1 AND plugin_id = $2 AND key = $3
                       RETURNING CAST(length(value) AS BIGINT) AS bytes";
            let removed = self.exec.row(Sql::new(sql, args![self.tenant, plugin_id, key])).await?;
            if let Some(row) = removed {
                used -= size(key, row.get::<i64>("bytes")?)?;
            }
            if let Some(value) = value {
                used += size(key, value.len())?;
                let sql = "INSERT INTO plugin_kv (tenant_id, plugin_id, key, value) VALUES ($1, $2, $3, $4)";
                self.exec.execute(Sql::new(sql, args![self.tenant, plugin_id, key, value.as_slice()])).await?;
            }
        }

        if used > quota {
            return Err(self.exec.mark_failed(StoreError::Quota { used, quota }).await);
        }
        let sql = "UPDATE plugin_kv_usage SET bytes = $3 WHERE tenant_id = $1 AND plugin_id = $2";
        self.exec.execute(Sql::new(sql, args![self.tenant, plugin_id, used])).await?;
        Ok(used)
    }
}

fn size(key: &str, value: impl TryInto<i64>) -> Result<i64> {
    let value = value.try_into().ok();
    i64::try_from(key.len())
        .ok()
        .zip(value)
        .and_then(|(key, value)| key.checked_add(value))
        .ok_or_else(|| StoreError::Invalid { detail: "a value beyond all bounds".to_owned() })
}
