//! The policies of a running host, reloaded when their files change.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::SystemTime,
};

use xinglin_domain::{access::Action, code::Code, id::TenantId, time::Instant};
use xinglin_plugin::{Capability, Manifest};

use crate::{
    AppError, AppResult,
    policy::{Decision, Flaw, Flaws, Policies, Principal, Question, fingerprint},
};

/// Decisions of one request. Person, moment and policies are fixed, so the same question has the
/// same answer.
#[derive(Debug, Clone, Default)]
pub struct Decided(Arc<Mutex<HashMap<(TenantId, Action), Decision>>>);

impl Decided {
    pub(crate) fn or_else(&self, tenant: TenantId, action: Action, decide: impl FnOnce() -> Decision) -> Decision {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry((tenant, action)).or_insert_with(decide).clone()
    }
}

/// The policies of a host, with their folder.
pub struct PolicyDesk {
    root: PathBuf,
    in_force: RwLock<Arc<Policies>>,
    looked: Mutex<Looked>,
}

/// The result of the last look at the folder.
#[derive(Default)]
pub struct Looked {
    files: BTreeMap<String, (u64, Option<SystemTime>)>,
    pub(crate) flaws: Vec<Flaw>,
}

impl PolicyDesk {
    /// # Errors
    /// The errors of a file. A host does not start with a rejected policy.
    pub fn open(root: &Path) -> Result<Self, Flaws> {
        let files = look(root)?;
        let policies = Policies::load(root)?;
        Ok(Self {
            root: root.to_owned(),
            in_force: RwLock::new(Arc::new(policies)),
            looked: Mutex::new(Looked { files, flaws: Vec::new() }),
        })
    }

    pub(crate) fn in_force(&self) -> Arc<Policies> {
        self.in_force.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn looked(&self) -> std::sync::MutexGuard<'_, Looked> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Loads what has changed. Rejected files change nothing, and are logged. Reads and compiles
    /// files without blocking readers of the last result.
    pub(crate) fn reload(&self) {
        let found = look(&self.root);
        if found.as_ref().is_ok_and(|files| *files == self.looked().files) {
            return;
        }
        let (files, read) = match found {
            Ok(files) => (Some(files), Policies::load(&self.root)),
            Err(flaws) => (None, Err(flaws)),
        };
        let mut looked = self.looked();
        looked.files = files.unwrap_or_else(|| std::mem::take(&mut looked.files));
        match read {
            Ok(policies) => {
                tracing::info!(added = policies.added(), "policies were read anew");
                *self.in_force.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policies);
                looked.flaws.clear();
            }
            // Logged once, not at every look.
            Err(Flaws(flaws)) if flaws != looked.flaws => {
                for flaw in &flaws {
                    tracing::error!(%flaw, "policies cannot be read; those read before stay in force");
                }
                looked.flaws = flaws;
            }
            Err(_) => {}
        }
    }
}

fn look(root: &Path) -> Result<BTreeMap<String, (u64, Option<SystemTime>)>, Flaws> {
    fingerprint(root)
        .map_err(|error| Flaws(vec![Flaw { file: root.display().to_string(), line: None, problem: error.to_string() }]))
}

/// Whether the policies of a tenant permit calling a plugin now, with everything that it was
/// granted.
///
/// # Errors
/// `PLUGIN_CAPABILITY`, naming the policy.
pub fn plugin_may(
    policies: &Policies,
    tenant: TenantId,
    manifest: &Manifest,
    granted: &BTreeSet<Capability>,
    now: Instant,
) -> AppResult<()> {
    let capabilities: Vec<String> = granted.iter().map(Capability::to_string).collect();
    let version = manifest.version.to_string();
    let principal = Principal::Plugin {
        id: &manifest.id,
        tenant,
        version: &version,
        publisher: &manifest.publisher,
        capabilities: &capabilities,
    };
    let call = Question { principal, action: Action::CallPlugin, tenant, capability: None, at: now };
    let uses =
        capabilities.iter().map(|name| Question { action: Action::UseCapability, capability: Some(name), ..call });
    for question in std::iter::once(call).chain(uses) {
        let decision = policies.decide(&question);
        if !decision.allowed {
            let what = question.capability.map_or("be called".to_owned(), |name| format!("use `{name}`"));
            let detail = format!("`{}` may not {what}: {}", manifest.id, why(&decision));
            return Err(AppError::new(Code::PluginCapability, detail).with("policies", decision.by));
        }
    }
    Ok(())
}

/// The policies that decided, in words.
pub(crate) fn why(decision: &Decision) -> String {
    match (decision.by.as_slice(), decision.errors.as_slice()) {
        (_, [_, ..]) => "a policy could not be evaluated".to_owned(),
        ([], _) => "no policy permits it".to_owned(),
        (by, _) => format!("forbidden by {}", by.join(", ")),
    }
}
