//! Sign-in at the hospital's own provider of identities (OpenID Connect): we are the
//! relying party. Code flow with PKCE, state and nonce; what a provider is asked goes
//! through the egress, so that private networks are the operator's to open.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::BoxFuture;
use openidconnect::{
    AdditionalClaims, AsyncHttpClient, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, Scope, TokenResponse, UserInfoClaims,
    core::{CoreAuthenticationFlow, CoreClient, CoreGenderClaim, CoreProviderMetadata},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{
    access::{Action, Role},
    code::Code,
    id::{AccountId, TenantId},
};
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, ambient,
    egress::{Egress, FetchError},
    keys::Place,
    one_time,
    standing::{self, Standing},
};
use xinglin_store::{Account, IdentityLink, IdentityProvider};

use crate::{
    Identity, account,
    session::{self, Session},
};

/// The kind of a sign-in that began among what is shown once.
const KIND: &str = "sso";

/// How long somebody may take at the provider, in minutes.
const MINUTES: i64 = 10;

/// The provider that a hospital trusts.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProvider {
    /// Its issuer, as its discovery says it: `https://sso.hospital.example`.
    pub issuer: String,
    /// What it knows us by.
    pub client_id: String,
    /// And that we are it. Sealed here, and shown to nobody again; what was set before
    /// stays if it is left out.
    pub client_secret: Option<String>,
    /// Scopes to ask for beside `openid`.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The claim that is the login here, for whoever comes the first time:
    /// `preferred_username`, `employee_number`. An `email` or `phone_number` counts only
    /// if the provider says that it was verified.
    pub login_claim: String,
    /// Whether the provider asks for a second factor itself. What it says of a sign-in
    /// (`amr` with `mfa`) counts in any case.
    #[serde(default)]
    pub second_factor: bool,
    /// Whoever has no account gets one with these roles; is refused if it is left out.
    /// Only roles that treat nobody and run nothing; none acts before its papers are verified.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub open_accounts_as: Option<Vec<Role>>,
}

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

/// What a provider sends back with a person.
#[derive(Debug, Deserialize)]
pub struct Returned {
    /// What it is exchanged for.
    pub code: Option<String>,
    /// What we sent.
    pub state: Option<String>,
    /// Whose answer it is (RFC 9207).
    pub iss: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
}

/// Claims of the provider's own.
#[derive(Debug, Serialize, Deserialize)]
struct Others(BTreeMap<String, Value>);

impl AdditionalClaims for Others {}

type Party =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// Trusts a provider from now on, after a look at its discovery.
///
/// # Errors
/// If the caller may not; `BODY_INVALID`; `AUTH_PROVIDER` if it does not answer.
pub async fn put_provider(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    new: NewProvider,
) -> AppResult<ProviderView> {
    caller.may_in(tenant, Action::ManageAccounts)?;
    let invalid =
        |path: &'static str, why: &str| AppError::new(Code::BodyInvalid, format!("{path}: {why}")).with("path", path);
    for (path, text) in [("issuer", &new.issuer), ("client_id", &new.client_id), ("login_claim", &new.login_claim)] {
        if text.trim().is_empty() || text.len() > 500 {
            return Err(invalid(path, "1 to 500 characters"));
        }
    }
    // None of them acts before somebody has verified what the role needs.
    let harmless =
        |role: &Role| matches!(role, Role::Assistant | Role::HealthManager | Role::Dietitian | Role::Counsellor);
    if new.open_accounts_as.as_ref().is_some_and(|roles| roles.is_empty() || !roles.iter().all(harmless)) {
        let why = "of `assistant`, `health_manager`, `dietitian` and `counsellor`; others are given by hand";
        return Err(invalid("open_accounts_as", why));
    }
    let records = platform.store().tenant(tenant);
    records.profile().await?;
    let provider = Provider {
        issuer: new.issuer,
        client_id: new.client_id,
        scopes: new.scopes,
        login_claim: new.login_claim,
        second_factor: new.second_factor,
        open_accounts_as: new.open_accounts_as,
    };
    discover(platform, &provider).await?;
    let sealed = match new.client_secret {
        Some(secret) => platform.keys().seal(&place(tenant), secret.as_bytes()),
        None => {
            let kept = records.find_identity_provider().await?;
            kept.ok_or_else(|| invalid("client_secret", "there is none yet"))?.sealed
        }
    };
    let body = serde_json::to_value(&provider).map_err(AppError::internal)?;
    let tx = records.begin().await?;
    tx.put_identity_provider(&IdentityProvider { body, sealed, version: 0, updated_at: caller.now }).await?;
    tx.commit().await?;
    tracing::info!(%tenant, issuer = provider.issuer, by = %caller.actor.account, "a provider of identities is trusted");
    Ok(view(platform, tenant, provider))
}

