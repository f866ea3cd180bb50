use serde::Deserialize;
use xinglin_platform::boxed;

use crate::{
    Identity,
    app::client::{self, Credentials, TokenError},
    session,
};

/// A revocation request (RFC 7009).
#[derive(Deserialize)]
pub struct RevokeAsk {
    /// An access token or a refresh token.
    pub token: Option<String>,
    /// Whose it is.
    #[serde(flatten)]
    pub credentials: Credentials,
}

/// Ends the session of the token, if it belongs to the client. An unknown token is treated as
/// revoked.
///
/// # Errors
/// `invalid_client`, and `invalid_request` without a token.
#[boxed]
pub async fn revoke(identity: &Identity, ask: RevokeAsk) -> Result<(), TokenError> {
    let client = client::authenticate(&identity.platform, &ask.credentials).await?;
    let token = ask.token.ok_or(TokenError::InvalidRequest("send `token`"))?;
    let Some((tenant, session)) = session::named(identity, &token) else { return Ok(()) };
    let records = identity.platform.store().tenant(tenant);
    let Ok(row) = records.get_session(session).await else { return Ok(()) };
    if tenant == client.account.tenant && row.lent.is_some_and(|lent| lent.app == client.account.id) {
        let tx = records.begin().await?;
        tx.end_session(session, &client.account.id.to_string(), identity.platform.now()).await?;
        tx.commit().await?;
    }
    Ok(())
}
