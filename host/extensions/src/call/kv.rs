//! `kv`: the stored values of a plugin in a tenant.

use std::sync::Arc;

use xinglin_platform::Platform;
use xinglin_runtime::{HostServices, KvFuture, KvRead, KvUnavailable};
use xinglin_store::{Install, Tenant};

/// The host services of any call of a plugin in its tenant.
pub(crate) fn host_services(platform: &Platform, install: &Install) -> HostServices {
    HostServices {
        kv: Arc::new(Kept { records: platform.store().tenant(install.tenant), plugin: install.plugin_id.clone() }),
        ..HostServices::default()
    }
}

/// The stored values of a plugin in a tenant, as the engine reads them.
struct Kept {
    records: Tenant,
    plugin: String,
}

impl KvRead for Kept {
    fn get<'a>(&'a self, key: &'a str) -> KvFuture<'a, Option<Vec<u8>>> {
        Box::pin(async move { self.records.find_kv(&self.plugin, key).await.map_err(unavailable) })
    }

    fn used(&self) -> KvFuture<'_, u64> {
        Box::pin(async move {
            let used = self.records.kv_usage(&self.plugin).await.map_err(unavailable)?;
            Ok(u64::try_from(used).unwrap_or(0))
        })
    }
}

fn unavailable(error: xinglin_store::StoreError) -> KvUnavailable {
    tracing::error!(%error, "a plugin's values cannot be read");
    KvUnavailable
}
