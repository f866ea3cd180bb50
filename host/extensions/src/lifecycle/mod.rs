//! Installations of a tenant: grant, enable and disable, promote and roll back without a
//! restart. Running calls finish on the version they started with.

mod disable;
mod enable;
mod grant;
mod list;
mod promote;
mod roll_back;
pub mod shadow;

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{
    clinical::DataNeed,
    code::Code,
    coding::Coding,
    enrolment::contact_fault,
    pathway::{Definition, Questionnaire},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, grant::grants, policy_desk};
use xinglin_runtime::{Interface, Manifest, Package, Plugin};
use xinglin_store::{Install, InstallState, Queue};

use crate::{
    Extensions,
    call::{CallView, Calls},
    install::{self, Resumption},
    package,
};

pub use self::disable::disable;
pub use self::enable::enable;
pub(crate) use self::grant::settings;
pub use self::grant::{Grant, GrantedLimits, grant};
pub use self::list::list;
pub use self::promote::{Promote, promote};
pub use self::roll_back::roll_back;

async fn go_over(
    extensions: &Extensions,
    caller: &Caller,
    mut install: Install,
    package: &Package,
) -> AppResult<InstallView> {
    install.recalled = None;
    let calls = make_ready(extensions, caller, &mut install, package).await?;
    install.updated_at = caller.now;
    put_install(&extensions.platform, install, package, calls).await
}

#[boxed]
pub(crate) async fn may_be_called(platform: &Platform, install: &Install, package: &Package) -> AppResult<()> {
    if install.state != InstallState::Enabled {
        let detail = format!("`{}` is not enabled; grant the version and enable it", install.plugin_id);
        return Err(AppError::new(Code::PluginState, detail));
    }
    let kept = platform.store().operator().get_package(&package.digest().to_string()).await?;
    let version = &package.manifest().version;
    if let Some(revoked) = kept.revoked {
        let detail = format!("{version} was recalled at {}: {}", revoked.at, revoked.reason);
        return Err(AppError::new(Code::PluginRecalled, detail));
    }
    let lacks = grants(install)?.lacks(package);
    if lacks.is_empty() {
        return Ok(());
    }
    let detail = format!("{version} needs what was not granted: {}; grant {version} first", lacks.join(", "));
    Err(AppError::new(Code::PluginCapability, detail).with("lacks", lacks))
}

/// A plugin in a tenant.
#[derive(Serialize, ToSchema)]
pub struct InstallView {
    /// Id of the plugin.
    pub id: String,
    /// The active version.
    pub version: String,
    /// SHA-256 of the active package.
    pub digest: String,
    /// `granted`, `enabled`, `disabled`, or `recalled`: called as before, but each
    /// call fails and its hook's failure class takes over.
    pub state: &'static str,
    /// SHA-256 of the package that a rollback goes back to.
    pub previous: Option<String>,
    /// SHA-256 of the package that runs in the shadow.
    pub candidate: Option<String>,
    /// Exported interfaces, by role.
    #[schema(value_type = Vec<String>)]
    pub interfaces: Vec<Interface>,
    /// Its grants.
    #[schema(value_type = Object)]
    pub grants: Value,
    /// Values of its settings, where they differ from the manifest's.
    #[schema(value_type = Vec<Object>)]
    pub settings: Value,
    /// Plugin calls that this request made.
    pub calls: Vec<CallView>,
}

/// Loads a plugin under its grants, gets the definition of a pathway, and marks it enabled.
/// Signatures are checked again.
#[boxed]
pub(crate) async fn make_ready(
    extensions: &Extensions,
    caller: &Caller,
    install: &mut Install,
    package: &Package,
) -> AppResult<Vec<CallView>> {
    package::check_trust(&extensions.platform, package).await?;
    let plugin = extensions.runtime().load(package, &grants(install)?).await?;
    policy_desk::plugin_may(
        &extensions.platform.policies(),
        install.tenant,
        plugin.manifest(),
        plugin.capabilities(),
        caller.now,
    )?;
    let mut views = Vec::new();
    if Interface::is_pathway(plugin.interfaces()) {
        let mut calls = Calls::new(extensions, install.tenant, &caller.request_id, caller.now);
        let context = calls.context(install, &plugin)?;
        let described = calls.took(install, extensions.runtime().describe(&plugin, context).await).await;
        views = calls.views();
        let definition = described?;
        declared(&definition, &plugin)?;
        install.definition = Some(serde_json::to_value(definition).map_err(AppError::internal)?);
    }
    install.state = InstallState::Enabled;
    Ok(views)
}

