//! Entries of the audit trail that wait to be written, many in one transaction.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;
use xinglin_domain::{audit::Access, id::TenantId};

use crate::Result;

/// Entries that wait to be written, by tenant. Whoever finds nobody waiting there writes
/// for all who come while it writes; until it has, the tenant stays in the map.
#[derive(Debug, Default)]
pub(crate) struct TrailQueue(Mutex<HashMap<TenantId, Vec<Waiting>>>);

#[derive(Debug)]
pub(crate) struct Waiting {
    pub access: Access,
    pub told: oneshot::Sender<Result<()>>,
}

impl TrailQueue {
    /// Most entries of one transaction.
    const AT_ONCE: usize = 64;

    fn waiting(&self) -> MutexGuard<'_, HashMap<TenantId, Vec<Waiting>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nobody writes for this tenant yet.
    pub fn join(&self, tenant: TenantId, one: Waiting) -> bool {
        let mut waiting = self.waiting();
        let idle = !waiting.contains_key(&tenant);
        waiting.entry(tenant).or_default().push(one);
        idle
    }

    /// The next to be written, in the order of their coming.
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
