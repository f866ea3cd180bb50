//! A person lets an app act in their name: authorization code with PKCE (RFC 6749 §4.1,
//! RFC 7636, RFC 9700) and SMART App Launch 2.2.
//!
//! Between the steps nothing is kept here. What was asked and who has signed in travels
//! in a ticket through the page, sealed and bound to the browser that began; a code is
//! drawn when the person has said yes.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use url::Url;
use xinglin_domain::{
    code::Code,
    id::{AccountId, PatientId, SessionId},
    scope::{Context, Scopes, Word},
    time::Instant,
};
use xinglin_fhir::person;
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, acting, ambient, document, keys::Place, one_time, trail::Trail,
};
use xinglin_records::record;
use xinglin_runtime::IdentityField;
use xinglin_store::Account;

use crate::{
    Identity,
    client::{self, Client},
    launch::{self, Launched},
    session,
};

/// For how long a code is good, in seconds.
const CODE_SECONDS: i64 = 60;

/// For how long somebody may think it over, in minutes.
const TICKET_MINUTES: i64 = 10;

/// The kind of a code among what is shown once.
pub(crate) const CODE: &str = "code";

/// What an app asks of a person, as the parameters of the URL.
#[derive(Debug, Default, Deserialize)]
pub struct AuthorizeAsk {
    /// Always `code`.
    pub response_type: Option<String>,
    /// Which app.
    pub client_id: Option<String>,
    /// Where to send the person back to, to the letter.
    pub redirect_uri: Option<String>,
    /// What it wants.
    pub scope: Option<String>,
    /// What it knows the answer by.
    pub state: Option<String>,
    /// SHA-256 of what it will show with the code.
    pub code_challenge: Option<String>,
    /// Always `S256`.
    pub code_challenge_method: Option<String>,
    /// The FHIR server that it means.
    pub aud: Option<String>,
    /// From where it was started.
    pub launch: Option<String>,
    /// What the id token is to say again.
    pub nonce: Option<String>,
    /// `none`: without a page, which there is always.
    pub prompt: Option<String>,
    /// Of OpenID Connect; not taken.
    pub request: Option<String>,
    /// Of OpenID Connect; not taken.
    pub request_uri: Option<String>,
}

/// A step of the way, as the page sends it.
#[derive(Debug, Default)]
pub struct StepAsk {
    /// What the page was given.
    pub ticket: String,
    /// `sign-in`, `allow` or `deny`.
    pub action: String,
    /// The login in the app's hospital.
    pub login: String,
    /// The password.
    pub password: String,
    /// What the authenticator shows, if there is one.
    pub code: String,
    /// What was left ticked.
    pub scopes: Vec<String>,
    /// Whose record, if there are several.
    pub patient: Option<String>,
}

/// What the browser does next.
pub enum Next {
    /// It shows this.
    Page(Page),
    /// It goes there.
    Away(String),
}

/// What is shown.
pub struct Page {
    /// The app, by its name.
    pub app: String,
    /// The hospital, by its name.
    pub hospital: String,
    /// Where the person will be sent back to.
    pub back: String,
    /// What the page sends with each step.
    pub ticket: String,
    /// Which page.
    pub show: Show,
}

/// The pages.
pub enum Show {
    /// Who are you?
    SignIn {
        /// As it was typed.
        login: String,
        /// Why not, the last time.
        refused: Option<Code>,
    },
    /// Do you agree?
    Consent {
        /// Who signed in.
        login: String,
        /// What the app asks for that this person can give.
        scopes: Vec<Scopes>,
        /// Whose record: the one it is about, or those to choose from.
        patients: Vec<Choice>,
        /// Whether it is opened by who it belongs to, restricted parts and all.
        whole: bool,
    },
}

/// A record to choose.
pub struct Choice {
    /// `pat-…`
    pub id: PatientId,
    /// The patient's name, as far as there is one.
    pub name: String,
}

