//! Policies at work: asked before every act, read anew when their files change, and
//! explained.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::SystemTime,
};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    access::{Action, Role, UnknownAction, can},
    code::Code,
    id::TenantId,
    time::Instant,
};
use xinglin_runtime::{Capability, Plugin};

use crate::{
    AppError, AppResult, Caller, Platform,
    policy::{Asked, Decision, Flaw, Flaws, Policies, PolicyText, Principal, Question, fingerprint},
    standing,
};

/// What was decided in a request: it is of one person, at one moment, under one set of
/// policies, so that the same question has the same answer.
#[derive(Debug, Clone, Default)]
pub struct Decided(Arc<Mutex<HashMap<(TenantId, Action), Decision>>>);

impl Decided {
    fn or_else(&self, tenant: TenantId, action: Action, decide: impl FnOnce() -> Decision) -> Decision {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry((tenant, action)).or_insert_with(decide).clone()
    }
}

/// The policies of a host, with where they come from.
pub struct PolicyDesk {
    root: PathBuf,
    in_force: RwLock<Arc<Policies>>,
    looked: Mutex<Looked>,
}

/// What was found in the folder last time.
#[derive(Default)]
pub struct Looked {
    files: BTreeMap<String, (u64, Option<SystemTime>)>,
    pub(crate) flaws: Vec<Flaw>,
}

impl PolicyDesk {
    /// # Errors
    /// What is wrong with a file. A host does not begin without a policy that somebody
    /// wrote.
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

    /// Takes what has changed. What cannot be taken changes nothing, and is told. Reads
    /// and compiles files; whoever asks what was found meanwhile does not wait for it.
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
            // Once, and not with every look.
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

/// What is in force, and what is wrong with what is not.
#[derive(Serialize, ToSchema)]
pub struct PoliciesView {
    /// Those of the caller's tenant, shipped ones first.
    pub policies: Vec<PolicyText>,
    /// Why files that changed were not taken. What is in force is what was read before.
    pub flaws: Vec<Flaw>,
}

/// A question about somebody's rights.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Explain {
    /// Login of the account.
    pub account: String,
    /// As the catalogue calls it: `prescription.sign`.
    pub action: String,
    /// In which tenant; the caller's own if left out.
    #[schema(value_type = Option<String>)]
    pub tenant: Option<TenantId>,
    /// When (RFC 3339, or a date); now if left out.
    pub at: Option<String>,
    /// As if a second factor had been shown.
    #[serde(default)]
    pub second_factor: bool,
}

/// Whether somebody may, and why.
#[derive(Serialize, ToSchema)]
pub struct Explanation {
    /// Whether they may: law and policies both say so.
    pub allowed: bool,
    /// Whose rights.
    pub account: String,
    /// To do what.
    pub action: String,
    /// When (RFC 3339).
    pub at: String,
    /// What the table of the law says, which no policy widens.
    pub law: Law,
    /// Whether the policies allow it.
    pub policies_allow: bool,
    /// The policies that decided: those that forbid if there are any, else those that
    /// permit. None: nobody spoke for it.
    pub decided_by: Vec<PolicyText>,
    /// Policies that could not be evaluated; nothing is allowed then.
    pub errors: Vec<String>,
    /// What the policies were told.
    pub asked: Asked,
}

/// What the table of the law says.
#[derive(Serialize, ToSchema)]
pub struct Law {
    /// Whether it allows.
    pub allowed: bool,
    /// The roles that may, under a live licence if they need one.
    pub roles: Vec<&'static str>,
    /// The code of the refusal.
    #[schema(value_type = Option<String>)]
    pub code: Option<Code>,
    /// In words.
    pub detail: Option<String>,
}

/// The policies in force in the caller's tenant.
///
/// # Errors
/// If the caller may not read them.
pub fn list(platform: &Platform, caller: &Caller) -> AppResult<PoliciesView> {
    caller.may(Action::ReadPolicies)?;
    let tenant = caller.actor.tenant.to_string();
    let own = |flaw: &Flaw| {
        let folder = flaw.file.split('/').next().unwrap_or_default();
        !folder.starts_with("ten-") || folder == tenant
    };
    let flaws = platform.policy_desk().looked().flaws.iter().filter(|flaw| own(flaw)).cloned().collect();
    Ok(PoliciesView { policies: caller.policies.texts(caller.actor.tenant).to_vec(), flaws })
}

