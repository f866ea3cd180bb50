use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::code::Code;
use xinglin_platform::{AppError, AppResult, Caller, ambient, boxed};
use xinglin_store::SecondFactor;

use crate::{
    Identity, session,
    totp::{place, totp},
};

/// What to put into an authenticator. Shown once.
#[derive(Serialize, ToSchema)]
pub struct SecondFactorOffer {
    /// The secret in base32, to type.
    pub secret: String,
    /// `otpauth://totp/…`, to show as a QR code.
    pub url: String,
}

/// Who wants an authenticator.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSecondFactor {
    /// The password, against misuse of an open session.
    pub password: String,
}

/// Draws a secret for the caller's authenticator. It counts from when a code was
/// confirmed; an earlier one counts until then.
///
/// # Errors
/// `ALREADY_EXISTS` if one counts: remove it first; `AUTH_FORBIDDEN` if the password
/// is wrong.
#[boxed]
pub async fn offer(identity: &Identity, caller: &Caller, ask: NewSecondFactor) -> AppResult<SecondFactorOffer> {
    session::prove(identity, caller, ask.password).await?;
    let (tenant, account) = (caller.actor.tenant, caller.actor.account);
    let records = identity.platform.records(caller);
    if records.find_second_factor(account).await?.is_some_and(|factor| factor.confirmed_at.is_some()) {
        return Err(AppError::new(Code::AlreadyExists, "there is an authenticator already; remove it first"));
    }
    let secret = ambient::random_bytes::<20>();
    let login = records.get_account(account).await?.login;
    let totp = totp(secret, &login)?;
    let tx = identity.platform.begin(caller).await?;
    let sealed = identity.platform.keys().seal(&place(tenant, &account.to_string()), &secret);
    tx.put_second_factor(&SecondFactor { account, sealed, confirmed_at: None, last_step: 0 }).await?;
    tx.commit().await?;
    let url = totp.to_url().map_err(AppError::internal)?;
    Ok(SecondFactorOffer { secret: totp.secret().to_base32(), url })
}
