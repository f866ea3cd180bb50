//! Service clients: systems that read and write records with nobody at the keyboard,
//! after SMART Backend Services (SMART App Launch 2.2). They sign an assertion with a
//! key whose public half the hospital was given (RFC 7523); there is no shared secret.

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    id::{AccountId, TenantId},
    scope::Scopes,
};
use xinglin_store::{Account, Request, RequestKey};

use super::{
    AppError, AppResult, Caller, Hospital,
    account::{Standing, standing},
};
use crate::ambient;

/// How long an access token of a client is good for, in seconds: as long as SMART
/// recommends, for there is no refresh.
const TOKEN_SECONDS: i64 = 300;
/// The longest life of an assertion, and what clocks may differ.
const ASSERTION_SECONDS: i64 = 300 + 30;

/// A client to take in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewClient {
    /// What it is called: `lis`, `data platform`. Unique among the tenant's logins.
    pub name: String,
    /// Its public keys (RFC 7517): RSA of 2048 bits or more, or EC P-384, each with a
    /// `kid`. Addresses of keys (`jku`) are not fetched.
    #[schema(value_type = Object)]
    pub jwks: Value,
    /// The most it may ask for, for example `system/Observation.rs system/Patient.r`.
    pub scopes: String,
}

/// A client.
#[derive(Serialize, ToSchema)]
pub struct ClientView {
    /// What it calls itself in its assertions, as `iss` and `sub`.
    pub client_id: String,
    /// The account behind it, to suspend it: `acc-…`
    #[schema(value_type = String)]
    pub account: AccountId,
    /// What it is called.
    pub name: String,
    /// The most it may ask for.
    pub scopes: String,
    /// Whether it gets tokens.
    pub active: bool,
}

/// What is kept of a client, in its account.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClientKeys {
    jwks: JwkSet,
    pub scopes: String,
}

