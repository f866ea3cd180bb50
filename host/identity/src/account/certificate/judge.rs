use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::id::{AccountId, CertificateId, TenantId};
use xinglin_platform::{AppResult, Caller, Platform, boxed, standing::Standing};

use super::{Numbers, by_hand, certificate, change_standing};
use crate::account::AccountView;

/// A manual decision on certificates.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Judgement {
    /// `cert-…`, all of one account, none decided before.
    #[schema(value_type = Vec<String>)]
    pub certificates: Vec<CertificateId>,
    /// Whether they are genuine.
    pub verified: bool,
    /// What was seen, or what is wrong.
    pub reason: String,
    /// Expiry of the decision.
    #[serde(default)]
    pub until: Option<String>,
}

/// Decides certificates manually. The deciding account is recorded.
///
/// # Errors
/// If the caller may not, or the account is their own; `NOT_FOUND`; `CRED_STATE` if one
/// was decided before, and then none is decided.
#[boxed]
pub async fn judge(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    id: AccountId,
    judgement: Judgement,
) -> AppResult<AccountView> {
    let judge = |standing: &mut Standing| {
        let decision = by_hand(caller, judgement.verified, &judgement.reason, judgement.until.as_deref())?;
        for id in &judgement.certificates {
            certificate(standing, *id)?.decide(decision.clone())?;
        }
        Ok(Numbers::release(standing, &judgement.certificates))
    };
    change_standing(platform, caller, (tenant, id), "certificates judged", judge).await
}
