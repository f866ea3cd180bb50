//! Client authentication (RFC 6749 §2.3, RFC 7523 §2.2).

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk},
};
use serde::Deserialize;
use subtle::ConstantTimeEq;
use xinglin_platform::{AppError, Platform, boxed, one_time, standing::Authentication};
use xinglin_store::{Request, RequestKey};

use super::{Client, TokenError, find, token_url};

/// Maximum lifetime of an assertion, and allowed clock difference.
const ASSERTION_SECONDS: i64 = 300 + 30;

pub(super) const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Client credentials of a request (RFC 6749 §2.3, RFC 7523 §2.2).
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

/// Authenticates the client by its registered method, and by that one only.
#[boxed]
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

/// The client of a valid assertion.
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
pub(super) fn algorithm(key: &Jwk) -> Option<Algorithm> {
    key.common.key_id.as_ref().filter(|kid| !kid.is_empty())?;
    match &key.algorithm {
        // 2048 bits are 342 characters of base64.
        AlgorithmParameters::RSA(rsa) if rsa.n.len() >= 342 => Some(Algorithm::RS384),
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P384 => Some(Algorithm::ES384),
        _ => None,
    }
}
