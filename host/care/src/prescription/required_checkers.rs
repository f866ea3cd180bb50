//! The checkers that a hospital requires: without their verdict nobody signs, whatever is enabled.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{access::Action, id::TenantId};
use xinglin_platform::{
    AppResult, Caller, Platform, boxed,
    settings::{self, settings},
};
use xinglin_store::{Executor, TenantScope};

/// The checkers that a hospital requires, beside all that are enabled.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequiredCheckers {
    /// Ids of plugins, installed or not. If a hospital has never named any: all that were ever
    /// enabled.
    pub plugins: BTreeSet<String>,
}

/// Names the checkers that a hospital requires.
///
/// # Errors
/// `AUTH_FORBIDDEN`; `NOT_FOUND` if there is no such hospital.
#[boxed]
pub async fn put_required_checkers(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    required: RequiredCheckers,
) -> AppResult<RequiredCheckers> {
    caller.may_in(tenant, Action::ManagePlugins)?;
    let (row, mut settings) = settings::of(platform.store(), tenant).await?;
    settings.required_checkers = Some(required.plugins.clone());
    settings::put(platform.store(), row, &settings, caller.now).await?;
    Ok(required)
}

/// The checkers that the caller's hospital requires.
///
/// # Errors
/// If the store fails.
#[boxed]
pub async fn get_required_checkers(platform: &Platform, caller: &Caller) -> AppResult<RequiredCheckers> {
    Ok(RequiredCheckers { plugins: required(&platform.records(caller)).await? })
}

/// Ids of the required plugins.
pub(super) async fn required<E: Executor>(records: &TenantScope<E>) -> AppResult<BTreeSet<String>> {
    let settings = settings(records).await?;
    Ok(settings.required_checkers.unwrap_or(settings.known_checkers))
}
