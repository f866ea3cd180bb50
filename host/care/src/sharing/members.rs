use xinglin_domain::{
    access::Action,
    id::{ConsentId, PatientId},
    identity::IdentityField,
    organisation::Kind,
};
use xinglin_fhir::person;
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, document, organisation};
use xinglin_store::{StoreError, Tenant};

use super::{
    MemberView,
    told::{Asked, told},
};

/// Most members of a page.
const MOST: usize = 100;
/// How many patients are read at a time.
const PAGE: u32 = 100;

/// A page of the members.
#[derive(Debug, Clone, Copy)]
pub struct MemberPage {
    /// Only those that follow this one in the list.
    pub after: Option<ConsentId>,
    /// Maximum number.
    pub limit: usize,
}

/// Those who agreed that the caller's school is told whether they are in care, and nobody else: name, and whether they
/// are. Who did not agree, or does not any more, is not told from who is no patient.
///
/// # Errors
/// `NOT_FOUND` if the caller represents no school, or `after` is not of its list.
#[boxed]
pub async fn members(platform: &Platform, caller: &Caller, page: MemberPage) -> AppResult<Vec<MemberView>> {
    caller.may(Action::ReadMembers)?;
    let records = platform.records(caller);
    let school = organisation::represented(&records, caller, Kind::School).await?;
    caller.trail.asked();
    let mut after = match page.after {
        Some(id) => {
            let consent = records.get_consent(id).await?;
            if consent.organisation != Some(school.id) {
                return Err(AppError::not_found("consent", id));
            }
            consent.patient_id
        }
        None => String::new(),
    };
    let limit = page.limit.clamp(1, MOST);
    let mut members = Vec::new();
    loop {
        let patients = records.list_informing(school.id, &after, PAGE).await?;
        let Some(last) = patients.last() else { return Ok(members) };
        after.clone_from(last);
        for patient in patients {
            let patient: PatientId = patient.parse().map_err(AppError::internal)?;
            // What is there at this moment: the end of the second is not over.
            let asked = Asked { until: caller.now.plus_seconds(1), known: true };
            let told = told(&records, &school, patient, asked, caller.now).await?;
            // Who has several records is listed once.
            let Some(told) = told.filter(|told| told.record == patient) else { continue };
            caller.trail.saw(patient);
            caller.trail.saw(told.current);
            let name = name(&records, told.current).await?;
            members.push(MemberView { consent: told.consent, name, status: told.status });
            if members.len() == limit {
                return Ok(members);
            }
        }
    }
}

async fn name(records: &Tenant, patient: PatientId) -> AppResult<Option<String>> {
    match records.get_resource("Patient", &patient.to_string()).await {
        Ok(row) if !row.deleted => Ok(person::field(&document::value(&row)?, IdentityField::Name)),
        Ok(_) | Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
