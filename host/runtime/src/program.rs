//! Loaded plugins.

use std::{collections::BTreeSet, sync::Arc};

use tokio::sync::Semaphore;
use wasmtime::component::{ComponentExportIndex, InstancePre};
use xinglin_plugin::{Capability, DataNeeds, Digest, Grants, Interface, Limits, Manifest};

use crate::{breaker::Breaker, contract::hook::HookName, host::state::CallState};

/// A compiled and linked component; one for each digest, shared by all tenants.
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
    /// Of the hooks whose failures are counted apart.
    pub(crate) apart: Breaker,
    /// Limit of concurrent requests, over all calls.
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
    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.program.manifest
    }

    /// Digest of the component.
    pub fn digest(&self) -> Digest {
        self.program.digest
    }

    /// The interfaces that can be called.
    pub fn interfaces(&self) -> &BTreeSet<Interface> {
        &self.program.interfaces
    }

    /// The effective capabilities.
    pub fn capabilities(&self) -> &BTreeSet<Capability> {
        &self.grants.capabilities
    }

    /// The effective data needs.
    pub fn data_needs(&self) -> DataNeeds {
        self.grants.data_needs.clone().unwrap_or_default()
    }

    /// The limits of each call.
    pub fn limits(&self) -> Limits {
        self.grants.limits
    }

    /// Whether it has exactly this hook, not another major of it.
    pub(crate) fn has(&self, hook: HookName) -> bool {
        self.program.hook(hook).is_some()
    }

    pub(crate) fn program(&self) -> &Program {
        &self.program
    }
}