/// The provider that a tenant trusts.
///
/// # Errors
/// `NOT_FOUND` if there is none; if the caller may not.
pub async fn get_provider(platform: &Platform, caller: &Caller, tenant: TenantId) -> AppResult<ProviderView> {
    caller.may_in(tenant, Action::ManageAccounts)?;
    let (provider, _) = provider(platform, tenant).await?;
    Ok(view(platform, tenant, provider))
}

/// Trusts it no more, and forgets who came from there. Whoever is signed in stays so.
///
/// # Errors
/// `NOT_FOUND` if there is none; if the caller may not.
pub async fn delete_provider(platform: &Platform, caller: &Caller, tenant: TenantId) -> AppResult<()> {
    caller.may_in(tenant, Action::ManageAccounts)?;
    let tx = platform.store().tenant(tenant).begin().await?;
    if !tx.delete_identity_provider().await? {
        return Err(AppError::not_found("identity provider of", tenant));
    }
    Ok(tx.commit().await?)
}

/// Where a person goes to sign in. `browser` is what only theirs will hold.
///
/// # Errors
/// `NOT_FOUND` if the tenant trusts no provider; `AUTH_PROVIDER`.
pub async fn start(platform: &Platform, tenant: TenantId, browser: &str) -> AppResult<String> {
    let (provider, secret) = provider(platform, tenant).await?;
    let party = party(platform, tenant, &provider, secret).await?;
    let (state, _) = one_time::draw();
    let digest = begun(&state, browser);
    let (nonce, _) = one_time::draw();
    let (verifier, _) = one_time::draw();
    let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier.clone()));
    let (sent, given) = (CsrfToken::new(state), Nonce::new(nonce.clone()));
    let request = party.authorize_url(CoreAuthenticationFlow::AuthorizationCode, move || sent, move || given);
    let scopes = provider.scopes.iter().cloned().map(Scope::new);
    let (url, _, _) = request.add_scopes(scopes).set_pkce_challenge(challenge).url();
    let began = Began { issuer: provider.issuer, nonce, verifier };
    let tx = platform.store().tenant(tenant).begin().await?;
    tx.put_one_time(KIND, &digest, &began, platform.now().plus_minutes(MINUTES)).await?;
    tx.commit().await?;
    Ok(url.into())
}

/// Signs in who comes back from the provider.
///
/// # Errors
/// `AUTH_REQUIRED` if it is not the browser that began, was answered before, or the
/// person is nobody here; `AUTH_PROVIDER` if the provider does not answer as it must.
pub async fn finish(
    identity: &Identity,
    tenant: TenantId,
    returned: Returned,
    browser: Option<&str>,
) -> AppResult<Session> {
    let over = || AppError::new(Code::AuthRequired, "this sign-in is over, or began in another browser; begin again");
    let (state, browser) = (returned.state.ok_or_else(over)?, browser.ok_or_else(over)?);
    let records = identity.platform.store().tenant(tenant);
    let tx = records.begin().await?;
    let began = tx.take_one_time::<Began>(KIND, &begun(&state, browser), identity.platform.now()).await?.good();
    tx.commit().await?;
    let began = began.ok_or_else(over)?;
    if let Some(error) = returned.error {
        // In its words, so not further than the log.
        let refused = AppError::new(Code::AuthRequired, "the provider did not let this person in");
        return Err(refused.because(error.chars().take(200).collect::<String>()));
    }
    let code = returned.code.ok_or_else(over)?;
    let (provider, secret) = provider(&identity.platform, tenant).await?;
    if provider.issuer != began.issuer || returned.iss.is_some_and(|iss| iss != provider.issuer) {
        return Err(over());
    }
    let person = person_at(&identity.platform, tenant, &provider, secret, code, began).await?;
    let account = account_of(&identity.platform, tenant, &provider, &person).await?;
    tracing::info!(%tenant, account = %account.id, issuer = provider.issuer, "somebody signed in at a provider");
    session::open(identity, account, provider.second_factor || person.strong, Some("single sign-on".to_owned())).await
}

