//! Token endpoint for codes and refresh tokens, and revocation.

mod id_token_keys;
mod revoke;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, Header};
use serde::Serialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use xinglin_domain::{
    access::Role,
    code::Code,
    scope::{Scopes, Word},
};
use xinglin_platform::{AppError, AppResult, Platform, boxed, one_time, standing};
use xinglin_store::{Account, Lent, Session as SessionRow, Shown};

use crate::{
    Identity,
    app::{
        authorize::{self, CODE, Granted},
        client::{self, Client, Token, TokenAsk, TokenError},
    },
    session,
};

pub use self::id_token_keys::id_token_keys;
pub use self::revoke::{RevokeAsk, revoke};

/// Lifetime of an id token, in seconds; clients read it on receipt.
const ID_TOKEN_SECONDS: i64 = 300;

/// Claims of an id token (OpenID Connect Core §2).
#[derive(Serialize)]
struct IdToken<'a> {
    iss: String,
    sub: String,
    aud: String,
    iat: i64,
    exp: i64,
    auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(rename = "fhirUser", skip_serializing_if = "Option::is_none")]
    fhir_user: Option<String>,
}

/// Exchanges a code, once, for tokens with the accepted scopes.
#[boxed]
pub(crate) async fn token_for_code(identity: &Identity, ask: TokenAsk) -> Result<Token, TokenError> {
    let client = client::authenticate(&identity.platform, &ask.credentials).await?;
    let code = ask.code.ok_or(TokenError::InvalidRequest("send `code`"))?;
    let verifier = ask.code_verifier.ok_or(TokenError::InvalidRequest("send `code_verifier`"))?;
    let invalid = TokenError::InvalidGrant("the code is over, was used, or is not for this client");
    let (tenant, now) = (client.account.tenant, identity.platform.now());
    // Used up before it is looked at: whoever shows a stolen one has one try.
    let tx = identity.platform.store().tenant(tenant).begin().await?;
    let granted = match tx.take_one_time::<Granted>(CODE, &one_time::digest(&code), now).await? {
        Shown::Good(granted) => granted,
        Shown::Again(granted) => {
            tx.end_session(granted.session, "reuse of a code", now).await?;
            tx.commit().await?;
            tracing::warn!(%tenant, session = %granted.session, "a code was shown twice: session ended");
            return Err(invalid);
        }
        Shown::Unknown => return Err(invalid),
    };
    let account = tx.get_account(granted.account).await?;
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    let began = bool::from(challenge.as_bytes().ct_eq(granted.challenge.as_bytes()));
    let here = ask.redirect_uri.is_some_and(|uri| uri == granted.redirect_uri);
    let theirs = granted.app == client.account.id;
    if !(theirs && began && here && account.active && (43..=128).contains(&verifier.len())) {
        tx.commit().await?;
        return Err(invalid);
    }
    let session = SessionRow {
        id: granted.session,
        account: account.id,
        generation: 1,
        client: Some(client.account.login.clone()),
        strong: granted.strong,
        lent: Some(Lent {
            app: client.account.id,
            scope: granted.scopes.clone(),
            patient_id: granted.patient.map(|patient| patient.to_string()),
        }),
        created_at: now,
        refreshed_at: now,
        ended_at: None,
    };
    tx.insert_session(&session).await?;
    tx.commit().await?;
    let id_token = id_token(&identity.platform, &client, &account, &granted)?;
    Ok(Token { id_token, ..token_of(identity, &client, &session)? })
}

/// The next tokens for a refresh token.
#[boxed]
pub(crate) async fn token_again(identity: &Identity, ask: TokenAsk) -> Result<Token, TokenError> {
    let client = client::authenticate(&identity.platform, &ask.credentials).await?;
    let shown = ask.refresh_token.ok_or(TokenError::InvalidRequest("send `refresh_token`"))?;
    let (_, session) = match session::rotate(&identity.platform, &shown, Some(client.account.id)).await {
        Ok(rotated) => rotated,
        Err(error) if error.code == Code::AuthRequired => {
            return Err(TokenError::InvalidGrant("the refresh token is over, or was used before"));
        }
        Err(error) => return Err(error.into()),
    };
    let granted = session.lent.as_ref().map(|lent| Scopes::known(&lent.scope)).unwrap_or_default();
    let asked = ask.scope.as_deref().map(Scopes::known);
    if asked.is_some_and(|asked| !granted.cover(&asked)) {
        return Err(TokenError::InvalidScope(format!("the person agreed to {granted}")));
    }
    token_of(identity, &client, &session)
}

fn token_of(identity: &Identity, client: &Client, session: &SessionRow) -> Result<Token, TokenError> {
    let lent = session.lent.as_ref().ok_or_else(|| AppError::internal("a session that is nobody's but its own"))?;
    let tokens = session::tokens_of(identity, client.account.tenant, session)?;
    Ok(Token {
        access_token: tokens.access,
        token_type: "bearer",
        expires_in: tokens.expires_in,
        refresh_token: Scopes::known(&lent.scope).last().then_some(tokens.refresh),
        scope: lent.scope.clone(),
        id_token: None,
        patient: lent.patient_id.clone(),
    })
}

fn id_token(platform: &Platform, client: &Client, account: &Account, granted: &Granted) -> AppResult<Option<String>> {
    let scopes: Scopes = granted.scopes.parse().map_err(AppError::internal)?;
    if !scopes.has(Word::OpenId) {
        return Ok(None);
    }
    let actor = standing::actor(account)?;
    // As documents of this hospital refer to them.
    let person = match (actor.is(Role::Patient), &account.person_ref) {
        (true, Some(patient)) => format!("Patient/{patient}"),
        _ => format!("Practitioner/{}", account.id),
    };
    let seconds = platform.now().micros() / 1_000_000;
    let claims = IdToken {
        iss: client::issuer(platform),
        sub: account.id.to_string(),
        aud: client.id(),
        iat: seconds,
        exp: seconds + ID_TOKEN_SECONDS,
        auth_time: granted.signed_in.micros() / 1_000_000,
        nonce: granted.nonce.as_deref(),
        fhir_user: scopes.has(Word::FhirUser).then(|| format!("{}/{person}", authorize::fhir_url(platform))),
    };
    let kid = id_token_keys(platform)?.keys.into_iter().next().and_then(|key| key.common.key_id);
    let header = Header { kid, ..Header::new(Algorithm::ES256) };
    let signed = jsonwebtoken::encode(&header, &claims, platform.keys().id_tokens()).map_err(AppError::internal)?;
    Ok(Some(signed))
}
