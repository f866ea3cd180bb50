use xinglin_fhir::{
    answer::Searchset,
    parameter,
    search::{self, Include},
};
use xinglin_platform::{AppResult, Caller, Platform, boxed};
use xinglin_store::ResourceQuery;

use super::{Asked, included, search_scope, show, too_many};
use crate::resource;

/// A visit with all resources that refer to it or that it refers to, on one page.
///
/// # Errors
/// `NOT_FOUND` if there is no such visit that the caller may see.
#[boxed]
pub async fn everything_of_encounter(
    platform: &Platform,
    caller: &Caller,
    id: &str,
    asked: &Asked,
) -> AppResult<Searchset> {
    let visit = resource::read(platform, caller, "Encounter", id).await?;
    let records = platform.records(caller);
    let mut search = search::parse("Encounter", &[])?;
    let of_patient = ResourceQuery { patient_id: visit.patient_id.clone(), ..ResourceQuery::default() };
    search_scope(platform, caller, &of_patient).await?.bound(&mut search.query);
    search.include.push(Include { kind: "Encounter".to_owned(), param: "*".to_owned(), target: None });
    for parameters in parameter::ALL {
        for name in ["encounter", "context"] {
            if search::reference_to(parameters.of, name, "Encounter").is_some() {
                let (kind, param) = (parameters.of.to_owned(), name.to_owned());
                search.revinclude.push(Include { kind, param, target: None });
            }
        }
    }
    let matches = [visit];
    let (included, is_whole) = included(&records, &search, &matches).await?;
    let mut set = Searchset::of(format!("{}/Encounter/{id}/$everything", asked.base));
    show(&mut set, caller, &asked.base, matches.to_vec(), "match");
    show(&mut set, caller, &asked.base, included, "include");
    if !is_whole {
        set.remark(too_many()?);
    }
    Ok(set)
}
