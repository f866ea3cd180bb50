//! The state of the identity use cases.

use std::sync::{Arc, atomic::AtomicI64};

use xinglin_extensions::Extensions;
use xinglin_platform::{Platform, token::Tokens};

use crate::attempts::Attempts;

/// What the identity use cases need. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Identity {
    /// What every use case needs.
    pub platform: Platform,
    /// For the calls of verifiers.
    pub extensions: Extensions,
    shared: Arc<Shared>,
}

struct Shared {
    tokens: Tokens,
    attempts: Attempts,
    purged: AtomicI64,
}

impl Identity {
    /// Without failed attempts.
    pub fn new(extensions: Extensions) -> Self {
        let platform = extensions.platform.clone();
        let shared = Shared {
            tokens: Tokens::new(&platform.keys().tokens(), platform.config().sessions.token_seconds),
            attempts: Attempts::default(),
            purged: AtomicI64::default(),
        };
        Self { platform, extensions, shared: Arc::new(shared) }
    }

    pub(crate) fn attempts(&self) -> &Attempts {
        &self.shared.attempts
    }

    pub(crate) fn tokens(&self) -> &Tokens {
        &self.shared.tokens
    }

    /// When expired sessions were last purged, in microseconds.
    pub(crate) fn purged(&self) -> &AtomicI64 {
        &self.shared.purged
    }
}
