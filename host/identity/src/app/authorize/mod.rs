//! A person lets an app act in their name: authorization code with PKCE (RFC 6749 §4.1,
//! RFC 7636, RFC 9700) and SMART App Launch 2.2.
//!
//! Between the steps nothing is kept here. What was asked and who has signed in travels
//! in a ticket through the page, sealed and bound to the browser that began; a code is
//! drawn when the person has said yes.

mod begin;
mod step;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use url::Url;
use xinglin_domain::{
    code::Code,
    id::{AccountId, PatientId, SessionId},
    scope::Scopes,
    time::Instant,
};
use xinglin_platform::{AppError, AppResult, Platform, keys::Place, trail::Trail};

use crate::app::client::{self, Client};

pub use self::begin::{AuthorizeAsk, authorize};
pub use self::step::{StepAsk, step};

/// The kind of a code among what is shown once.
pub(crate) const CODE: &str = "code";

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
