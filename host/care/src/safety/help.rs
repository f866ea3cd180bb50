use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    id::TenantId,
    safety::{Help, Helpline},
};
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, boxed,
    settings::{self, Settings, settings},
};

/// What a hospital shows a patient in danger.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HelpView {
    /// The hospital's own words, by language; Chinese is required.
    #[schema(value_type = Vec<Object>)]
    pub text: xinglin_domain::coding::LocalizedText,
    /// One to eight numbers with a title each, the first first.
    #[schema(value_type = Vec<Object>)]
    pub lines: Vec<Helpline>,
}

impl From<Help> for HelpView {
    fn from(Help { text, lines }: Help) -> Self {
        Self { text, lines }
    }
}

/// What the hospital shows: 12356 and 120, if it says nothing else.
///
/// # Errors
/// If the caller may not.
#[boxed]
pub async fn help(platform: &Platform, caller: &Caller, tenant: TenantId) -> AppResult<HelpView> {
    caller.may_in(tenant, Action::ManageAccounts)?;
    Ok(settings(&platform.store().tenant(tenant)).await?.help.into())
}

/// Sets what the hospital shows.
///
/// # Errors
/// If the caller may not; `BODY_INVALID` if a patient would find no words, or no number to call.
#[boxed]
pub async fn put_help(platform: &Platform, caller: &Caller, tenant: TenantId, ask: HelpView) -> AppResult<HelpView> {
    caller.may_in(tenant, Action::ManageAccounts)?;
    let help = Help { text: ask.text, lines: ask.lines };
    if let Some(fault) = help.fault() {
        return Err(AppError::new(Code::BodyInvalid, fault));
    }
    let (row, known) = settings::of(platform.store(), tenant).await?;
    settings::put(platform.store(), row, &Settings { help: help.clone(), ..known }, caller.now).await?;
    tracing::info!(%tenant, by = %caller.actor.account, "what a patient in danger is shown was set");
    Ok(help.into())
}