/// Whether an account may do something, and why.
///
/// # Errors
/// If the caller may not ask; `NOT_FOUND` if there is no such account.
pub async fn explain(platform: &Platform, caller: &Caller, ask: Explain) -> AppResult<Explanation> {
    let tenant = ask.tenant.unwrap_or(caller.actor.tenant);
    caller.may_in(tenant, Action::ReadPolicies)?;
    let unknown =
        |error: UnknownAction| AppError::new(Code::BodyInvalid, format!("action: {error}")).with("path", "action");
    let action: Action = ask.action.parse().map_err(unknown)?;
    let at = match &ask.at {
        Some(text) => AppError::time("at", text)?,
        None => caller.now,
    };
    let row = platform.store().tenant(tenant).find_account_by_login(&ask.account).await?;
    let row = row.ok_or_else(|| AppError::not_found("account", &ask.account))?;
    let somebody = Caller {
        second_factor: ask.second_factor,
        policies: caller.policies.clone(),
        now: at,
        ..platform.for_actor(standing::actor(&row)?, caller.request_id.clone())
    };
    let question = somebody.question(tenant, action);
    let decision = caller.policies.decide(&question);
    let law = can(&somebody.actor, action, at);
    Ok(Explanation {
        allowed: law.is_ok() && decision.allowed,
        account: ask.account,
        action: action.as_str().to_owned(),
        at: at.to_string(),
        law: Law {
            allowed: law.is_ok(),
            roles: action.roles().iter().map(|role| role.as_str()).collect(),
            code: law.err().map(|denied| denied.code()),
            detail: law.err().map(|denied| denied.to_string()),
        },
        policies_allow: decision.allowed,
        decided_by: caller.policies.deciding(tenant, &decision),
        errors: decision.errors,
        asked: question.asked().map_err(AppError::internal)?,
    })
}

/// Whether the policies of a tenant let a plugin be called now, with all that it
/// was granted.
///
/// # Errors
/// `PLUGIN_CAPABILITY`, naming the policy.
pub fn plugin_may(platform: &Platform, tenant: TenantId, plugin: &Plugin, now: Instant) -> AppResult<()> {
    let (policies, manifest) = (platform.policies(), plugin.manifest());
    let capabilities: Vec<String> = plugin.capabilities().iter().map(Capability::to_string).collect();
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

impl Caller {
    /// What the policies of a tenant are asked of this caller.
    fn question(&self, tenant: TenantId, action: Action) -> Question<'_> {
        let principal = Principal::Actor {
            actor: &self.actor,
            scopes: self.bounds.scopes.as_ref().filter(|_| self.actor.is(Role::Service)),
            second_factor: self.second_factor,
        };
        Question { principal, action, tenant, capability: None, at: self.now }
    }

    /// Whether the policies of a tenant allow what the law allows.
    ///
    /// # Errors
    /// `AUTH_FORBIDDEN`, naming the policy.
    pub fn policies_allow(&self, tenant: TenantId, action: Action) -> AppResult<()> {
        let decide = || self.policies.decide(&self.question(tenant, action));
        let decision = self.decided.or_else(tenant, action, decide);
        if decision.allowed {
            return Ok(());
        }
        if !decision.errors.is_empty() {
            tracing::error!(errors = ?decision.errors, action = action.as_str(), "a policy could not be evaluated");
        }
        let detail = format!("`{}`: {}", action.as_str(), why(&decision));
        Err(AppError::new(Code::AuthForbidden, detail).with("policies", decision.by))
    }
}

fn why(decision: &Decision) -> String {
    match (decision.by.as_slice(), decision.errors.as_slice()) {
        (_, [_, ..]) => "a policy could not be evaluated".to_owned(),
        ([], _) => "no policy permits it".to_owned(),
        (by, _) => format!("forbidden by {}", by.join(", ")),
    }
}
