use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use xinglin_domain::{
    code::Code,
    id::{PatientId, SessionId},
    scope::{Context, Scopes, Word},
};
use xinglin_fhir::person;
use xinglin_platform::{AppError, AppResult, Caller, Platform, acting, ambient, boxed, document, one_time};
use xinglin_records::resource;
use xinglin_runtime::IdentityField;
use xinglin_store::Account;

use super::{CODE, Choice, Granted, Next, Person, Show, Ticket, Visitor, away, back, page, place};
use crate::{
    Identity,
    app::{
        client::{self, Client},
        launch::{self, Launched},
    },
    session,
};

/// Lifetime of a code, in seconds.
const CODE_SECONDS: i64 = 60;

/// A submitted page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct StepAsk {
    /// The ticket of the page.
    pub ticket: String,
    /// `sign-in`, `allow` or `deny`.
    pub action: String,
    /// The login in the app's hospital.
    pub login: String,
    /// The password.
    pub password: String,
    /// One-time code, if the account has an authenticator.
    pub code: String,
    /// The accepted scopes.
    #[serde(rename = "scope")]
    pub scopes: Vec<String>,
    /// The chosen patient, if there are several.
    pub patient: Option<String>,
}

/// Handles a page: the user signs in, accepts or refuses.
///
/// # Errors
/// `BODY_INVALID` if the ticket is not of this browser, or expired.
#[boxed]
pub async fn step(identity: &Identity, step: StepAsk, visitor: &Visitor) -> AppResult<Next> {
    let stale =
        || AppError::new(Code::BodyInvalid, "this page is too old, or another browser's; begin again in the app");
    let (client, sealed) = step.ticket.rsplit_once('.').ok_or_else(stale)?;
    let client = client::find(&identity.platform, client).await?.ok_or_else(stale)?;
    let sealed = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| stale())?;
    let id = client.id();
    let opened = identity.platform.keys().unseal(&place(&client, &id, &visitor.browser), &sealed);
    let ticket: Ticket = serde_json::from_slice(&opened.ok_or_else(stale)?).map_err(|_| stale())?;
    // The app may have lost an address since.
    if identity.platform.now() >= ticket.until || !client.registration.redirect_uris.contains(&ticket.redirect_uri) {
        return Err(stale());
    }
    match (step.action.as_str(), &ticket.person) {
        ("deny", _) => denied(&identity.platform, &ticket, "the person refused"),
        ("sign-in", _) => let_in(identity, &client, ticket, step, visitor).await,
        ("allow", Some(_)) => agreed(&identity.platform, &client, ticket, step, visitor).await,
        _ => Err(stale()),
    }
}

async fn let_in(
    identity: &Identity,
    client: &Client,
    ticket: Ticket,
    step: StepAsk,
    visitor: &Visitor,
) -> AppResult<Next> {
    let tenant = client.account.tenant;
    let StepAsk { login, password, code, .. } = step;
    let code = Some(code.trim()).filter(|code| !code.is_empty());
    let again = async |refused: Code| {
        let show = Show::SignIn { login: login.clone(), refused: Some(refused) };
        Ok(Next::Page(page(&identity.platform, client, visitor, &ticket, show).await?))
    };
    let (person, strong) = match session::prove_person(identity, tenant, &login, password, code).await {
        Ok(proved) => proved,
        Err(error) if error.code.class().status() < 500 => return again(error.code).await,
        Err(error) => return Err(error),
    };
    if !strong && session::wants_second_factor(&identity.platform, &person).await? {
        return again(Code::AuthSecondFactor).await;
    }
    ask_consent(&identity.platform, client, ticket, (person, strong), visitor).await
}

