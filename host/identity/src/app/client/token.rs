use xinglin_domain::scope::Scopes;
use xinglin_platform::{AppError, boxed};

use super::{Client, JWT_BEARER, Token, TokenAsk, TokenError, authenticate};
use crate::{Identity, app::exchange};

/// Lifetime of an access token of a system, in seconds: the maximum that SMART recommends;
/// there is no refresh token.
const TOKEN_SECONDS: i64 = 300;

/// Issues a token for a grant.
///
/// # Errors
/// The error, as an RFC 6749 code.
#[boxed]
pub async fn token(identity: &Identity, ask: TokenAsk) -> Result<Token, TokenError> {
    match ask.grant_type.as_deref() {
        Some("client_credentials") => token_of_system(identity, ask).await,
        Some("authorization_code") => exchange::token_for_code(identity, ask).await,
        Some("refresh_token") => exchange::token_again(identity, ask).await,
        Some(_) => Err(TokenError::UnsupportedGrantType),
        None => Err(TokenError::InvalidRequest("send `grant_type`")),
    }
}

/// Exchanges an assertion, once, for an access token.
async fn token_of_system(identity: &Identity, ask: TokenAsk) -> Result<Token, TokenError> {
    if ask.credentials.client_assertion_type.as_deref() != Some(JWT_BEARER) {
        return Err(TokenError::InvalidRequest(
            "send `client_assertion_type` = urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ));
    }
    if ask.credentials.client_assertion.is_none() {
        return Err(TokenError::InvalidRequest("send `client_assertion`"));
    }
    let Client { account, registration } = authenticate(&identity.platform, &ask.credentials).await?;
    let granted = registration.scopes()?.of_systems(true);
    let asked = match ask.scope.as_deref() {
        None | Some("") => granted.clone(),
        Some(text) => text.parse::<Scopes>().map_err(|e| TokenError::InvalidScope(e.to_string()))?,
    };
    if asked.is_empty() || !granted.cover(&asked) {
        return Err(TokenError::InvalidScope(format!("this client was granted {granted}")));
    }
    let scope = asked.to_string();
    let issued =
        identity.tokens().issue_scoped(account.id, account.tenant, &scope, TOKEN_SECONDS, identity.platform.now());
    let access_token = issued.map_err(AppError::internal)?;
    tracing::info!(tenant = %account.tenant, client = account.login, scope, "a service client signed in");
    let (refresh_token, id_token, patient) = (None, None, None);
    Ok(Token { access_token, token_type: "bearer", expires_in: TOKEN_SECONDS, scope, refresh_token, id_token, patient })
}
