use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use webauthn_rs::prelude::{DiscoverableAuthentication, DiscoverableKey, PublicKeyCredential, WebauthnError};
use xinglin_domain::{code::Code, id::TenantId};
use xinglin_platform::{AppError, AppResult, boxed, settings::PLATFORM};
use xinglin_store::Passkey as PasskeyRow;

use super::{SIGN_IN, end_ceremony, handle, key, parse, refused, webauthn};
use crate::{
    Identity,
    session::{self, Session},
};

/// The browser's answer to a sign-in ceremony.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeySignIn {
    /// The tenant; left out by operators of the platform.
    #[schema(value_type = Option<String>)]
    pub tenant: Option<TenantId>,
    /// Which ceremony.
    pub ceremony: String,
    /// The AuthenticationResponseJSON of WebAuthn.
    #[schema(value_type = Object)]
    pub credential: Value,
    /// Device name for the list of sessions: `phone`, `ward 3`.
    pub client: Option<String>,
}

/// Signs in the owner of the passkey; it counts as both factors.
///
/// # Errors
/// `AUTH_REQUIRED` if the ceremony has ended, the key is unknown, verification fails, its
/// counter decreases (a cloned key), or the account is suspended.
#[boxed]
pub async fn sign_in(identity: &Identity, ask: PasskeySignIn) -> AppResult<Session> {
    let tenant = ask.tenant.unwrap_or(PLATFORM);
    let credential: PublicKeyCredential = parse(ask.credential)?;
    let state: DiscoverableAuthentication = end_ceremony(&identity.platform, tenant, SIGN_IN, &ask.ceremony).await?;
    let webauthn = webauthn(&identity.platform)?;
    let (whose, id) = webauthn.identify_discoverable_authentication(&credential).map_err(refused)?;
    let id = URL_SAFE_NO_PAD.encode(id);
    let records = identity.platform.store().tenant(tenant);
    let row = records.find_passkey(&id).await?.filter(|row| handle(row.account) == whose).ok_or_else(unknown)?;
    let mut key = key(&row)?;
    let found = webauthn.finish_discoverable_authentication_v2(&credential, state, DiscoverableKey::from(&key));
    let result = found.map_err(|error| {
        if matches!(error, WebauthnError::CredentialPossibleCompromise) {
            tracing::warn!(%tenant, account = %row.account, passkey = id, "a passkey counts backwards: there may be a copy");
        }
        refused(error)
    })?;
    let account = records.get_account(row.account).await?;
    if !result.user_verified() || !account.active {
        return Err(unknown());
    }
    key.update_credential(&result);
    let used = PasskeyRow {
        body: serde_json::to_value(&key).map_err(AppError::internal)?,
        counter: i64::from(result.counter()),
        used_at: Some(identity.platform.now()),
        ..row.clone()
    };
    let tx = records.begin().await?;
    // Of a key and its copy that sign at once, one is refused.
    if !tx.use_passkey(&used, row.counter).await? {
        return Err(unknown());
    }
    tx.commit().await?;
    session::open(identity, account, true, ask.client).await
}

fn unknown() -> AppError {
    AppError::new(Code::AuthRequired, "no key of this hospital's, or not good any more")
}
