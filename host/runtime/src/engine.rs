//! The engine, configured once for all plugins of the process.

use std::{
    collections::{BTreeSet, HashMap},
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use tokio::sync::{Semaphore, watch};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails};

use xinglin_domain::id::TenantId;
use xinglin_plugin::{Digest, FailureCode, Limits, PluginError};

use crate::{cache::AotCache, cause::Cause, host::files::pack::Packs, pool::Pool, program::Program};

/// Options of the engine.
#[derive(Debug)]
pub struct Options {
    /// The cache of compiled components; without it, each start compiles again.
    pub cache: Option<AotCache>,
    /// The data packs; without it, there are none.
    pub packs: Option<Packs>,
    /// Maximum concurrent calls. Each reserves address space.
    pub calls: u32,
    /// Maximum concurrent calls of one plugin in one tenant.
    pub calls_per_plugin: u32,
    /// Maximum concurrent calls of all plugins of one tenant: less than `calls`, so that no
    /// tenant takes all places.
    pub calls_per_tenant: u32,
    /// How long a call waits for a place before it fails with `PLUGIN_BUSY`.
    pub patience: Duration,
    /// Gives every call the longest deadline, whatever its package asks for: for tools whose findings must not depend
    /// on how busy the machine is.
    pub unhurried: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache: None,
            packs: None,
            calls: 128,
            calls_per_plugin: 32,
            calls_per_tenant: 64,
            patience: Duration::from_millis(500),
            unhurried: false,
        }
    }
}

/// The components in use, and the engine that runs them. Cheap to clone.
#[derive(Clone)]
pub struct Runtime {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub engine: Engine,
    pub fingerprint: String,
    pub cache: Option<AotCache>,
    pub packs: Option<Packs>,
    pub calls: Semaphore,
    pub calls_per_plugin: u32,
    pub calls_per_tenant: u32,
    /// Of each tenant with calls.
    pub shares: Mutex<HashMap<TenantId, Arc<Semaphore>>>,
    pub patience: Duration,
    pub unhurried: bool,
    /// One for each digest in use.
    pub programs: Pool<Digest, Program>,
    /// Recalled components. Every call subscribes.
    pub recalled: watch::Sender<BTreeSet<Digest>>,
}

impl Shared {
    /// A tenant's share of the places.
    pub fn share(&self, tenant: TenantId) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = shares.get(&tenant) {
            return share.clone();
        }
        // An unused share equals a new one.
        shares.retain(|_, share| Arc::strong_count(share) > 1);
        shares.entry(tenant).or_insert_with(|| Arc::new(Semaphore::new(self.calls_per_tenant as usize))).clone()
    }
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime").field("fingerprint", &self.shared.fingerprint).finish_non_exhaustive()
    }
}

/// How often a running guest yields to other tasks. It bounds how late after its deadline it is
/// stopped, since every other task may run for one tick before.
pub(crate) const TICK: Duration = Duration::from_millis(1);

impl Runtime {
    /// Creates the engine and starts its epoch thread.
    ///
    /// # Errors
    /// If the machine cannot provide what the [`Options`] need, above all address space.
    pub fn new(options: Options) -> Result<Self, PluginError> {
        let engine = Engine::new(&config(options.calls)).map_err(|e| PluginError::Engine(format!("{e:#}")))?;
        tick(&engine)?;
        Ok(Self {
            shared: Arc::new(Shared {
                fingerprint: fingerprint(&engine),
                engine,
                cache: options.cache,
                packs: options.packs,
                calls: Semaphore::new(options.calls as usize),
                calls_per_plugin: options.calls_per_plugin,
                calls_per_tenant: options.calls_per_tenant,
                shares: Mutex::default(),
                patience: options.patience,
                unhurried: options.unhurried,
                programs: Pool::default(),
                recalled: watch::Sender::default(),
            }),
        })
    }

    /// Stops every call of a component, running or waiting, and refuses new ones: they fail with
    /// `PLUGIN_RECALLED`, handled by the failure class of the hook. Replays continue, for
    /// investigation.
    pub fn recall(&self, digest: Digest) {
        self.shared.recalled.send_if_modified(|recalled| recalled.insert(digest));
    }

    /// Whether a component was recalled.
    pub fn is_recalled(&self, digest: Digest) -> bool {
        self.shared.recalled.borrow().contains(&digest)
    }

    /// Completes when a component is recalled.
    pub(crate) async fn recalled(&self, digest: Digest) -> Cause {
        let mut recalled = self.shared.recalled.subscribe();
        // The sender lives as long as `self`.
        drop(recalled.wait_for(|recalled| recalled.contains(&digest)).await);
        Cause::new(FailureCode::Recalled, "the component was recalled")
    }

    /// Identifies the compiler and every setting that can change a result. Stored in tapes.
    pub fn fingerprint(&self) -> &str {
        &self.shared.fingerprint
    }
}

/// Maximum core modules, memories and tables of one component. `componentize-py` makes about
/// twenty modules around one memory.
const MODULES_PER_COMPONENT: u32 = 64;
const MEMORIES_PER_COMPONENT: u32 = 8;
const TABLES_PER_COMPONENT: u32 = 16;

fn config(calls: u32) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(calls)
        .total_core_instances(calls.saturating_mul(MODULES_PER_COMPONENT))
        .total_memories(calls.saturating_mul(MEMORIES_PER_COMPONENT))
        .total_tables(calls.saturating_mul(TABLES_PER_COMPONENT))
        .total_stacks(calls)
        .max_core_instances_per_component(MODULES_PER_COMPONENT)
        .max_memories_per_component(MEMORIES_PER_COMPONENT)
        .max_tables_per_component(TABLES_PER_COMPONENT)
        .max_memories_per_module(MEMORIES_PER_COMPONENT)
        .max_tables_per_module(TABLES_PER_COMPONENT)
        .max_memory_size(Limits::MAXIMUM.memory())
        .max_core_instance_size(4 << 20)
        .max_component_instance_size(4 << 20)
        .table_elements(1 << 16)
        // Resident pages are reset by copying the dirty pages reported by the kernel, which is
        // much cheaper than returning and faulting them in again.
        .linear_memory_keep_resident(64 << 10)
        .table_keep_resident(16 << 10)
        .pagemap_scan(Enabled::Auto);

    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .memory_init_cow(true)
        .epoch_interruption(true)
        // A tape must replay to the same bytes on every machine.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .wasm_memory64(false)
        .wasm_backtrace_details(WasmBacktraceDetails::Enable);
    config
}

/// Starts the thread that increments the epoch while the engine exists.
fn tick(engine: &Engine) -> Result<(), PluginError> {
    let engine = engine.weak();
    thread::Builder::new()
        .name("plugin-epoch".into())
        .spawn(move || {
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                thread::sleep(TICK);
            }
        })
        .map(|_| ())
        .map_err(|e| PluginError::Engine(format!("cannot start the epoch thread: {e}")))
}

fn fingerprint(engine: &Engine) -> String {
    struct Bytes(Sha256);
    impl Hasher for Bytes {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }

        fn finish(&self) -> u64 {
            let digest = self.0.clone().finalize();
            digest.iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
        }
    }
    let mut bytes = Bytes(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut bytes);
    hex::encode(bytes.0.finalize())
}
