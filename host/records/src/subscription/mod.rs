//! Subscriptions (FHIR R4, rest-hook): whoever may read is told of what is written.
//!
//! What matches is noted in the transaction that wrote it, and sent in that order later.
//! Whether the subscriber may see it is asked when it is sent, as they are then; the
//! trail says so before anything goes out. A resource `Subscription` shows how it
//! stands, but never the headers it is sent with.

mod subscribe;
mod tell;

use reqwest::header::{HeaderName, HeaderValue};
use xinglin_domain::{
    access::Action,
    code::Code,
    scope::{Right, Scopes},
};
use xinglin_fhir::search;
use xinglin_platform::{AppError, AppResult, Caller, ambient, keys::Place};

use crate::criteria::Terms;

pub(crate) use self::subscribe::subscribe;
pub use self::tell::tell;

/// Kind of what is sealed for a subscription.
const HEADERS: &str = "subscription-headers";

const LONGEST_HEADER: usize = 4096;

/// Id of the work that is a handshake: smaller than that of any event, and never the same
/// twice, so that who works on an earlier one is overtaken.
fn handshake() -> String {
    format!("{:032x}-{:032x}", 0, ambient::fresh_id())
}

/// What headers are bound to.
fn place(tenant: xinglin_domain::id::TenantId, id: &str) -> Place<'_> {
    Place { tenant, owner: id, kind: HEADERS, name: "" }
}

/// Whether somebody may be told of this type, and of what its criteria reach.
fn may_be_told(caller: &Caller, terms: &Terms, kind: &str) -> AppResult<()> {
    caller.may(Action::SubscribeRecords)?;
    caller.may(Action::ReadRecords)?;
    let of_token = terms.scopes.as_deref().map(str::parse::<Scopes>).transpose().map_err(AppError::internal)?;
    let query = terms.criteria.split_once('?').map_or("", |(_, query)| query);
    let reaches = search::reaches(query);
    for scopes in caller.bounds.wide_scopes().iter().chain(&of_token) {
        let open = [Right::Read, Right::Search]
            .into_iter()
            .all(|right| if reaches { scopes.allow_all(right) } else { scopes.allow(kind, right) });
        if !open {
            let detail = format!("a subscription to {kind} takes the right to read and search what it reaches");
            return Err(AppError::new(Code::AuthForbidden, detail));
        }
    }
    Ok(())
}

fn header(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    let mut sound = HeaderValue::from_str(value).ok().filter(|_| value.len() <= LONGEST_HEADER)?;
    sound.set_sensitive(true);
    Some((name.parse().ok()?, sound))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_carry_secrets_and_nothing_else() {
        for name in ["host", "content-length", "transfer-encoding", "proxy-authorization"] {
            assert!(subscribe::ours(name), "{name}");
        }
        assert!(!subscribe::ours("authorization") && !subscribe::ours("x-api-key"));
        assert!(header("x-key", "a\r\nhost: b").is_none() && header("x key", "a").is_none());
        let (_, value) = header("authorization", "Bearer s3cret").expect("a header");
        assert!(!format!("{value:?}").contains("s3cret"));
    }
}
