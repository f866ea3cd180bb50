use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use webauthn_rs::prelude::RegisterPublicKeyCredential;
use xinglin_domain::code::Code;
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_store::Passkey as PasskeyRow;

use super::{NEW, Offered, PasskeyView, end_ceremony, over, parse, refused, webauthn};

/// The browser's answer to a registration ceremony.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyAnswer {
    /// Which ceremony.
    pub ceremony: String,
    /// Name given by the user: `phone`.
    pub name: String,
    /// The RegistrationResponseJSON of WebAuthn.
    #[schema(value_type = Object)]
    pub credential: Value,
}

/// Registers the passkey.
///
/// # Errors
/// `AUTH_REQUIRED` if the ceremony is over or the key proves nothing; `ALREADY_EXISTS`
/// if it is somebody's.
#[boxed]
pub async fn confirm(platform: &Platform, caller: &Caller, answer: PasskeyAnswer) -> AppResult<PasskeyView> {
    let name = answer.name.trim();
    if name.is_empty() || name.chars().count() > 64 {
        return Err(AppError::new(Code::BodyInvalid, "name: 1 to 64 characters").with("path", "name"));
    }
    let credential: RegisterPublicKeyCredential = parse(answer.credential)?;
    let offered: Offered = end_ceremony(platform, caller.actor.tenant, NEW, &answer.ceremony).await?;
    if offered.account != caller.actor.account {
        return Err(over());
    }
    let made = webauthn(platform)?.finish_passkey_registration(&credential, &offered.state).map_err(refused)?;
    let row = PasskeyRow {
        id: URL_SAFE_NO_PAD.encode(made.cred_id()),
        account: caller.actor.account,
        name: name.to_owned(),
        body: serde_json::to_value(&made).map_err(AppError::internal)?,
        counter: 0,
        created_at: caller.now,
        used_at: None,
    };
    let tx = platform.begin(caller).await?;
    tx.insert_passkey(&row).await?;
    if let Some(session) = caller.session {
        tx.strengthen_session(session).await?;
    }
    tx.commit().await?;
    Ok(row.into())
}
