//! Values shared by concurrent users.

use std::{
    collections::HashMap,
    future::Future,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError, Weak},
};

/// Values that are created once for all concurrent users, and dropped with the last of them.
pub(crate) struct Pool<K, V> {
    slots: Mutex<HashMap<K, Arc<Slot<V>>>>,
}

type Slot<V> = tokio::sync::Mutex<Weak<V>>;

impl<K, V> Default for Pool<K, V> {
    fn default() -> Self {
        Self { slots: Mutex::default() }
    }
}

impl<K: Eq + Hash, V> Pool<K, V> {
    /// The value of a key; `make` runs only if it does not exist.
    pub async fn get<E>(&self, key: K, make: impl Future<Output = Result<V, E>>) -> Result<Arc<V>, E> {
        let slot = self.slot(key);
        let mut held = slot.lock().await;
        if let Some(value) = held.upgrade() {
            return Ok(value);
        }
        let value = Arc::new(make.await?);
        *held = Arc::downgrade(&value);
        Ok(value)
    }

    fn slot(&self, key: K) -> Arc<Slot<V>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let in_use = |slot: &Arc<Slot<V>>| {
            Arc::strong_count(slot) > 1 || slot.try_lock().is_ok_and(|value| value.strong_count() > 0)
        };
        slots.retain(|_, slot| in_use(slot));
        Arc::clone(slots.entry(key).or_default())
    }
}