/// Who asks, apart from the parameters.
pub struct Visitor {
    /// What only this browser holds.
    pub browser: String,
    /// What of records the request touches.
    pub trail: Trail,
    /// Name of the request.
    pub request_id: String,
}

/// What was asked and how far it has come. Sealed.
#[derive(Serialize, Deserialize)]
struct Ticket {
    redirect_uri: String,
    scopes: String,
    state: Option<String>,
    challenge: String,
    nonce: Option<String>,
    launch: Option<String>,
    until: Instant,
    person: Option<Person>,
}

#[derive(Serialize, Deserialize)]
struct Person {
    account: AccountId,
    strong: bool,
    at: Instant,
    /// From whose record the app was started.
    patient: Option<PatientId>,
}

/// What a code stands for.
#[derive(Serialize, Deserialize)]
pub(crate) struct Granted {
    pub app: AccountId,
    pub account: AccountId,
    /// The session that it begins, so that a code that is shown again ends it.
    pub session: SessionId,
    pub redirect_uri: String,
    pub challenge: String,
    pub scopes: String,
    pub patient: Option<PatientId>,
    pub nonce: Option<String>,
    pub strong: bool,
    pub signed_in: Instant,
}

/// Where apps send people.
pub fn authorize_url(platform: &Platform) -> String {
    format!("{}/oauth/authorize", platform.config().base_url())
}

/// The FHIR server that tokens are for.
pub fn fhir_url(platform: &Platform) -> String {
    format!("{}/fhir/R4", platform.config().base_url())
}

/// An app asks. The person is sent back with what is wrong, unless it is where to.
///
/// # Errors
/// `BODY_INVALID` if there is no such app or it is not sent back to there: then
/// nobody is sent anywhere.
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

/// The next step: the person signs in, agrees or refuses.
///
/// # Errors
/// `BODY_INVALID` if the page is not one that this browser was given, or is too old.
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

/// Asks somebody who has proved who they are.
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
        if let Ok(resource) = record::read(platform, &caller, "Patient", &id.to_string()).await {
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

async fn page(platform: &Platform, client: &Client, visitor: &Visitor, ticket: &Ticket, show: Show) -> AppResult<Page> {
    let id = client.id();
    let content = serde_json::to_vec(ticket).map_err(AppError::internal)?;
    let sealed = platform.keys().seal(&place(client, &id, &visitor.browser), &content);
    Ok(Page {
        app: client.account.login.clone(),
        hospital: platform.store().tenant(client.account.tenant).profile().await?.name,
        back: ticket.redirect_uri.clone(),
        ticket: format!("{id}.{}", URL_SAFE_NO_PAD.encode(sealed)),
        show,
    })
}

fn denied(platform: &Platform, ticket: &Ticket, why: &str) -> AppResult<Next> {
    back(platform, ticket, "access_denied", why)
}

fn back(platform: &Platform, ticket: &Ticket, error: &str, why: &str) -> AppResult<Next> {
    let answer = [("error", error), ("error_description", why)];
    Ok(Next::Away(away(platform, &ticket.redirect_uri, &answer, ticket.state.as_deref())?))
}

/// The way back to the app, with an answer that says whose it is (RFC 9207).
fn away(platform: &Platform, redirect_uri: &str, answer: &[(&str, &str)], state: Option<&str>) -> AppResult<String> {
    let mut url = Url::parse(redirect_uri).map_err(AppError::internal)?;
    url.query_pairs_mut()
        .extend_pairs(answer)
        .extend_pairs(state.map(|state| ("state", state)))
        .append_pair("iss", &client::issuer(platform));
    Ok(url.into())
}

/// Where a ticket opens: for this app, in this browser.
fn place<'a>(client: &Client, id: &'a str, browser: &'a str) -> Place<'a> {
    Place { tenant: client.account.tenant, owner: id, kind: "authorize", name: browser }
}
