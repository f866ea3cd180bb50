//! Clients: systems that read and write records with nobody at the keyboard, after SMART
//! Backend Services, and apps that people lend something of their rights to, after SMART
//! App Launch 2.2. Who can keep a key signs assertions with it (RFC 7523) or has a
//! secret; who can keep neither, as an app on a telephone, is known by where it is sent
//! back to and by what it began with (PKCE).

mod authenticate;
mod create;
mod list;
mod token;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::id::{AccountId, TenantId};
use xinglin_platform::{
    AppError, AppResult, Platform,
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

/// Where clients get their tokens; what their assertions must be meant for.
pub fn token_url(platform: &Platform) -> String {
    format!("{}/oauth/token", platform.config().base_url())
}

/// Who issues tokens, as tokens and discovery say it.
pub fn issuer(platform: &Platform) -> String {
    platform.config().base_url()
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
