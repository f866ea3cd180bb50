use serde::Serialize;
use utoipa::ToSchema;
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::AccountView;
use crate::relation::{self, RelationView};

/// One's own account.
#[derive(Serialize, ToSchema)]
pub struct MeView {
    #[serde(flatten)]
    #[expect(missing_docs, reason = "the name says it")]
    pub account: AccountView,
    /// Whose guardian, family or contact one is, also from a later day on.
    pub relations: Vec<RelationView>,
}

/// The caller's own account.
///
/// # Errors
/// If the store fails.
#[boxed]
pub async fn whoami(platform: &Platform, caller: &Caller) -> AppResult<MeView> {
    let account = platform.records(caller).get_account(caller.actor.account).await?;
    let account = AccountView::of(account, caller.now)?;
    Ok(MeView { account, relations: relation::own(platform, caller).await? })
}
