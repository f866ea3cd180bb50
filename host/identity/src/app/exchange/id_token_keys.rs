use jsonwebtoken::{
    Algorithm,
    jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash},
};
use xinglin_platform::{AppError, AppResult, Platform};

/// The public key of id tokens, as JWKS.
///
/// # Errors
/// If the key cannot be read, which the one used here never causes.
pub fn id_token_keys(platform: &Platform) -> AppResult<JwkSet> {
    let mut key = Jwk::from_encoding_key(platform.keys().id_tokens(), Algorithm::ES256).map_err(AppError::internal)?;
    key.common.key_id = Some(key.thumbprint(ThumbprintHash::SHA256).map_err(AppError::internal)?);
    key.common.public_key_use = Some(PublicKeyUse::Signature);
    Ok(JwkSet { keys: vec![key] })
}
