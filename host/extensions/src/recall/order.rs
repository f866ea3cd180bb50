use xinglin_domain::{access::Action, code::Code};
use xinglin_platform::{AppError, AppResult, Caller, boxed, settings::PLATFORM};
use xinglin_store::Revoked;

use super::{RecallView, report};
use crate::Extensions;

/// Recalls a package: every running or waiting call of it ends with `PLUGIN_RECALLED`, no
/// further call starts, and the failure classes of its hooks apply: checks are not done,
/// pathways give no answer, payments are unknown.
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
