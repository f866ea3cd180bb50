//! Clients: systems without a user (SMART Backend Services), and apps that users authorise
//! (SMART App Launch 2.2). Confidential clients authenticate by signed assertions (RFC 7523)
//! or a secret; public clients are identified by their redirect URI and PKCE.

mod authenticate;
mod create;
mod list;
mod token;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::id::{AccountId, TenantId};
use xinglin_platform::{
    AppError, AppResult, Platform, boxed,
    standing::{Authentication, Registration, standing},
};
use xinglin_store::Account;

use self::authenticate::{JWT_BEARER, algorithm};

pub use self::authenticate::Credentials;
pub(crate) use self::authenticate::authenticate;
pub use self::create::{NewClient, create};
pub use self::list::list;
pub use self::token::token;

/// A client.
#[derive(Serialize, ToSchema)]
pub struct ClientView {
    /// Its `client_id`: `iss` and `sub` of its assertions.
    pub client_id: String,
    /// Its secret, shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// The account behind it, to suspend it: `acc-…`
    #[schema(value_type = String)]
    pub account: AccountId,
    /// What it is called.
    pub name: String,
    /// Its authentication method.
    pub authentication: Authentication,
    /// Redirect URIs.
    pub redirect_uris: Vec<String>,
    /// Maximum scopes.
    pub scopes: String,
    /// Whether it gets tokens.
    pub active: bool,
}

/// An authenticated client, or a public one.
pub(crate) struct Client {
    pub account: Account,
    pub registration: Registration,
}

impl Client {
    pub fn id(&self) -> String {
        client_id(&self.account)
    }
}

/// A token request.
#[derive(Deserialize)]
pub struct TokenAsk {
    /// `client_credentials`, `authorization_code` or `refresh_token`.
    pub grant_type: Option<String>,
    /// Who asks.
    #[serde(flatten)]
    pub credentials: Credentials,
    /// Requested scopes; all granted ones if left out.
    pub scope: Option<String>,
    /// The authorization code.
    pub code: Option<String>,
    /// Where to.
    pub redirect_uri: Option<String>,
    /// The code verifier (RFC 7636).
    pub code_verifier: Option<String>,
    /// The latest refresh token.
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
    /// Refresh token; valid once, for a new access and refresh token.
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
    /// Client authentication failed. The reason is for the log, and for a client with a valid
    /// key.
    InvalidClient(String),
    /// The grant is invalid, or belongs to another client.
    InvalidGrant(&'static str),
    /// More scopes than granted, or none.
    InvalidScope(String),
    /// Internal error.
    Other(AppError),
}

impl<E: Into<AppError>> From<E> for TokenError {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

/// The token endpoint; the audience of client assertions.
pub fn token_url(platform: &Platform) -> String {
    format!("{}/oauth/token", platform.config().base_url())
}

/// The issuer in tokens and discovery documents.
pub fn issuer(platform: &Platform) -> String {
    platform.config().base_url()
}

/// The client of this id, if there is one that is not suspended.
#[boxed]
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
