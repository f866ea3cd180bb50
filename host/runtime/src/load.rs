//! Loads packages.

use async_recursion::async_recursion as boxed;
use std::{collections::BTreeSet, sync::Arc};

use tokio::sync::Semaphore;
use wasmtime::{
    Store,
    component::{ComponentExportIndex, Instance},
};
use xinglin_domain::{
    id::{CallId, TenantId},
    time::Instant,
};
use xinglin_plugin::{Capability, Grants, Limits, Package, PluginError, StartFailure};

use crate::{
    breaker::Breaker,
    cache,
    cause::Cause,
    contract::{
        self,
        hook::{Hook, HookName},
    },
    engine::{Runtime, Shared},
    host::{
        self,
        files::pack::{Pack, PackError},
        state::{self, CallContext, CallState, Terms},
    },
    program::{Plugin, Program},
    recorder::Recorder,
    services::HostServices,
};

/// A hook, and the check whether an export has its type.
struct Callable {
    name: HookName,
    check: fn(&mut Store<CallState>, &Instance, &ComponentExportIndex) -> wasmtime::Result<()>,
}

impl contract::Entry for Callable {
    fn of<H: Hook>() -> Self {
        Self {
            name: H::NAME,
            check: |store, instance, index| {
                instance.get_typed_func::<H::Parameters, H::Results>(store, index).map(|_| ())
            },
        }
    }
}

impl Runtime {
    /// Loads a package under a tenant's grants. The first time it is compiled, or taken from the
    /// cache, and instantiated once as a trial; after that the result is shared. Programs without
    /// any holder are dropped, with their code.
    ///
    /// # Errors
    /// `PLUGIN_CAPABILITY` if it imports what is not granted, or is granted a pack that this host
    /// does not have, `PLUGIN_INTERFACE` if a function has another type than its interface
    /// declares, `PLUGIN_MEMORY`, `PLUGIN_FUEL` or `PLUGIN_TRAP` if it cannot be instantiated
    /// within its limits.
    #[boxed]
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
            apart: Breaker::default(),
            requests: Arc::new(Semaphore::new(grants.http.concurrent as usize)),
            grants: Arc::new(grants),
        }))
    }

    /// Compiles, links and instantiates a package. Only its imports are defined;
    /// [`Runtime::load`] has checked that all of them are granted.
    async fn link(&self, package: &Package) -> Result<Program, PluginError> {
        let component = self.compile(package).await?;
        let wrong_shape = |e: wasmtime::Error| PluginError::Interface {
            offered: format!("{} ({e:#})", package.manifest().id),
            supported: "the functions of /wit, with exactly their types".into(),
        };
        let instance = host::linker(&self.shared.engine, package.imports())
            .and_then(|linker| linker.instantiate_pre(&component))
            .map_err(wrong_shape)?;

        let mut hooks = Vec::new();
        let mut checks = Vec::new();
        let exports: BTreeSet<String> = package.exports().iter().map(ToString::to_string).collect();
        let called = |hook: &Callable| exports.contains(hook.name.interface);
        for entry in contract::hooks().into_iter().filter(called) {
            let index = component
                .get_export_index(None, entry.name.interface)
                .and_then(|interface| component.get_export_index(Some(&interface), entry.name.function))
                .ok_or_else(|| PluginError::Interface {
                    offered: package.manifest().id.clone(),
                    supported: format!("`{}`, which it lacks", entry.name),
                })?;
            hooks.push((entry.name, index));
            checks.push((entry, index));
        }

        // A trial, so that a failure is found when the plugin is enabled and not in a later call.
        let _place =
            self.shared.calls.acquire().await.map_err(|_| PluginError::Engine("it is shutting down".into()))?;
        let asked = package.manifest().limits;
        // The first instantiation runs with cold caches.
        let limits = Limits { deadline_ms: asked.deadline_ms.saturating_mul(10), ..asked }.at_most(Limits::MAXIMUM);
        let id: Arc<str> = package.manifest().id.as_str().into();
        let state = trial(id.clone(), limits);
        let mut store = state::store(&self.shared.engine, state, limits);
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

    /// The current packs of these names.
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

    /// The packs that exist.
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
