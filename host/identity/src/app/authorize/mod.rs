//! Authorization of apps by a user: authorization code with PKCE (RFC 6749 §4.1, RFC 7636, RFC
//! 9700) and SMART App Launch 2.2.
//!
//! The server keeps no state between the steps. The request and the signed-in account are in a
//! ticket in the page, encrypted and bound to the browser; a code is issued after the user has
//! accepted.

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

/// The kind of codes among one-time handles.
pub(crate) const CODE: &str = "code";

/// The response to the browser.
pub enum Next {
    /// Show this page.
    Page(Page),
    /// Redirect there.
    Away(String),
}

/// What is shown.
pub struct Page {
    /// The app, by its name.
    pub app: String,
    /// The hospital, by its name.
    pub hospital: String,
    /// The redirect URI.
    pub back: String,
    /// The ticket that the page sends with each step.
    pub ticket: String,
    /// Which page.
    pub show: Show,
}

/// The pages.
pub enum Show {
    /// Sign-in.
    SignIn {
        /// The login as entered.
        login: String,
        /// The error of the last attempt.
        refused: Option<Code>,
    },
    /// Consent.
    Consent {
        /// The signed-in account.
        login: String,
        /// The requested scopes that this user can grant.
        scopes: Vec<Scopes>,
        /// The record of the launch, or those to choose from.
        patients: Vec<Choice>,
        /// Whether the record is the user's own, which includes restricted compartments.
        whole: bool,
    },
}

/// A selectable record.
pub struct Choice {
    /// `pat-…`
    pub id: PatientId,
    /// The patient's name, if there is one.
    pub name: String,
}

/// Context of the request.
pub struct Visitor {
    /// The browser's cookie value.
    pub browser: String,
    /// The records that the request reads, for the audit trail.
    pub trail: Trail,
    /// Id of the request.
    pub request_id: String,
}

/// The request and its progress; encrypted.
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
    /// The patient of an EHR launch.
    patient: Option<PatientId>,
}

/// The stored content of a code.
#[derive(Serialize, Deserialize)]
pub(crate) struct Granted {
    pub app: AccountId,
    pub account: AccountId,
    /// The session that it creates, so that a second use of the code ends it.
    pub session: SessionId,
    pub redirect_uri: String,
    pub challenge: String,
    pub scopes: String,
    pub patient: Option<PatientId>,
    pub nonce: Option<String>,
    pub strong: bool,
    pub signed_in: Instant,
}

/// The authorization endpoint.
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

/// The redirect to the app, with the issuer in the answer (RFC 9207).
fn away(platform: &Platform, redirect_uri: &str, answer: &[(&str, &str)], state: Option<&str>) -> AppResult<String> {
    let mut url = Url::parse(redirect_uri).map_err(AppError::internal)?;
    url.query_pairs_mut()
        .extend_pairs(answer)
        .extend_pairs(state.map(|state| ("state", state)))
        .append_pair("iss", &client::issuer(platform));
    Ok(url.into())
}

/// The place a ticket is bound to: this app, this browser.
fn place<'a>(client: &Client, id: &'a str, browser: &'a str) -> Place<'a> {
    Place { tenant: client.account.tenant, owner: id, kind: "authorize", name: browser }
}
