//! Queue of audit entries, which are written in shared transactions.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;
use xinglin_domain::{audit::Access, id::TenantId};

use crate::Result;

/// Waiting entries by tenant. The first to join becomes the writer for all that join until it has
/// finished; until then the tenant stays in the map.
#[derive(Debug, Default)]
pub(crate) struct TrailQueue(Mutex<HashMap<TenantId, Vec<Waiting>>>);

#[derive(Debug)]
pub(crate) struct Waiting {
    pub access: Access,
    pub told: oneshot::Sender<Result<()>>,
}

impl TrailQueue {
    /// Maximum number of entries in one transaction.
    const AT_ONCE: usize = 64;

    fn waiting(&self) -> MutexGuard<'_, HashMap<TenantId, Vec<Waiting>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an entry; `true` if the caller becomes the writer of this tenant.
    pub fn join(&self, tenant: TenantId, one: Waiting) -> bool {
        let mut waiting = self.waiting();
        let idle = !waiting.contains_key(&tenant);
        waiting.entry(tenant).or_default().push(one);
        idle
    }

    /// The next entries to write, in order of arrival.
    pub fn next(&self, tenant: TenantId) -> Option<Vec<Waiting>> {
        let mut waiting = self.waiting();
        let queue = waiting.get_mut(&tenant)?;
        if queue.is_empty() {
            waiting.remove(&tenant);
            return None;
        }
        Some(queue.drain(..queue.len().min(Self::AT_ONCE)).collect())
    }
}
