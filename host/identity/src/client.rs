//! Clients: systems that read and write records with nobody at the keyboard, after SMART
//! Backend Services, and apps that people lend something of their rights to, after SMART
//! App Launch 2.2. Who can keep a key signs assertions with it (RFC 7523) or has a
//! secret; who can keep neither, as an app on a telephone, is known by where it is sent
//! back to and by what it began with (PKCE).

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use subtle::ConstantTimeEq;
use url::{Host, Url};
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    id::{AccountId, TenantId},
    scope::{Context, Scopes},
};
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, ambient, one_time,
    standing::{Authentication, Registration, Standing, standing},
};
use xinglin_store::{Account, Request, RequestKey};

use crate::{Identity, exchange};

/// How long an access token of a system is good for, in seconds: as long as SMART
/// recommends, for there is no refresh.
const TOKEN_SECONDS: i64 = 300;

/// The longest life of an assertion, and what clocks may differ.
const ASSERTION_SECONDS: i64 = 300 + 30;

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client to take in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewClient {
    /// What it is called: `lis`, `growth charts`. Unique among the tenant's logins; people
    /// read it when they are asked.
    pub name: String,
    /// How it proves itself: `private_key_jwt`, which is meant if it is left out,
    /// `client_secret`, or `none` for an app that can keep no secret.
    #[serde(default)]
    pub authentication: Authentication,
    /// Its public keys (RFC 7517), for `private_key_jwt`: RSA of 2048 bits or more, or EC
    /// P-384, each with a `kid`. Addresses of keys (`jku`) are not fetched.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub jwks: Option<Value>,
    /// Where people are sent back to, each to the letter: `https://…`, `http://` on a
    /// loopback address, or a scheme of the app's own, such as `cn.example.app:/back`.
    /// An app has one at least; a system has none.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// The most it may ask for: `system/Observation.rs` of a system; of an app
    /// `patient/*.rs`, `user/*.cruds`, `launch`, `launch/patient`, `openid`, `fhirUser`,
    /// `offline_access`, `online_access`.
    pub scopes: String,
}

/// A client.
#[derive(Serialize, ToSchema)]
pub struct ClientView {
    /// What it calls itself: in its assertions, as `iss` and `sub`.
    pub client_id: String,
    /// Its secret, shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// The account behind it, to suspend it: `acc-…`
    #[schema(value_type = String)]
    pub account: AccountId,
    /// What it is called.
    pub name: String,
    /// How it proves itself.
    pub authentication: Authentication,
    /// Where people are sent back to.
    pub redirect_uris: Vec<String>,
    /// The most it may ask for.
    pub scopes: String,
    /// Whether it gets tokens.
    pub active: bool,
}

/// A client that has proved itself, as far as it can.
pub(crate) struct Client {
    pub account: Account,
    pub registration: Registration,
}

impl Client {
    pub fn id(&self) -> String {
        client_id(&self.account)
    }
}

