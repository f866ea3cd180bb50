//! What conversations need beside the records.

use std::sync::Arc;

use tokio::sync::{Semaphore, broadcast};
use xinglin_domain::id::EncounterId;
use xinglin_extensions::Extensions;
use xinglin_platform::Platform;

/// How many may listen to visits at once.
const MOST_LISTENERS: usize = 2000;

/// What use cases of care need. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Care {
    /// What every use case needs.
    pub platform: Platform,
    /// Checkers and pathways are plugins.
    pub extensions: Extensions,
    said: broadcast::Sender<EncounterId>,
    listeners: Arc<Semaphore>,
}

impl Care {
    /// With nobody listening yet.
    pub fn new(extensions: Extensions) -> Self {
        Self {
            platform: extensions.platform.clone(),
            extensions,
            said: broadcast::channel(1024).0,
            listeners: Arc::new(Semaphore::new(MOST_LISTENERS)),
        }
    }

    /// In which visits something was said on this host.
    pub(crate) fn said(&self) -> &broadcast::Sender<EncounterId> {
        &self.said
    }

    pub(crate) fn listeners(&self) -> &Arc<Semaphore> {
        &self.listeners
    }
}
