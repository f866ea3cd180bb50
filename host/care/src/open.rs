//! The state of the care use cases: extensions and listeners of conversations.

use std::sync::Arc;

use tokio::sync::{Semaphore, broadcast};
use xinglin_domain::id::EncounterId;
use xinglin_extensions::Extensions;
use xinglin_platform::Platform;

/// Maximum number of concurrent listeners.
const MOST_LISTENERS: usize = 2000;

/// What use cases of care need. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Care {
    /// What every use case needs.
    pub platform: Platform,
    /// For the calls of checkers and pathways.
    pub extensions: Extensions,
    said: broadcast::Sender<EncounterId>,
    listeners: Arc<Semaphore>,
}

impl Care {
    /// Without listeners.
    pub fn new(extensions: Extensions) -> Self {
        Self {
            platform: extensions.platform.clone(),
            extensions,
            said: broadcast::channel(1024).0,
            listeners: Arc::new(Semaphore::new(MOST_LISTENERS)),
        }
    }

    /// Notifies listeners of visits with new messages written by this host.
    pub(crate) fn said(&self) -> &broadcast::Sender<EncounterId> {
        &self.said
    }

    pub(crate) fn listeners(&self) -> &Arc<Semaphore> {
        &self.listeners
    }
}
