//! Policies in force, and explanations of decisions.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    access::{Action, UnknownAction, can},
    code::Code,
    id::TenantId,
};

use crate::{
    AppError, AppResult, Caller, Platform,
    policy::{Asked, Flaw, PolicyText},
    standing,
};

/// The policies in force, and errors in changed files.
#[derive(Serialize, ToSchema)]
pub struct PoliciesView {
    /// Policies of the caller's tenant, shipped ones first.
    pub policies: Vec<PolicyText>,
    /// Why changed files were rejected. The policies read before stay in force.
    pub flaws: Vec<Flaw>,
}

/// A question about an account's rights.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Explain {
    /// Login of the account.
    pub account: String,
    /// Name of the action: `prescription.sign`.
    pub action: String,
    /// The tenant; default: the caller's own.
    #[schema(value_type = Option<String>)]
    pub tenant: Option<TenantId>,
    /// When (RFC 3339, or a date); default: now.
    pub at: Option<String>,
    /// Assume a second factor.
    #[serde(default)]
    pub second_factor: bool,
}

/// A decision with its reasons.
#[derive(Serialize, ToSchema)]
pub struct Explanation {
    /// Whether both the table of roles and the policies allow it.
    pub allowed: bool,
    /// The account.
    pub account: String,
    /// The action.
    pub action: String,
    /// When (RFC 3339).
    pub at: String,
    /// The result of the table of roles, which no policy extends.
    pub law: Law,
    /// Whether the policies allow it.
    pub policies_allow: bool,
    /// The policies that decided: those that forbid if there are any, else those that permit.
    /// Empty: no policy permits it.
    pub decided_by: Vec<PolicyText>,
    /// Policies that could not be evaluated; the decision is then a refusal.
    pub errors: Vec<String>,
    /// The input of the policies.
    pub asked: Asked,
}

/// The result of the table of roles.
#[derive(Serialize, ToSchema)]
pub struct Law {
    /// Whether it allows.
    pub allowed: bool,
    /// The roles that may, with a valid licence where one is required.
    pub roles: Vec<&'static str>,
    /// The code of the refusal.
    #[schema(value_type = Option<String>)]
    pub code: Option<Code>,
    /// Details of the refusal.
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

/// Whether an account may perform an action, and why.
///
/// # Errors
/// If the caller may not read policies; `NOT_FOUND` if there is no such account.
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
