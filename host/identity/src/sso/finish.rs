use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use jsonwebtoken::dangerous::insecure_decode_claims;
use openidconnect::{
    AdditionalClaims, AuthorizationCode, Nonce, OAuth2TokenResponse, PkceCodeVerifier, TokenResponse, UserInfoClaims,
    core::CoreGenderClaim,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use xinglin_domain::{
    access::Role,
    code::Code,
    id::{AccountId, TenantId},
};
use xinglin_platform::{
    AppError, AppResult, Platform, ambient, boxed,
    standing::{self, Standing},
};
use xinglin_store::{Account, IdentityLink};

use super::{Began, KIND, Provider, Way, begun, party, provider, wrong};
use crate::{
    Identity, account,
    session::{self, Session},
};

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

/// Signs in who comes back from the provider.
///
/// # Errors
/// `AUTH_REQUIRED` if it is not the browser that began, was answered before, or the
/// person is nobody here; `AUTH_PROVIDER` if the provider does not answer as it must.
#[boxed]
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
    // What was just verified, with the claims that only this provider has.
    let mut told: Value = insecure_decode_claims(id_token.to_string()).map_err(wrong)?;
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

/// Who somebody is at a provider.
struct Person {
    subject: String,
    login: Option<String>,
    strong: bool,
}
