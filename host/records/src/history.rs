//! History of the record, newest first: versions of all resources, or of one type, within the
//! caller's search scope.

use xinglin_domain::{code::Code, time::Instant};
use xinglin_fhir::{
    answer::{Historyset, Link},
    outcome,
    search::LARGEST_PAGE,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_store::{HistoryQuery, ResourceQuery, VersionPlace};

use crate::search::{self, Asked, Parameters, Rest, TICKET, cut, here, not_a_page, ticket};

/// Default number of versions on a page.
const PAGE: u32 = 100;

/// A page of the history of resources of `asked.kind`, or of any type if that is empty.
///
/// # Errors
/// `BODY_INVALID`, naming the parameter; `AUTH_FORBIDDEN` if the caller may not read any
/// record.
#[boxed]
pub async fn list(platform: &Platform, caller: &Caller, asked: &Asked) -> AppResult<Historyset> {
    let kind = Some(asked.kind.clone()).filter(|kind| !kind.is_empty());
    let (parameters, after) = match ticket(&asked.parameters) {
        None => (asked.parameters.clone(), None),
        Some(ticket) => match search::unsealed(platform, caller, ticket)? {
            Rest::History { kind: of, parameters, after } if of == kind => (parameters, Some(after)),
            _ => return Err(not_a_page()),
        },
    };
    let (mut query, count, applied) = spoken(&parameters, asked.strict)?;
    query.kind.clone_from(&kind);
    let any = ResourceQuery { kind: kind.clone().unwrap_or_default(), ..ResourceQuery::default() };
    search::search_scope(platform, caller, &any).await?.bound_history(&mut query);

    let mut found = platform.records(caller).list_history(&query, after.as_ref(), count + 1).await?;
    let has_more = cut(&mut found, count);
    let path = kind.as_ref().map_or_else(|| "_history".to_owned(), |kind| format!("{kind}/_history"));
    let mut link = vec![Link { relation: "self", url: here(asked, &path, &applied) }];
    if has_more && let Some(last) = found.last() {
        let rest = Rest::History { kind, parameters: applied, after: VersionPlace::from(last) };
        let rest = search::sealed(platform, caller, &rest)?;
        link.push(Link { relation: "next", url: format!("{}/{path}?{TICKET}={rest}", asked.base) });
    }
    let patients = found.iter().filter_map(|version| version.patient_id.as_ref()?.parse().ok());
    patients.for_each(|patient| caller.trail.saw(patient));
    Ok(Historyset::of(&asked.base, link, found))
}

/// The parsed parameters: query, page size, and the parameters that were applied.
fn spoken(parameters: &[(String, String)], strict: bool) -> AppResult<(HistoryQuery, u32, Parameters)> {
    let wrong = |name: &str, detail: &str| {
        let mut error = AppError::new(Code::BodyInvalid, format!("`{name}` {detail}"));
        error.outcome = Some(Box::new(outcome::of_parameter(name, "value", error.code.as_str(), detail)));
        error
    };
    let (mut query, mut count, mut applied) = (HistoryQuery::default(), PAGE, Vec::new());
    for (name, value) in parameters {
        match name.as_str() {
            "_count" => {
                let asked: u32 = value.parse().map_err(|_| wrong(name, "must be a whole number"))?;
                count = asked.clamp(1, LARGEST_PAGE);
            }
            "_since" => query.since = Some(Instant::parse(value).ok_or_else(|| wrong(name, "must be an instant"))?),
            "_format" => continue,
            _ if strict => return Err(wrong(name, "is not known here")),
            _ => continue,
        }
        applied.push((name.clone(), value.clone()));
    }
    Ok((query, count, applied))
}
