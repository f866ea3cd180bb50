//! Plugins that are ready to be called.

use std::{collections::BTreeSet, sync::Arc};

use tokio::sync::Semaphore;
use wasmtime::component::{ComponentExportIndex, InstancePre};
use xinglin_plugin::{Capability, DataNeeds, Digest, Grants, Interface, Limits, Manifest};

use crate::{breaker::Breaker, contract::hook::HookName, host::state::CallState};

/// A component that is compiled and linked. There is one for each digest,
/// however many tenants use it.
pub(crate) struct Program {
    pub id: Arc<str>,
    pub manifest: Manifest,
    pub digest: Digest,
    pub interfaces: BTreeSet<Interface>,
    pub instance: InstancePre<CallState>,
    pub hooks: Vec<(HookName, ComponentExportIndex)>,
}

impl Program {
    pub fn hook(&self, name: HookName) -> Option<&ComponentExportIndex> {
        self.hooks.iter().find(|(known, _)| *known == name).map(|(_, index)| index)
    }
}

/// A component under one tenant's grants.
pub struct Plugin {
    pub(crate) program: Arc<Program>,
    pub(crate) grants: Arc<Grants>,
    pub(crate) calls: Semaphore,
    pub(crate) breaker: Breaker,
    /// Requests at once, over all calls.
    pub(crate) requests: Arc<Semaphore>,
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin")
            .field("id", &self.program.id)
            .field("digest", &self.program.digest)
            .field("grants", &self.grants)
            .finish_non_exhaustive()
    }
}

impl Plugin {
    /// What it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.program.manifest
    }

    /// Names its bytes.
    pub fn digest(&self) -> Digest {
        self.program.digest
    }

    /// What can be called on it.
    pub fn interfaces(&self) -> &BTreeSet<Interface> {
        &self.program.interfaces
    }

    /// What it was really given.
    pub fn capabilities(&self) -> &BTreeSet<Capability> {
        &self.grants.capabilities
    }

    /// What of the record it was really given.
    pub fn data_needs(&self) -> DataNeeds {
        self.grants.data_needs.clone().unwrap_or_default()
    }

    /// What each call may use.
    pub fn limits(&self) -> Limits {
        self.grants.limits
    }

    /// Whether this hook can be called on it, and not only another major of it.
    pub(crate) fn has(&self, hook: HookName) -> bool {
        self.program.hook(hook).is_some()
    }

    pub(crate) fn program(&self) -> &Program {
        &self.program
    }
}
