//! Sign-in at the hospital's own provider of identities (OpenID Connect): we are the
//! relying party. Code flow with PKCE, state and nonce; what a provider is asked goes
//! through the egress, so that private networks are the operator's to open.

mod delete_provider;
mod finish;
mod get_provider;
mod put_provider;
mod start;

use futures_util::future::BoxFuture;
use openidconnect::{
    AsyncHttpClient, ClientId, ClientSecret, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse,
    IssuerUrl, RedirectUrl,
    core::{CoreClient, CoreProviderMetadata},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{access::Role, code::Code, id::TenantId};
use xinglin_platform::{
    AppError, AppResult, Platform,
    egress::{Egress, FetchError},
    keys::Place,
    one_time,
};

pub use self::delete_provider::delete_provider;
pub use self::finish::{Returned, finish};
pub use self::get_provider::get_provider;
pub use self::put_provider::{NewProvider, put_provider};
pub use self::start::start;

/// The kind of a sign-in that began among what is shown once.
const KIND: &str = "sso";

/// The provider that a hospital trusts, without its secret.
#[derive(Serialize, ToSchema)]
pub struct ProviderView {
    /// Its issuer.
    pub issuer: String,
    /// What it knows us by.
    pub client_id: String,
    /// Scopes that are asked for beside `openid`.
    pub scopes: Vec<String>,
    /// The claim that is the login here.
    pub login_claim: String,
    /// Whether it asks for a second factor itself.
    pub second_factor: bool,
    /// What whoever has no account becomes.
    #[schema(value_type = Option<Vec<String>>)]
    pub open_accounts_as: Option<Vec<Role>>,
    /// Where people begin: `GET`.
    pub start_url: String,
    /// What to register at the provider as where people come back to.
    pub redirect_uri: String,
}

/// What is kept of a provider.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Provider {
    issuer: String,
    client_id: String,
    scopes: Vec<String>,
    login_claim: String,
    second_factor: bool,
    open_accounts_as: Option<Vec<Role>>,
}

/// What a sign-in at a provider began with.
#[derive(Serialize, Deserialize)]
struct Began {
    issuer: String,
    nonce: String,
    verifier: String,
}

type Party =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

async fn provider(platform: &Platform, tenant: TenantId) -> AppResult<(Provider, String)> {
    let kept = platform.store().tenant(tenant).find_identity_provider().await?;
    let kept = kept.ok_or_else(|| AppError::not_found("identity provider of", tenant))?;
    let secret = platform.keys().unseal(&place(tenant), &kept.sealed).and_then(|secret| String::from_utf8(secret).ok());
    let secret = secret.ok_or_else(|| AppError::internal("a provider's secret that another host key sealed"))?;
    Ok((serde_json::from_value(kept.body).map_err(AppError::internal)?, secret))
}

async fn discover(platform: &Platform, provider: &Provider) -> AppResult<CoreProviderMetadata> {
    let invalid = |error| AppError::new(Code::BodyInvalid, format!("issuer: {error}")).with("path", "issuer");
    let issuer = IssuerUrl::new(provider.issuer.clone()).map_err(invalid)?;
    let way = Way(platform.egress().clone());
    let found: BoxFuture<'static, _> =
        Box::pin(async move { CoreProviderMetadata::discover_async(issuer, &way).await.map_err(wrong) });
    found.await
}

async fn party(platform: &Platform, tenant: TenantId, provider: &Provider, secret: String) -> AppResult<Party> {
    let found = discover(platform, provider).await?;
    let redirect = RedirectUrl::new(url(platform, tenant, "callback")).map_err(AppError::internal)?;
    let client = CoreClient::from_provider_metadata(
        found,
        ClientId::new(provider.client_id.clone()),
        Some(ClientSecret::new(secret)),
    );
    Ok(client.set_redirect_uri(redirect))
}

fn url(platform: &Platform, tenant: TenantId, step: &str) -> String {
    format!("{}/api/v1/sso/{tenant}/{step}", platform.config().base_url())
}

fn view(platform: &Platform, tenant: TenantId, provider: Provider) -> ProviderView {
    ProviderView {
        issuer: provider.issuer,
        client_id: provider.client_id,
        scopes: provider.scopes,
        login_claim: provider.login_claim,
        second_factor: provider.second_factor,
        open_accounts_as: provider.open_accounts_as,
        start_url: url(platform, tenant, "start"),
        redirect_uri: url(platform, tenant, "callback"),
    }
}

/// The way to a provider.
struct Way(Egress);

impl<'c> AsyncHttpClient<'c> for Way {
    type Error = FetchError;
    type Future = BoxFuture<'c, Result<HttpResponse, FetchError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.0.fetch(request))
    }
}

fn wrong(error: impl std::fmt::Display) -> AppError {
    AppError::new(Code::AuthProvider, "the hospital's identity provider did not answer as it must").because(error)
}

/// What a sign-in is kept by: whoever has but one of the two finds nothing, and spoils
/// nothing.
fn begun(state: &str, browser: &str) -> String {
    one_time::digest(&format!("{state}.{browser}"))
}

fn place(tenant: TenantId) -> Place<'static> {
    Place { tenant, owner: "", kind: "provider", name: "client-secret" }
}