/// What a client asks the token endpoint (RFC 6749 §4.4, RFC 7523 §2.2).
#[derive(Deserialize)]
pub struct TokenAsk {
    /// `client_credentials`.
    pub grant_type: Option<String>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`.
    pub client_assertion_type: Option<String>,
    /// The assertion.
    pub client_assertion: Option<String>,
    /// What the token is to open; all that was granted if left out.
    pub scope: Option<String>,
}

/// An access token (RFC 6749 §5.1).
#[derive(Serialize)]
pub struct Token {
    /// Send it as `Authorization: Bearer …`.
    pub access_token: String,
    /// Always `bearer`.
    pub token_type: &'static str,
    /// Seconds until it runs out.
    pub expires_in: i64,
    /// What it opens.
    pub scope: String,
}

/// Why there is no token (RFC 6749 §5.2).
#[derive(Debug)]
pub enum TokenError {
    /// The request is not one.
    InvalidRequest(&'static str),
    /// Another grant type than client credentials.
    UnsupportedGrantType,
    /// The assertion proves nothing. Why is for the log, and for a client that has the
    /// right key.
    InvalidClient(String),
    /// More than was granted, or no scopes.
    InvalidScope(String),
    /// Our own fault.
    Other(AppError),
}

impl<E: Into<AppError>> From<E> for TokenError {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

#[derive(Deserialize)]
struct Assertion {
    iss: String,
    sub: String,
    exp: i64,
    jti: String,
    aud: Audience,
    #[serde(default)]
    nbf: i64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Hospital {
    /// Takes a service client in.
    ///
    /// # Errors
    /// If the caller may not, the name is taken, a key is none we take, or a scope is
    /// unknown.
    pub async fn create_client(&self, caller: &Caller, tenant: TenantId, new: NewClient) -> AppResult<ClientView> {
        caller.may_in(tenant, Action::ManageAccounts)?;
        let invalid = |path: &'static str, why: String| AppError::new(Code::BodyInvalid, why).with("path", path);
        if new.name.trim().is_empty() || new.name.chars().count() > 64 {
            return Err(invalid("name", "name: 1 to 64 characters".to_owned()));
        }
        let scopes: Scopes = new.scopes.parse().map_err(|e| invalid("scopes", format!("scopes: {e}")))?;
        if scopes.is_empty() {
            return Err(invalid("scopes", "scopes: at least one".to_owned()));
        }
        let jwks: JwkSet = serde_json::from_value(new.jwks).map_err(|e| invalid("jwks", format!("jwks: {e}")))?;
        if !(1..=8).contains(&jwks.keys.len()) {
            return Err(invalid("jwks", "jwks: 1 to 8 keys".to_owned()));
        }
        for key in &jwks.keys {
            algorithm(key).ok_or_else(|| {
                let why = "jwks: each key needs a `kid` and is RSA of at least 2048 bits, or EC P-384";
                invalid("jwks", why.to_owned())
            })?;
        }
        let records = self.store().tenant(tenant);
        records.profile().await?;
        let client = Some(ClientKeys { jwks, scopes: scopes.to_string() });
        let row = Account {
            id: AccountId::from_u128(ambient::fresh_id()),
            tenant,
            login: new.name,
            password_hash: None,
            roles: vec!["service".to_owned()],
            person_ref: None,
            credential: Some(
                serde_json::to_value(Standing { client, ..Standing::default() }).map_err(AppError::internal)?,
            ),
            public_key: None,
            active: true,
            version: 0,
            created_at: caller.now,
            updated_at: caller.now,
        };
        let tx = records.begin().await?;
        tx.insert_account(&row).await?;
        tx.commit().await?;
        view(&row)?.ok_or_else(|| AppError::internal("a client without keys"))
    }

    /// The service clients of a tenant, by name.
    ///
    /// # Errors
    /// If the caller may not.
    pub async fn list_clients(&self, caller: &Caller, tenant: TenantId) -> AppResult<Vec<ClientView>> {
        caller.may_in(tenant, Action::ManageAccounts)?;
        let accounts = self.store().tenant(tenant).list_accounts().await?;
        accounts.iter().filter_map(|row| view(row).transpose()).collect()
    }

    /// Where clients get their tokens; what their assertions must be meant for.
    pub fn token_url(&self) -> String {
        format!("{}/oauth/token", self.config().base_url())
    }

    /// Exchanges an assertion, once, for an access token.
    ///
    /// # Errors
    /// What is wrong, in the words of RFC 6749.
    pub async fn client_token(&self, ask: TokenAsk) -> Result<Token, TokenError> {
        match ask.grant_type.as_deref() {
            Some("client_credentials") => {}
            Some(_) => return Err(TokenError::UnsupportedGrantType),
            None => return Err(TokenError::InvalidRequest("send `grant_type`")),
        }
        if ask.client_assertion_type.as_deref() != Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer") {
            return Err(TokenError::InvalidRequest(
                "send `client_assertion_type` = urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ));
        }
        let assertion = ask.client_assertion.ok_or(TokenError::InvalidRequest("send `client_assertion`"))?;
        let (row, keys) = self.prove(&assertion).await?;
        let granted: Scopes = keys.scopes.parse().map_err(AppError::internal)?;
        let asked = match ask.scope.as_deref() {
            None | Some("") => granted.clone(),
            Some(text) => text.parse::<Scopes>().map_err(|e| TokenError::InvalidScope(e.to_string()))?,
        };
        if asked.is_empty() || !granted.cover(&asked) {
            return Err(TokenError::InvalidScope(format!("this client was granted {granted}")));
        }
        let scope = asked.to_string();
        let issued = self.tokens().issue_scoped(row.id, row.tenant, &scope, TOKEN_SECONDS, self.now());
        let access_token = issued.map_err(AppError::internal)?;
        tracing::info!(tenant = %row.tenant, client = row.login, scope, "a service client signed in");
        Ok(Token { access_token, token_type: "bearer", expires_in: TOKEN_SECONDS, scope })
    }

    /// Whose assertion it is, if it proves that.
    async fn prove(&self, assertion: &str) -> Result<(Account, ClientKeys), TokenError> {
        let invalid = |why: &str| TokenError::InvalidClient(why.to_owned());
        // Unchecked, only to find the key to check it with.
        let claimed = jsonwebtoken::dangerous::insecure_decode::<Assertion>(assertion);
        let Assertion { iss, .. } =
            claimed.map_err(|_| invalid("the assertion is no JWT with the claims asked for"))?.claims;
        let unknown = || invalid("there is no such client, or no such key of it");
        let (tenant, account) = iss.split_once('.').ok_or_else(unknown)?;
        let (tenant, account): (TenantId, AccountId) =
            (tenant.parse().map_err(|_| unknown())?, account.parse().map_err(|_| unknown())?);
        let records = self.store().tenant(tenant);
        let row = records.get_account(account).await.map_err(|_| unknown())?;
        let keys = standing(&row)?.client.filter(|_| row.active).ok_or_else(unknown)?;
        let header = jsonwebtoken::decode_header(assertion).map_err(|_| unknown())?;
        let key = header.kid.as_deref().and_then(|kid| keys.jwks.find(kid)).ok_or_else(unknown)?;
        // The key says which algorithm is right, not the assertion.
        let algorithm = algorithm(key).ok_or_else(unknown)?;
        let mut rules = Validation::new(algorithm);
        // Our clock decides, not the machine's.
        rules.validate_exp = false;
        rules.validate_aud = false;
        rules.required_spec_claims.clear();
        let decoding = DecodingKey::from_jwk(key).map_err(AppError::internal)?;
        let proved = jsonwebtoken::decode::<Assertion>(assertion, &decoding, &rules);
        let proved = proved.map_err(|_| invalid("the signature is wrong"))?.claims;

        let now = self.now();
        let seconds = now.micros() / 1_000_000;
        let ours = self.token_url();
        let for_us = match &proved.aud {
            Audience::One(one) => *one == ours,
            Audience::Many(many) => many.contains(&ours),
        };
        if proved.iss != iss || proved.sub != iss {
            return Err(invalid("`iss` and `sub` must be the client id"));
        }
        if !for_us {
            return Err(TokenError::InvalidClient(format!("`aud` must be {ours}")));
        }
        if proved.exp <= seconds || proved.exp > seconds + ASSERTION_SECONDS || proved.nbf > seconds + 30 {
            return Err(invalid("`exp` must lie in the next five minutes"));
        }
        if !(8..=128).contains(&proved.jti.len()) {
            return Err(invalid("`jti` must have 8 to 128 characters, and be new each time"));
        }
        let tx = records.begin().await?;
        let key = RequestKey { account: account.to_string(), key: format!("assertion {}", proved.jti) };
        if tx.start_request(&key, "assertion", now).await? != Request::New {
            return Err(invalid("the assertion was used already"));
        }
        tx.commit().await?;
        Ok((row, keys))
    }
}

/// The algorithm that goes with a key we take (SMART: RS384 and ES384).
fn algorithm(key: &Jwk) -> Option<Algorithm> {
    key.common.key_id.as_ref().filter(|kid| !kid.is_empty())?;
    match &key.algorithm {
        // 2048 bits are 342 characters of base64.
        AlgorithmParameters::RSA(rsa) if rsa.n.len() >= 342 => Some(Algorithm::RS384),
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P384 => Some(Algorithm::ES384),
        _ => None,
    }
}

fn view(row: &Account) -> AppResult<Option<ClientView>> {
    Ok(standing(row)?.client.map(|client| ClientView {
        client_id: format!("{}.{}", row.tenant, row.id),
        account: row.id,
        name: row.login.clone(),
        scopes: client.scopes,
        active: row.active,
    }))
}