/// The consent page for a signed-in user.
async fn ask_consent(
    platform: &Platform,
    client: &Client,
    mut ticket: Ticket,
    (account, strong): (Account, bool),
    visitor: &Visitor,
) -> AppResult<Next> {
    let now = platform.now();
    let mut scopes: Scopes = ticket.scopes.parse().map_err(AppError::internal)?;
    let caller = caller_at_the_door(platform, &account, visitor).await?;
    let launched = match ticket.launch.as_deref().filter(|_| scopes.has(Word::Launch)) {
        Some(launch) => {
            let tx = platform.begin(&caller).await?;
            let launched = tx.take_one_time(launch::KIND, &one_time::digest(launch), now).await?.good();
            tx.commit().await?;
            let ours = |launched: &Launched| launched.account == account.id && launched.app == client.account.id;
            match launched.filter(ours) {
                Some(launched) => Some(launched.patient),
                None => {
                    return back(platform, &ticket, "invalid_request", "`launch` is over, or was not for this person");
                }
            }
        }
        None => None,
    };
    let own = || caller.actor.charges();
    let wants_patient = scopes.reach(Context::Patient) || scopes.has(Word::LaunchPatient);
    let candidates = launched.map_or_else(|| if wants_patient { own() } else { Vec::new() }, |one| vec![one]);
    let mut patients = Vec::new();
    for id in candidates {
        // What they may not see now, the app will not either.
        if let Ok(resource) = resource::read(platform, &caller, "Patient", &id.to_string()).await {
            let name = person::field(&document::value(&resource)?, IdentityField::Name);
            let name = name.unwrap_or_else(|| id.to_string());
            patients.push(Choice { id, name });
        }
    }
    if patients.is_empty() {
        scopes = scopes.without_patient();
    }
    if scopes.is_empty() {
        return denied(platform, &ticket, "this person has no record that the app could be given");
    }
    ticket.scopes = scopes.to_string();
    ticket.person = Some(Person { account: account.id, strong, at: now, patient: launched });
    let whole = patients.iter().all(|patient| caller.actor.acts_wholly_for(patient.id));
    let show = Show::Consent { login: account.login, scopes: scopes.each(), patients, whole };
    Ok(Next::Page(page(platform, client, visitor, &ticket, show).await?))
}

async fn agreed(
    platform: &Platform,
    client: &Client,
    ticket: Ticket,
    step: StepAsk,
    visitor: &Visitor,
) -> AppResult<Next> {
    let now = platform.now();
    let Some(person) = &ticket.person else { return denied(platform, &ticket, "nobody has signed in") };
    let records = platform.store().tenant(client.account.tenant);
    let account = records.get_account(person.account).await?;
    if !account.active {
        return denied(platform, &ticket, "the account is suspended");
    }
    let offered: Scopes = ticket.scopes.parse().map_err(AppError::internal)?;
    let mut scopes = offered.common(&Scopes::known(&step.scopes.join(" ")));
    let mut patient = person.patient;
    if patient.is_none() && (scopes.reach(Context::Patient) || scopes.has(Word::LaunchPatient)) {
        let own = caller_at_the_door(platform, &account, visitor).await?.actor.charges();
        let chosen = step.patient.and_then(|text| text.parse::<PatientId>().ok());
        patient = chosen.or_else(|| own.first().copied().filter(|_| own.len() == 1));
        patient = patient.filter(|patient| own.contains(patient));
    }
    if patient.is_none() {
        scopes = scopes.without_patient();
    }
    if scopes.is_empty() {
        return denied(platform, &ticket, "the person left nothing of it");
    }
    let (code, digest) = one_time::draw();
    let granted = Granted {
        app: client.account.id,
        account: account.id,
        session: SessionId::from_u128(ambient::fresh_id()),
        redirect_uri: ticket.redirect_uri.clone(),
        challenge: ticket.challenge.clone(),
        scopes: scopes.to_string(),
        patient,
        nonce: ticket.nonce.clone(),
        strong: person.strong,
        signed_in: person.at,
    };
    let tx = records.begin().await?;
    tx.put_one_time(CODE, &digest, &granted, now.plus_seconds(CODE_SECONDS)).await?;
    tx.commit().await?;
    let (tenant, app, scopes) = (client.account.tenant, &client.account.login, &granted.scopes);
    tracing::info!(%tenant, account = %account.id, app, scopes, "somebody let an app in");
    Ok(Next::Away(away(platform, &ticket.redirect_uri, &[("code", &code)], ticket.state.as_deref())?))
}

async fn caller_at_the_door(platform: &Platform, account: &Account, visitor: &Visitor) -> AppResult<Caller> {
    let actor = acting::actor(&platform.store().tenant(account.tenant), account, platform.now()).await?;
    let caller = platform.for_actor(actor, visitor.request_id.clone());
    let caller = Caller { trail: visitor.trail.clone(), ..caller };
    caller.trail.is_of(&caller);
    Ok(caller)
}

fn denied(platform: &Platform, ticket: &Ticket, why: &str) -> AppResult<Next> {
    back(platform, ticket, "access_denied", why)
}
