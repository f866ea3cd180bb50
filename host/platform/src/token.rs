//! Access tokens: signed, short-lived, with account, tenant and session only. Roles, credentials
//! and the end of the session are read from the store at each request, so that a suspension works
//! at once and not when a token expires.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use xinglin_domain::{
    id::{AccountId, SessionId, TenantId},
    time::Instant,
};

/// Signs and verifies tokens.
pub struct Tokens {
    encode: EncodingKey,
    decode: DecodingKey,
    rules: Validation,
    seconds: i64,
}

/// The claims of a token (RFC 7519 names).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// The account.
    pub sub: AccountId,
    /// The tenant.
    pub tenant: TenantId,
    /// The session; none for a service client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<SessionId>,
    /// The scopes of a service client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Issued at, in seconds.
    pub iat: i64,
    /// Expires at, in seconds.
    pub exp: i64,
}

impl Tokens {
    /// With a 256-bit key and a lifetime in seconds.
    pub fn new(key: &[u8; 32], seconds: i64) -> Self {
        let mut rules = Validation::new(Algorithm::HS256);
        // The host's clock decides, not the machine's: see `check`.
        rules.validate_exp = false;
        rules.required_spec_claims.clear();
        Self { encode: EncodingKey::from_secret(key), decode: DecodingKey::from_secret(key), rules, seconds }
    }

    /// A token for an account, and its lifetime in seconds.
    ///
    /// # Errors
    /// If it cannot be signed, which the key and claims used here never cause.
    pub fn issue(
        &self,
        account: AccountId,
        tenant: TenantId,
        session: SessionId,
        now: Instant,
    ) -> Result<(String, i64), jsonwebtoken::errors::Error> {
        let iat = now.micros() / 1_000_000;
        let claims = Claims { sub: account, tenant, sid: Some(session), scope: None, iat, exp: iat + self.seconds };
        Ok((self.sign(&claims)?, self.seconds))
    }

    /// A token for a service client, with this lifetime in seconds and this scope.
    ///
    /// # Errors
    /// As [`Tokens::issue`].
    pub fn issue_scoped(
        &self,
        account: AccountId,
        tenant: TenantId,
        scope: &str,
        seconds: i64,
        now: Instant,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let iat = now.micros() / 1_000_000;
        let scope = Some(scope.to_owned());
        self.sign(&Claims { sub: account, tenant, sid: None, scope, iat, exp: iat + seconds })
    }

    fn sign(&self, claims: &Claims) -> Result<String, jsonwebtoken::errors::Error> {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.encode)
    }

    /// The claims of a token, if its signature is valid and it has not expired.
    pub fn check(&self, token: &str, now: Instant) -> Option<Claims> {
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decode, &self.rules).ok()?.claims;
        let seconds = now.micros() / 1_000_000;
        (claims.iat <= seconds && seconds < claims.exp).then_some(claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_ends_and_cannot_be_forged() {
        let ours = Tokens::new(&[7; 32], 60);
        let account = AccountId::from_u128(1);
        let tenant = TenantId::from_u128(2);
        let now = Instant::from_micros(1_700_000_000_000_000);
        let (token, _) = ours.issue(account, tenant, SessionId::from_u128(3), now).unwrap();
        assert_eq!(ours.check(&token, now.plus_seconds(59)).map(|c| c.sub), Some(account));
        assert!(ours.check(&token, now.plus_seconds(60)).is_none());
        assert!(ours.check(&token, now.plus_seconds(-1)).is_none());
        assert!(Tokens::new(&[8; 32], 60).check(&token, now).is_none());
        let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", token.split('.').nth(1).unwrap());
        assert!(ours.check(&unsigned, now).is_none());
    }
}
