use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use xinglin_domain::{
    code::Code,
    scope::{Context, Scopes},
};
use xinglin_platform::{AppError, AppResult, Platform, boxed};

use super::{Next, Show, Ticket, Visitor, away, fhir_url, page};
use crate::app::client;

/// Lifetime of an authorization page, in minutes.
const TICKET_MINUTES: i64 = 10;

/// An authorization request, from the query parameters.
#[derive(Debug, Default, Deserialize)]
pub struct AuthorizeAsk {
    /// Always `code`.
    pub response_type: Option<String>,
    /// The `client_id`.
    pub client_id: Option<String>,
    /// The redirect URI; must equal a registered one exactly.
    pub redirect_uri: Option<String>,
    /// The requested scopes.
    pub scope: Option<String>,
    /// Opaque value that the answer repeats (`state`).
    pub state: Option<String>,
    /// SHA-256 of the code verifier (PKCE).
    pub code_challenge: Option<String>,
    /// Always `S256`.
    pub code_challenge_method: Option<String>,
    /// The FHIR server that it means.
    pub aud: Option<String>,
    /// The launch value, for an EHR launch.
    pub launch: Option<String>,
    /// Nonce that the id token repeats.
    pub nonce: Option<String>,
    /// `none` is refused: there is always a page.
    pub prompt: Option<String>,
    /// Of OpenID Connect; not supported.
    pub request: Option<String>,
    /// Of OpenID Connect; not supported.
    pub request_uri: Option<String>,
}

/// Begins an authorization. Errors are returned by redirect, except an invalid client or
/// redirect URI.
///
/// # Errors
/// `BODY_INVALID` for an unknown client or redirect URI, without a redirect.
#[boxed]
pub async fn authorize(platform: &Platform, ask: AuthorizeAsk, visitor: &Visitor) -> AppResult<Next> {
    let client = client::find(platform, ask.client_id.as_deref().unwrap_or_default()).await?;
    let client = client.ok_or_else(|| AppError::new(Code::BodyInvalid, "client_id: there is no such app"))?;
    let redirect_uri = ask.redirect_uri.unwrap_or_default();
    if !client.registration.redirect_uris.contains(&redirect_uri) {
        return Err(AppError::new(Code::BodyInvalid, "redirect_uri: the app is not sent back to there"));
    }
    let state = ask.state.as_deref();
    let back = |error: &str, why: &str| {
        let answer = [("error", error), ("error_description", why)];
        Ok(Next::Away(away(platform, &redirect_uri, &answer, state)?))
    };
    if ask.request.is_some() || ask.request_uri.is_some() {
        return back("request_not_supported", "send plain parameters");
    }
    if ask.response_type.as_deref() != Some("code") {
        return back("unsupported_response_type", "only `code`");
    }
    let challenge = ask.code_challenge.unwrap_or_default();
    let sound = URL_SAFE_NO_PAD.decode(&challenge).is_ok_and(|bytes| bytes.len() == 32);
    if ask.code_challenge_method.as_deref() != Some("S256") || !sound {
        return back("invalid_request", "send `code_challenge` with `code_challenge_method` S256");
    }
    let asked = Scopes::known(ask.scope.as_deref().unwrap_or_default());
    let scopes = asked.common(&client.registration.scopes()?.of_systems(false));
    if scopes.is_empty() {
        return back("invalid_scope", "nothing of this was granted to the app");
    }
    let reads = scopes.reach(Context::Patient) || scopes.reach(Context::User);
    // A token must not be got here for a server that only pretends to be this one.
    let means_us = ask.aud.as_deref().map(|aud| aud.trim_end_matches('/') == fhir_url(platform));
    if means_us == Some(false) || (reads && means_us.is_none()) {
        return back("invalid_request", "`aud` must be the FHIR server that the app means, and that is not this one");
    }
    if ask.prompt.as_deref() == Some("none") {
        return back("login_required", "people are always asked");
    }
    if [&ask.state, &ask.nonce, &ask.launch].into_iter().flatten().any(|text| text.len() > 1000) {
        return back("invalid_request", "`state`, `nonce` and `launch` have at most 1000 characters");
    }
    let ticket = Ticket {
        redirect_uri,
        scopes: scopes.to_string(),
        state: ask.state,
        challenge,
        nonce: ask.nonce,
        launch: ask.launch,
        until: platform.now().plus_minutes(TICKET_MINUTES),
        person: None,
    };
    let show = Show::SignIn { login: String::new(), refused: None };
    Ok(Next::Page(page(platform, &client, visitor, &ticket, show).await?))
}
