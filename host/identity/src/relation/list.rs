use xinglin_domain::id::PatientId;
use xinglin_platform::{
    AppResult, Caller, Platform,
    acting::{born, parse},
    boxed, document,
};
use xinglin_store::ResourceQuery;

use super::{RelationView, view};

/// Maximum number of listed relations of a patient.
const MOST: u32 = 200;

/// Relations of a patient, newest first, also ended ones.
///
/// # Errors
/// `NOT_FOUND` if the caller may not see the patient.
#[boxed]
pub async fn list(platform: &Platform, caller: &Caller, patient: PatientId) -> AppResult<Vec<RelationView>> {
    caller.may_see(patient, "patient", patient)?;
    let records = platform.records(caller);
    let rows = records.list_relations(&patient.to_string(), true).await?;
    let born = born(&records, patient).await?;
    let ids = rows.iter().map(|row| row.id.to_string()).collect();
    let query = ResourceQuery { kind: "RelatedPerson".to_owned(), ids, ..ResourceQuery::default() };
    let people = match query.ids.is_empty() {
        true => Vec::new(),
        false => records.list_resources(&query, None, MOST).await?,
    };
    let mut views = Vec::with_capacity(rows.len());
    for row in rows {
        let person = people.iter().find(|person| person.id == row.id.to_string());
        let name = match person {
            Some(person) => document::value(person)?["name"][0]["text"].as_str().map(str::to_owned),
            None => None,
        };
        views.push(RelationView { name, ..view(&parse(row)?, born, caller.now) });
    }
    Ok(views)
}
