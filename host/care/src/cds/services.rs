use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::access::Action;
use xinglin_extensions::{Extensions, install};
use xinglin_platform::{AppResult, Caller, boxed};
use xinglin_runtime::{Interface, Plugin};

use super::Hook;

/// The discovery document.
#[derive(Serialize, ToSchema)]
pub struct Services {
    /// Two for each checker: one for each hook.
    pub services: Vec<Service>,
}

/// A checker at a hook.
#[derive(Serialize, ToSchema)]
pub struct Service {
    /// The hook.
    pub hook: Hook,
    /// Hook and plugin.
    pub id: String,
    /// Name of the plugin.
    pub title: String,
    /// What it is for.
    pub description: String,
}

/// The checkers of the caller's hospital, as services.
///
/// # Errors
/// If the caller may not have orders checked.
#[boxed]
pub async fn services(extensions: &Extensions, caller: &Caller, language: &str) -> AppResult<Services> {
    caller.may(Action::CheckPrescription)?;
    let playing = install::playing(extensions, &extensions.platform.records(caller), Interface::Review).await?;
    let service = |(plugin, hook): (&Arc<Plugin>, Hook)| {
        let manifest = plugin.manifest();
        let (title, said) = (manifest.name.get(language), manifest.description.get(language));
        Service {
            hook,
            id: service_id(hook, &manifest.id),
            title: title.to_owned(),
            description: if said.is_empty() { title } else { said }.to_owned(),
        }
    };
    let each = playing.iter().flat_map(|(_, plugin)| Hook::ALL.map(|hook| (plugin, hook)));
    Ok(Services { services: each.map(service).collect() })
}

fn service_id(hook: Hook, plugin: &str) -> String {
    format!("{}.{plugin}", hook.as_str())
}
