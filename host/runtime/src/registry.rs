//! Plugins that are ready to be called.

use std::{
    collections::{BTreeSet, HashMap},
    future::Future,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::Semaphore;
use wasmtime::component::{ComponentExportIndex, InstancePre};
use xinglin_domain::{
    id::{CallId, TenantId},
    time::Instant,
};

use crate::{
    CallContext, Capability, DataNeeds, Digest, Grants, HostServices, Interface, Limits, Manifest, Package,
    PluginError, Runtime, StartFailure,
    breaker::Breaker,
    cache,
    call::{self, CallState, Terms},
    capability,
    engine::Shared,
    failure::Cause,
    hook::HookName,
    host::files::pack::{Pack, PackError},
    package::inspect,
    tape::Recorder,
};

/// A component that is compiled and linked. There is one for each digest,
/// however many tenants use it.
pub(crate) struct Program {
    pub id: Arc<str>,
    pub manifest: Manifest,
    pub digest: Digest,
    pub interfaces: BTreeSet<Interface>,
    pub instance: InstancePre<CallState>,
    hooks: Vec<(HookName, ComponentExportIndex)>,
}

impl Program {
    pub fn hook(&self, name: HookName) -> Option<&ComponentExportIndex> {
        self.hooks.iter().find(|(known, _)| *known == name).map(|(_, index)| index)
    }
}

/// A component under one tenant's grants.
pub struct Plugin {
    program: Arc<Program>,
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

impl Runtime {
    /// Makes a package callable under a tenant's grants. The first time it is
    /// compiled, or taken from the cache, and instantiated once to see that it
    /// can be; after that the work is shared. Plugins that are no longer held
    /// anywhere are dropped, code and all.
    ///
    /// # Errors
    /// `PLUGIN_CAPABILITY` if it imports what is not granted, or is granted a pack
    /// that this host does not have, `PLUGIN_INTERFACE`
    /// if a function has another shape than its interface says,
    /// `PLUGIN_MEMORY`, `PLUGIN_FUEL` or `PLUGIN_TRAP` if it cannot be
    /// instantiated within its limits.
    pub async fn load(&self, package: &Package, grants: &Grants) -> Result<Arc<Plugin>, PluginError> {
        let grants = grants.within(package.manifest());
        if let Some(missing) = package.imports().iter().find(|c| !grants.capabilities.contains(c)) {
            return Err(PluginError::Capability {
                import: missing.to_string(),
                reason: "imported, but not granted by the tenant".into(),
            });
        }
        for (name, found) in self.find_packs(&grants.packs).await {
            found.map_err(|e| PluginError::Capability {
                import: Capability::Files.to_string(),
                reason: format!("{e}; have the operator of this host put `{name}` in order, or grant without it"),
            })?;
        }
        let program = self.shared.programs.get(package.digest(), self.link(package)).await?;
        Ok(Arc::new(Plugin {
            program,
            calls: Semaphore::new(self.shared.calls_per_plugin as usize),
            breaker: Breaker::default(),
            requests: Arc::new(Semaphore::new(grants.http.concurrent as usize)),
            grants: Arc::new(grants),
        }))
    }

    /// Compiles, links and tries a package. Only what it imports is defined for
    /// it at all, and [`Runtime::load`] has seen that all of that is granted.
    async fn link(&self, package: &Package) -> Result<Program, PluginError> {
        let component = self.compile(package).await?;
        let wrong_shape = |e: wasmtime::Error| PluginError::Interface {
            offered: format!("{} ({e:#})", package.manifest().id),
            supported: "the functions of /wit, with exactly their types".into(),
        };
        let instance = capability::linker(&self.shared.engine, package.imports())
            .and_then(|linker| linker.instantiate_pre(&component))
            .map_err(wrong_shape)?;

        let mut hooks = Vec::new();
        let mut checks = Vec::new();
        for entry in inspect::hooks(package.exports()) {
            let index = component
                .get_export_index(None, entry.name.interface)
                .and_then(|interface| component.get_export_index(Some(&interface), entry.name.function))
                .ok_or_else(|| PluginError::Interface {
                    offered: package.manifest().id.clone(),
                    supported: format!("`{}`, which it lacks", entry.name),
                })?;
            checks.push((entry, index));
            hooks.push((entry.name, index));
        }

        // Once, so that what cannot work is found when it is enabled and not
        // when a patient waits.
        let _place =
            self.shared.calls.acquire().await.map_err(|_| PluginError::Engine("it is shutting down".into()))?;
        let asked = package.manifest().limits;
        // The first instance finds nothing warm.
        let limits = Limits { deadline_ms: asked.deadline_ms.saturating_mul(10), ..asked }.at_most(Limits::MAXIMUM);
        let id: Arc<str> = package.manifest().id.as_str().into();
        let state = trial(id.clone(), limits);
        let mut store = call::store(&self.shared.engine, state, limits);
        let tried = instance.instantiate_async(&mut store).await.map_err(|e| {
            let Cause { code, message, .. } = e.into();
            StartFailure { code, message }
        })?;
        for (entry, index) in checks {
            (entry.check)(&mut store, &tried, &index).map_err(wrong_shape)?;
        }

        Ok(Program {
            id,
            manifest: package.manifest().clone(),
            digest: package.digest(),
            interfaces: package.interfaces().clone(),
            instance,
            hooks,
        })
    }

    /// Packs by their names, each as it is now.
    async fn find_packs(&self, names: &BTreeSet<String>) -> Vec<(String, Result<Arc<Pack>, PackError>)> {
        if names.is_empty() {
            return Vec::new();
        }
        let (shared, names) = (self.shared.clone(), names.clone());
        let find = move || {
            let find = |name: String| {
                let found = match &shared.packs {
                    Some(packs) => packs.get(&name),
                    None => Err(PackError::Missing(name.clone())),
                };
                (name, found)
            };
            names.into_iter().map(find).collect()
        };
        tokio::task::spawn_blocking(find).await.unwrap_or_default()
    }

    /// Those of the packs that are there.
    pub(crate) async fn packs(&self, names: &BTreeSet<String>) -> Vec<Arc<Pack>> {
        let found = self.find_packs(names).await.into_iter().map(|(_, found)| found);
        found.filter_map(|found| found.inspect_err(|error| tracing::error!(%error, "a pack is missing")).ok()).collect()
    }

    async fn compile(&self, package: &Package) -> Result<wasmtime::component::Component, PluginError> {
        let (shared, package) = (self.shared.clone(), package.clone());
        let work = move || {
            let Shared { engine, fingerprint, cache, .. } = shared.as_ref();
            cache::compile(engine, fingerprint, cache.as_ref(), package.digest(), package.bytes())
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|e| PluginError::Engine(format!("the compiler stopped: {e}")))?
    }
}

fn trial(plugin: Arc<str>, limits: Limits) -> CallState {
    let context = CallContext {
        call: CallId::from_u128(0),
        tenant: TenantId::from_u128(0),
        request_id: "load".to_owned(),
        settings: Vec::new(),
        now: Instant::from_micros(0),
        services: HostServices::default(),
    };
    let hook = HookName { interface: "(component)", function: "instantiate" };
    let (grants, requests) = (Arc::new(Grants::default()), Arc::new(Semaphore::new(0)));
    let terms = Terms { plugin, hook, grants, requests, packs: Vec::new(), limits };
    CallState::new(context, terms, Recorder::default())
}

/// Values that are made once, however many ask at the same time, shared by all
/// who asked, and dropped with the last of them.
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
    /// The value of a key; `make` runs only if nobody has it.
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