/// Exchanges the code and checks who it says the person is.
async fn person_at(
    platform: &Platform,
    tenant: TenantId,
    provider: &Provider,
    secret: String,
    code: String,
    began: Began,
) -> AppResult<Person> {
    let party = party(platform, tenant, provider, secret).await?;
    let way = Way(platform.egress().clone());
    let exchanged: BoxFuture<'_, AppResult<_>> = Box::pin(async {
        let request = party.exchange_code(AuthorizationCode::new(code)).map_err(wrong)?;
        let verifier = PkceCodeVerifier::new(began.verifier);
        request.set_pkce_verifier(verifier).request_async(&way).await.map_err(wrong)
    });
    let tokens = exchanged.await?;
    let id_token = tokens.id_token().ok_or_else(|| wrong("there is no id token"))?;
    // Checks signature, issuer, audience, expiry and nonce; the world's clock is the
    // provider's, whatever a demonstration's says.
    let claims = id_token.claims(&party.id_token_verifier(), &Nonce::new(began.nonce)).map_err(wrong)?;
    let subject = claims.subject().clone();
    let strong = claims.auth_method_refs().into_iter().flatten().any(|method| method.as_str() == "mfa");
    // What was just verified, by whatever name.
    let mut told = payload(&id_token.to_string()).ok_or_else(|| wrong("the id token is none"))?;
    if told.get(&provider.login_claim).is_none()
        && let Ok(request) = party.user_info(tokens.access_token().clone(), Some(subject.clone()))
    {
        let asked: BoxFuture<'_, Result<UserInfoClaims<Others, CoreGenderClaim>, _>> =
            Box::pin(async { request.request_async(&way).await.map_err(wrong) });
        told = serde_json::to_value(asked.await?).map_err(AppError::internal)?;
    }
    let verified = match provider.login_claim.as_str() {
        "email" => told["email_verified"] == true,
        "phone_number" => told["phone_number_verified"] == true,
        _ => true,
    };
    let login = told[&provider.login_claim].as_str().filter(|_| verified).map(str::to_owned);
    Ok(Person { subject: subject.to_string(), login, strong })
}

/// Who somebody at the provider is here: whom they were before, or, the first time, by
/// the claim that says it.
async fn account_of(platform: &Platform, tenant: TenantId, provider: &Provider, person: &Person) -> AppResult<Account> {
    let records = platform.store().tenant(tenant);
    let nobody = |why: &str| {
        AppError::new(Code::AuthRequired, "the provider knows this person, the hospital does not")
            .because(format!("{} at {}: {why}", person.subject, provider.issuer))
    };
    if let Some(account) = records.find_linked(&provider.issuer, &person.subject).await? {
        return Some(account).filter(|account| account.active).ok_or_else(|| nobody("the account is suspended"));
    }
    let login = person.login.as_deref().filter(|login| !login.trim().is_empty() && login.chars().count() <= 64);
    let login = login.ok_or_else(|| nobody("there is no login in what it says, or it is not verified"))?;
    let found = records.find_account_by_login(login).await?;
    let tx = records.begin().await?;
    let account = match (found, &provider.open_accounts_as) {
        (Some(account), _) => account,
        (None, None) => return Err(nobody("there is no such login")),
        (None, Some(roles)) => {
            let fresh = AccountId::from_u128(ambient::fresh_id());
            let account =
                account::without_password(platform, tenant, fresh, login.to_owned(), roles, Standing::default())?;
            tx.insert_account(&account).await?;
            account
        }
    };
    if !account.active || standing::actor(&account)?.is(Role::Service) {
        return Err(nobody("the account is suspended, or nobody's"));
    }
    // A second person with the same login at the provider is another person.
    if tx.is_linked(&provider.issuer, account.id).await? {
        return Err(nobody("the account is somebody else's there"));
    }
    let link = IdentityLink {
        issuer: provider.issuer.clone(),
        subject: person.subject.clone(),
        account: account.id,
        created_at: platform.now(),
    };
    tx.insert_identity_link(&link).await?;
    tx.commit().await?;
    Ok(account)
}

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

/// Who somebody is at a provider.
struct Person {
    subject: String,
    login: Option<String>,
    strong: bool,
}

fn wrong(error: impl std::fmt::Display) -> AppError {
    AppError::new(Code::AuthProvider, "the hospital's identity provider did not answer as it must").because(error)
}

/// What a sign-in is kept by: whoever has but one of the two finds nothing, and spoils
/// nothing.
fn begun(state: &str, browser: &str) -> String {
    one_time::digest(&format!("{state}.{browser}"))
}

/// The claims of a token that was verified.
fn payload(token: &str) -> Option<Value> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&claims).ok()
}

fn place(tenant: TenantId) -> Place<'static> {
    Place { tenant, owner: "", kind: "provider", name: "client-secret" }
}
