use xinglin_domain::{access::Action, code::Code};
use xinglin_platform::{AppError, AppResult, Caller, boxed, settings::PLATFORM};
use xinglin_store::Revoked;

use super::{RecallView, report};
use crate::Extensions;

/// Recalls a package: every call of it, running or waiting, ends with
/// `PLUGIN_RECALLED`, no other begins, and what its hooks' failure classes say
/// takes over: checks are not done, pathways are silent, payments unknown.
///
/// # Errors
/// If there is no such package.
#[boxed]
pub async fn order(extensions: &Extensions, caller: &Caller, digest: &str, reason: &str) -> AppResult<RecallView> {
    caller.may_in(PLATFORM, Action::InstallPlugins)?;
    if reason.trim().is_empty() {
        return Err(AppError::new(Code::BodyInvalid, "a recall needs a reason"));
    }
    let revoked = Revoked { at: caller.now, reason: reason.to_owned(), by: caller.actor.account.to_string() };
    let tx = extensions.platform.store().operator().begin().await?;
    tx.revoke_package(digest, &revoked).await?;
    tx.commit().await?;
    extensions.runtime().recall(digest.parse().map_err(AppError::internal)?);
    tracing::warn!(digest, reason, by = %caller.actor.account, "a package was recalled");
    report(&extensions.platform, digest).await
}