/// How clients prove themselves at an endpoint (RFC 6749 §2.3, RFC 7523 §2.2).
#[derive(Debug, Default, Deserialize)]
pub struct Credentials {
    /// Of a client that sends it in the form, or has no other proof.
    pub client_id: Option<String>,
    /// Its secret, in the form.
    pub client_secret: Option<String>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`.
    pub client_assertion_type: Option<String>,
    /// The assertion.
    pub client_assertion: Option<String>,
    /// Id and secret of the `Authorization` header.
    #[serde(skip)]
    pub basic: Option<(String, String)>,
}

/// What a client asks the token endpoint.
#[derive(Deserialize)]
pub struct TokenAsk {
    /// `client_credentials`, `authorization_code` or `refresh_token`.
    pub grant_type: Option<String>,
    /// Who asks.
    #[serde(flatten)]
    pub credentials: Credentials,
    /// What the token is to open; all that was granted if left out.
    pub scope: Option<String>,
    /// The code that the person was sent back with.
    pub code: Option<String>,
    /// Where to.
    pub redirect_uri: Option<String>,
    /// What the challenge was made of (RFC 7636).
    pub code_verifier: Option<String>,
    /// The last one that was given out.
    pub refresh_token: Option<String>,
}

/// An access token (RFC 6749 §5.1), and what SMART and OpenID Connect send along.
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
    /// Good once, for the next of both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// Who the person is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    /// The patient at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient: Option<String>,
}

/// Why there is no token (RFC 6749 §5.2).
#[derive(Debug)]
pub enum TokenError {
    /// The request is not one.
    InvalidRequest(&'static str),
    /// Another grant type than those.
    UnsupportedGrantType,
    /// The client proves nothing. Why is for the log, and for a client that has the
    /// right key.
    InvalidClient(String),
    /// What was shown is good for nothing, or not for this client.
    InvalidGrant(&'static str),
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

/// Takes a client in.
///
/// # Errors
/// If the caller may not, the name is taken, a key is none we take, a scope is
/// unknown, or an address is none to send people to.
pub async fn create(platform: &Platform, caller: &Caller, tenant: TenantId, new: NewClient) -> AppResult<ClientView> {
    caller.may_in(tenant, Action::ManageAccounts)?;
    let invalid = |path: &'static str, why: String| AppError::new(Code::BodyInvalid, why).with("path", path);
    if new.name.trim().is_empty() || new.name.chars().count() > 64 {
        return Err(invalid("name", "name: 1 to 64 characters".to_owned()));
    }
    let scopes: Scopes = new.scopes.parse().map_err(|e| invalid("scopes", format!("scopes: {e}")))?;
    if scopes.is_empty() {
        return Err(invalid("scopes", "scopes: at least one".to_owned()));
    }
    let jwks = match (new.authentication, new.jwks) {
        (Authentication::PrivateKeyJwt, Some(jwks)) => Some(key_set(jwks)?),
        (Authentication::PrivateKeyJwt, None) => {
            return Err(invalid("jwks", "jwks: the client's public keys".to_owned()));
        }
        (_, None) => None,
        (_, Some(_)) => return Err(invalid("jwks", "jwks: only with `private_key_jwt`".to_owned())),
    };
    if scopes.reach(Context::System) && jwks.is_none() {
        return Err(invalid("authentication", "authentication: a system signs with a key".to_owned()));
    }
    if scopes.of_systems(false).is_empty() != new.redirect_uris.is_empty() || new.redirect_uris.len() > 8 {
        let why = "redirect_uris: 1 to 8 of an app that people let in; none of a system";
        return Err(invalid("redirect_uris", why.to_owned()));
    }
    for uri in &new.redirect_uris {
        check_redirect(uri).map_err(|why| invalid("redirect_uris", format!("redirect_uris: `{uri}`: {why}")))?;
    }
    let drawn = (new.authentication == Authentication::ClientSecret).then(one_time::draw);
    let (client_secret, secret) = drawn.unzip();
    let records = platform.store().tenant(tenant);
    records.profile().await?;
    let redirect_uris = new.redirect_uris;
    let client = Some(Registration { jwks, secret, redirect_uris, scopes: scopes.to_string() });
    let row = Account {
        id: AccountId::from_u128(ambient::fresh_id()),
        tenant,
        login: new.name,
        password_hash: None,
        roles: vec!["service".to_owned()],
        person_ref: None,
        credential: Some(serde_json::to_value(Standing { client, ..Standing::default() }).map_err(AppError::internal)?),
        public_key: None,
        active: true,
        practice_years: 0,
        version: 0,
        created_at: caller.now,
        updated_at: caller.now,
    };
    let tx = records.begin().await?;
    tx.insert_account(&row).await?;
    tx.commit().await?;
    let view = view(&row)?.ok_or_else(|| AppError::internal("a client that is none"))?;
    Ok(ClientView { client_secret, ..view })
}

/// The clients of a tenant, by name.
///
/// # Errors
/// If the caller may not.
pub async fn list(platform: &Platform, caller: &Caller, tenant: TenantId) -> AppResult<Vec<ClientView>> {
    caller.may_in(tenant, Action::ManageAccounts)?;
    let accounts = platform.store().tenant(tenant).list_accounts().await?;
    accounts.iter().filter_map(|row| view(row).transpose()).collect()
}

/// Where clients get their tokens; what their assertions must be meant for.
pub fn token_url(platform: &Platform) -> String {
    format!("{}/oauth/token", platform.config().base_url())
}

/// Who issues tokens, as tokens and discovery say it.
pub fn issuer(platform: &Platform) -> String {
    platform.config().base_url()
}

/// Gives a token for what the client shows.
///
/// # Errors
/// What is wrong, in the words of RFC 6749.
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

/// The client that asks, if it proves itself in the way that it was taken in with, and
/// in one way only.
pub(crate) async fn authenticate(platform: &Platform, shown: &Credentials) -> Result<Client, TokenError> {
    let invalid = || TokenError::InvalidClient("there is no such client, or it proves itself otherwise".to_owned());
    let Credentials { client_id, client_secret, client_assertion_type, client_assertion, basic } = shown;
    let (client, secret) = match (client_assertion, basic, client_secret) {
        (Some(assertion), None, None) => {
            if client_assertion_type.as_deref() != Some(JWT_BEARER) {
                return Err(invalid());
            }
            let client = prove(platform, assertion).await?;
            // Whoever names itself twice must be one.
            return match client_id.as_ref().is_none_or(|id| *id == client.id()) {
                true => Ok(client),
                false => Err(invalid()),
            };
        }
        (None, Some((id, secret)), None) if client_id.as_ref().is_none_or(|named| named == id) => (id, Some(secret)),
        (None, None, secret) => (client_id.as_ref().ok_or_else(invalid)?, secret.as_ref()),
        _ => return Err(invalid()),
    };
    let client = find(platform, client).await?.ok_or_else(invalid)?;
    let right = match (&client.registration.secret, secret, client.registration.authentication()) {
        (Some(kept), Some(shown), Authentication::ClientSecret) => {
            bool::from(kept.as_bytes().ct_eq(one_time::digest(shown).as_bytes()))
        }
        (None, None, Authentication::None) => true,
        _ => false,
    };
    if right { Ok(client) } else { Err(invalid()) }
}

/// The client of this id, if there is one that is not suspended.
pub(crate) async fn find(platform: &Platform, id: &str) -> AppResult<Option<Client>> {
    let ids = id.split_once('.').and_then(|(tenant, account)| Some((tenant.parse().ok()?, account.parse().ok()?)));
    let Some((tenant, account)): Option<(TenantId, AccountId)> = ids else { return Ok(None) };
    let account = match platform.store().tenant(tenant).get_account(account).await {
        Ok(account) => account,
        Err(xinglin_store::StoreError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let registration = standing(&account)?.client.filter(|_| account.active);
    Ok(registration.map(|registration| Client { account, registration }))
}

/// Whose assertion it is, if it proves that.
async fn prove(platform: &Platform, assertion: &str) -> Result<Client, TokenError> {
    let invalid = |why: &str| TokenError::InvalidClient(why.to_owned());
    // Unchecked, only to find the key to check it with.
    let claimed = jsonwebtoken::dangerous::insecure_decode::<Assertion>(assertion);
    let Assertion { iss, .. } =
        claimed.map_err(|_| invalid("the assertion is no JWT with the claims asked for"))?.claims;
    let unknown = || invalid("there is no such client, or no such key of it");
    let client = find(platform, &iss).await?.ok_or_else(unknown)?;
    let (row, keys) = (&client.account, client.registration.jwks.as_ref().ok_or_else(unknown)?);
    let records = platform.store().tenant(row.tenant);
    let header = jsonwebtoken::decode_header(assertion).map_err(|_| unknown())?;
    let key = header.kid.as_deref().and_then(|kid| keys.find(kid)).ok_or_else(unknown)?;
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

    let now = platform.now();
    let seconds = now.micros() / 1_000_000;
    let ours = token_url(platform);
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
    let key = RequestKey { account: row.id.to_string(), key: format!("assertion {}", proved.jti) };
    if tx.start_request(&key, "assertion", now).await? != Request::New {
        return Err(invalid("the assertion was used already"));
    }
    tx.commit().await?;
    Ok(client)
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

/// The keys of a client, if each is one that we take.
fn key_set(jwks: Value) -> AppResult<JwkSet> {
    let invalid = |why: String| AppError::new(Code::BodyInvalid, why).with("path", "jwks");
    let jwks: JwkSet = serde_json::from_value(jwks).map_err(|e| invalid(format!("jwks: {e}")))?;
    if !(1..=8).contains(&jwks.keys.len()) {
        return Err(invalid("jwks: 1 to 8 keys".to_owned()));
    }
    if jwks.keys.iter().any(|key| algorithm(key).is_none()) {
        let why = "jwks: each key needs a `kid` and is RSA of at least 2048 bits, or EC P-384";
        return Err(invalid(why.to_owned()));
    }
    Ok(jwks)
}

/// Whether people may be sent here: nowhere that others listen on the way, or that a
/// browser runs as a program.
fn check_redirect(uri: &str) -> Result<(), &'static str> {
    let url = Url::parse(uri).map_err(|_| "is no URL")?;
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"#\"'\\;,<>".contains(&byte);
    if uri.len() > 1000 || !uri.bytes().all(plain) {
        return Err("must be plain, and without a fragment");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must name nobody");
    }
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => Ok(()),
        "http" if loopback => Ok(()),
        // RFC 8252 §7.1: a name that the app owns, backwards.
        scheme if scheme.contains('.') => Ok(()),
        _ => Err("must be https, http on a loopback address, or of a scheme like `cn.example.app`"),
    }
}

fn client_id(row: &Account) -> String {
    format!("{}.{}", row.tenant, row.id)
}

fn view(row: &Account) -> AppResult<Option<ClientView>> {
    Ok(standing(row)?.client.map(|client| ClientView {
        client_id: client_id(row),
        client_secret: None,
        account: row.id,
        name: row.login.clone(),
        authentication: client.authentication(),
        redirect_uris: client.redirect_uris,
        scopes: client.scopes,
        active: row.active,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_not_sent_just_anywhere() {
        for good in ["https://app.example/back?x=1", "http://127.0.0.1:8080/", "http://[::1]/", "cn.example.app:/back"]
        {
            assert_eq!(check_redirect(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "/back",
            "http://app.example/back",
            "http://127.0.0.1.example/",
            "https://app.example/#x",
            "https://a@app.example/",
            "https://app.example/;script-src *",
            "https://app.example/\r\nx: y",
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
        ] {
            assert!(check_redirect(bad).is_err(), "{bad}");
        }
    }
}