#[boxed]
pub(crate) async fn put_install(
    platform: &Platform,
    install: Install,
    package: &Package,
    calls: Vec<CallView>,
) -> AppResult<InstallView> {
    let tx = platform.store().tenant(install.tenant).begin().await?;
    if let Ok(before) = tx.get_install(&install.plugin_id).await {
        let waiting = tx.list_work(Queue::Resumption, &install.plugin_id).await?;
        let resumption = Resumption::work(&before, &install, waiting.first())?;
        tx.put_work(resumption.as_slice()).await?;
    }
    tx.put_install(&install).await?;
    tx.commit().await?;
    tracing::info!(
        tenant = %install.tenant, plugin = install.plugin_id, state = install.state.as_str(), "plugin changed",
    );
    Ok(view(install, package.manifest(), package.interfaces(), calls))
}

/// The questionnaires of a pathway can be asked. Its data needs are those of its manifest, which the tenant approved
/// with the grant, not those that its code returns later.
fn declared(definition: &Definition, plugin: &Plugin) -> AppResult<()> {
    let fault = |one: &Questionnaire| {
        let contact = one.safeguards.iter().find_map(|safeguard| contact_fault(&safeguard.contact).err());
        one.fault().or_else(|| contact.map(|fault| fault.to_string()))
    };
    if let Some((code, fault)) = definition.questionnaires.iter().find_map(|one| Some((&one.code, fault(one)?))) {
        let detail = format!("questionnaire `{code}`: {fault}");
        return Err(AppError::new(Code::PluginOutput, detail).with("plugin", &plugin.manifest().id));
    }
    let shown = plugin.data_needs().to_vec();
    let codes = |needs: &[DataNeed]| -> Vec<Coding> {
        let observations = needs.iter().filter_map(|need| match need {
            DataNeed::Observations(codes) => Some(codes.clone()),
            _ => None,
        });
        observations.flatten().collect()
    };
    let known = codes(&shown);
    let refuse = |what: String| {
        let detail = format!(
            "the pathway wants to see {what}; its manifest does not declare that in [data-needs], or it was not granted"
        );
        Err(AppError::new(Code::PluginCapability, detail).with("plugin", &plugin.manifest().id))
    };
    for need in &definition.data_needs {
        let what = match need {
            DataNeed::Conditions => "diagnoses",
            DataNeed::Allergies => "allergies",
            DataNeed::Medications => "medicines",
            DataNeed::Observations(_) => continue,
        };
        if !shown.contains(need) {
            return refuse(what.to_owned());
        }
    }
    match codes(&definition.data_needs).iter().find(|code| !known.iter().any(|known| known.same(code))) {
        Some(code) => refuse(format!("observations {}|{}", code.system, code.code)),
        None => Ok(()),
    }
}

fn view(install: Install, manifest: &Manifest, interfaces: &BTreeSet<Interface>, calls: Vec<CallView>) -> InstallView {
    InstallView {
        id: install.plugin_id,
        version: manifest.version.to_string(),
        digest: install.digest,
        previous: install.previous_digest,
        candidate: install.candidate_digest,
        state: match (install.state, install.recalled) {
            (InstallState::Enabled, Some(_)) => "recalled",
            (state, _) => state.as_str(),
        },
        interfaces: interfaces.iter().copied().collect(),
        grants: install.grants,
        settings: install.settings,
        calls,
    }
}

/// Another version of an installed plugin that could replace the active one.
async fn successor(platform: &Platform, install: &Install, version: Option<&str>) -> AppResult<Package> {
    let package = install::newest_package(platform, &install.plugin_id, version).await?;
    if package.digest().to_string() == install.digest {
        return Err(AppError::new(Code::PluginState, "this version is called already"));
    }
    may_be_called(platform, install, &package).await?;
    Ok(package)
}
