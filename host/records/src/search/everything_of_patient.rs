use std::collections::BTreeSet;

use xinglin_domain::{code::Code, time::Instant};
use xinglin_fhir::{
    answer::{Link, Searchset},
    outcome,
    search::LARGEST_PAGE,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, document};
use xinglin_store::{RecordQuery, ResourceQuery};

use super::{
    Asked, Gathered, Parameters, Rest, TICKET, all_references, cut, here, not_a_page, sealed, search_scope, show,
    ticket, too_many, unsealed,
};
use crate::resource;

/// Everything in the record of a patient, by type and id, with referenced practitioners,
/// organisations and medications.
///
/// # Errors
/// `NOT_FOUND` if there is no such patient whom the caller may see; `BODY_INVALID`.
#[boxed]
pub async fn everything_of_patient(
    platform: &Platform,
    caller: &Caller,
    id: &str,
    asked: &Asked,
) -> AppResult<Searchset> {
    resource::read(platform, caller, "Patient", id).await?;
    let of_patient = ResourceQuery { patient_id: Some(id.to_owned()), ..ResourceQuery::default() };
    let search_scope = search_scope(platform, caller, &of_patient).await?;
    let records = platform.records(caller);
    let base = &asked.base;
    let (parameters, after) = match ticket(&asked.parameters) {
        None => (asked.parameters.clone(), None),
        Some(ticket) => match unsealed(platform, caller, ticket)? {
            Rest::Everything { patient, parameters, after } if patient == id => (parameters, Some(after)),
            _ => return Err(not_a_page()),
        },
    };
    let (mut query, count, applied) = whole(id, &parameters, asked.strict)?;
    query.withheld = search_scope.withheld;
    let after = after.as_ref().map(|(kind, id)| (kind.as_str(), id.as_str()));
    let mut found = records.list_record(&query, after, count + 1).await?;
    let has_more = cut(&mut found, count);

    let path = format!("Patient/{id}/$everything");
    let mut set = Searchset::of(here(asked, &path, &applied));
    if has_more && let Some(last) = found.last() {
        let after = (last.kind.clone(), last.id.clone());
        let rest = Rest::Everything { patient: id.to_owned(), parameters: applied, after };
        let rest = sealed(platform, caller, &rest)?;
        set.link.push(Link { relation: "next", url: format!("{base}/{path}?{TICKET}={rest}") });
    }
    // Not what is in a record, which is here already or in another one.
    let mut wanted = BTreeSet::new();
    for resource in &found {
        wanted.extend(all_references(&resource.kind, &document::value(resource)?, None));
    }
    let mut gathered = Gathered::without(&found);
    gathered
        .fetch(
            &records,
            &wanted,
            &ResourceQuery { within: search_scope.within, withheld: search_scope.beyond, ..ResourceQuery::default() },
        )
        .await?;
    gathered.resources.retain(|resource| resource.patient_id.is_none());
    show(&mut set, caller, base, found, "match");
    show(&mut set, caller, base, gathered.resources, "include");
    if gathered.is_full {
        set.remark(too_many()?);
    }
    Ok(set)
}

/// The parameters of `$everything`.
fn whole(patient: &str, parameters: &[(String, String)], strict: bool) -> AppResult<(RecordQuery, u32, Parameters)> {
    let wrong = |name: &str, detail: &str| {
        let mut error = AppError::new(Code::BodyInvalid, format!("`{name}` {detail}"));
        error.outcome = Some(Box::new(outcome::of_parameter(name, "value", error.code.as_str(), detail)));
        error
    };
    let mut query = RecordQuery { patient_id: Some(patient.to_owned()), ..RecordQuery::default() };
    let (mut count, mut applied) = (LARGEST_PAGE, Vec::new());
    for (name, value) in parameters {
        match name.as_str() {
            "_count" => {
                let asked: u32 = value.parse().map_err(|_| wrong(name, "must be a whole number"))?;
                count = asked.clamp(1, LARGEST_PAGE);
            }
            "_since" => {
                query.updated_from = Some(Instant::parse(value).ok_or_else(|| wrong(name, "must be an instant"))?);
            }
            "_type" => query.kinds.extend(value.split(',').map(str::to_owned)),
            _ if strict => return Err(wrong(name, "is not known here")),
            _ => continue,
        }
        applied.push((name.clone(), value.clone()));
    }
    Ok((query, count, applied))
}
