use xinglin_domain::{access::Action, code::Code, id::TenantId};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};

use super::SignInRules;

/// Sets it. It holds with the next request of anybody, whoever is signed in.
///
/// # Errors
/// If the caller may not; `AUTH_SECOND_FACTOR` if they ask for what they have not shown
/// themselves, and so would lock themselves out.
#[boxed]
pub async fn put_rules(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    rules: SignInRules,
) -> AppResult<SignInRules> {
    caller.may_in(tenant, Action::ManageAccounts)?;
    if rules.second_factor && caller.actor.tenant == tenant {
        let strong = match caller.session {
            Some(session) => platform.records(caller).get_session(session).await?.strong,
            None => false,
        };
        if !strong {
            let detail = "set up a second factor of your own and sign in with it first";
            return Err(AppError::new(Code::AuthSecondFactor, detail));
        }
    }
    let mut row = platform.store().tenant(tenant).profile().await?;
    row.second_factor = rules.second_factor;
    row.updated_at = caller.now;
    let tx = platform.store().operator().begin().await?;
    tx.update_tenant(&row).await?;
    tx.commit().await?;
    let (wanted, by) = (rules.second_factor, caller.actor.account);
    tracing::info!(%tenant, wanted, %by, "whether staff need a second factor was set");
    Ok(rules)
}
