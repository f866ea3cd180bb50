use openidconnect::{CsrfToken, Nonce, PkceCodeChallenge, PkceCodeVerifier, Scope, core::CoreAuthenticationFlow};
use xinglin_domain::id::TenantId;
use xinglin_platform::{AppResult, Platform, boxed, one_time};

use super::{Began, KIND, begun, party, provider};

/// How long somebody may take at the provider, in minutes.
const MINUTES: i64 = 10;

/// Where a person goes to sign in. `browser` is what only theirs will hold.
///
/// # Errors
/// `NOT_FOUND` if the tenant trusts no provider; `AUTH_PROVIDER`.
#[boxed]
pub async fn start(platform: &Platform, tenant: TenantId, browser: &str) -> AppResult<String> {
    let (provider, secret) = provider(platform, tenant).await?;
    let party = party(platform, tenant, &provider, secret).await?;
    let (state, _) = one_time::draw();
    let digest = begun(&state, browser);
    let (nonce, _) = one_time::draw();
    let (verifier, _) = one_time::draw();
    let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier.clone()));
    let (sent, given) = (CsrfToken::new(state), Nonce::new(nonce.clone()));
    let request = party.authorize_url(CoreAuthenticationFlow::AuthorizationCode, move || sent, move || given);
    let scopes = provider.scopes.iter().cloned().map(Scope::new);
    let (url, _, _) = request.add_scopes(scopes).set_pkce_challenge(challenge).url();
    let began = Began { issuer: provider.issuer, nonce, verifier };
    let tx = platform.store().tenant(tenant).begin().await?;
    tx.put_one_time(KIND, &digest, &began, platform.now().plus_minutes(MINUTES)).await?;
    tx.commit().await?;
    Ok(url.into())
}
