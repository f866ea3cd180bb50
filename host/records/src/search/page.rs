//! Pages of a list, and the authenticated link to the next one.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use xinglin_domain::code::Code;
use xinglin_fhir::outcome;
use xinglin_platform::{AppError, AppResult, Caller, Platform};
use xinglin_store::{Place, VersionPlace};

use super::Parameters;

/// The rest of a list, encoded in the link to the next page with an HMAC that binds it to this
/// account.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Rest {
    Search { kind: String, parameters: Parameters, after: Place },
    Everything { patient: String, parameters: Parameters, after: (String, String) },
    History { kind: Option<String>, parameters: Parameters, after: VersionPlace },
}

pub(crate) fn sealed(platform: &Platform, caller: &Caller, rest: &Rest) -> AppResult<String> {
    let content = serde_json::to_vec(rest).map_err(AppError::internal)?;
    let mac = platform.keys().page(caller.actor.tenant, caller.actor.account, &content);
    Ok(URL_SAFE_NO_PAD.encode([&mac[..MAC], &content].concat()))
}

pub(crate) fn unsealed(platform: &Platform, caller: &Caller, ticket: &str) -> AppResult<Rest> {
    let bytes = URL_SAFE_NO_PAD.decode(ticket).map_err(|_| not_a_page())?;
    let (mac, content) = bytes.split_at_checked(MAC).ok_or_else(not_a_page)?;
    let ours = platform.keys().page(caller.actor.tenant, caller.actor.account, content);
    // In constant time: what is compared does not say how much of it was right.
    let differing = mac.iter().zip(&ours[..MAC]).fold(0, |differing, (a, b)| differing | (a ^ b));
    if differing != 0 {
        return Err(not_a_page());
    }
    serde_json::from_slice(content).map_err(|_| not_a_page())
}

/// The query parameter of a link to the next page.
pub(crate) const TICKET: &str = "_page";

/// Length of the HMAC in a link, in bytes.
const MAC: usize = 16;

pub(crate) fn ticket(parameters: &[(String, String)]) -> Option<&str> {
    parameters.iter().find(|(name, _)| name == TICKET).map(|(_, ticket)| ticket.as_str())
}

/// Truncates a list that was fetched with one entry more than a page; returns whether there is
/// a next page.
pub(crate) fn cut<T>(found: &mut Vec<T>, page: u32) -> bool {
    let page = usize::try_from(page).unwrap_or(usize::MAX);
    let goes_on = found.len() > page;
    found.truncate(page);
    goes_on
}

pub(crate) fn not_a_page() -> AppError {
    let detail = "`_page` is no link that was given to this account for this list";
    let mut error = AppError::new(Code::BodyInvalid, detail);
    error.outcome = Some(Box::new(outcome::of_parameter(TICKET, "value", error.code.as_str(), detail)));
    error
}
