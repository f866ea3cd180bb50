use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use xinglin_domain::code::Code;
use xinglin_platform::{AppError, AppResult, Caller, boxed};

use super::{NEW, Offered, PasskeyOffer, begin_ceremony, handle, key, webauthn};
use crate::{Identity, session};

/// Maximum number of passkeys of an account.
const MOST: usize = 20;

/// A request to register a passkey.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPasskey {
    /// The password, against misuse of an open session.
    pub password: String,
}

/// Begins the registration of a passkey of the caller.
///
/// # Errors
/// `AUTH_FORBIDDEN` if the password is wrong; `NOT_FOUND` if the server has no name to make keys
/// for; `ALREADY_EXISTS` if there are too many.
#[boxed]
pub async fn offer(identity: &Identity, caller: &Caller, ask: NewPasskey) -> AppResult<PasskeyOffer> {
    session::prove(identity, caller, ask.password).await?;
    let (account, records) = (caller.actor.account, identity.platform.records(caller));
    let known = records.list_passkeys(account).await?;
    if known.len() >= MOST {
        return Err(AppError::new(Code::AlreadyExists, format!("{MOST} passkeys are enough; remove one")));
    }
    let login = records.get_account(account).await?.login;
    let known = known.iter().map(|row| key(row).map(|key| key.cred_id().clone())).collect::<AppResult<_>>()?;
    let (options, state) = webauthn(&identity.platform)?
        .start_passkey_registration(handle(account), &login, &login, Some(known))
        .map_err(AppError::internal)?;
    let mut options = serde_json::to_value(options).map_err(AppError::internal)?;
    // Found by the device itself, so that nobody types who they are.
    options["publicKey"]["authenticatorSelection"]["residentKey"] = json!("required");
    options["publicKey"]["authenticatorSelection"]["requireResidentKey"] = json!(true);
    let ceremony = begin_ceremony(&identity.platform, caller.actor.tenant, NEW, &Offered { account, state }).await?;
    Ok(PasskeyOffer { ceremony, options })
}
