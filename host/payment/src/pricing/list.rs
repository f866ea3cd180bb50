use xinglin_domain::{
    id::{PatientId, PurchaseId},
    pricing::sale::{Sale, SaleState},
};
use xinglin_platform::{AppResult, Caller, Platform, boxed, document::Stored};
use xinglin_store::DocumentQuery;

use super::{MOST, SaleView, view};

/// What a patient has bought, newest first. Offers that were not taken are left out.
///
/// # Errors
/// `NOT_FOUND` for whoever may not see the patient.
#[boxed]
pub async fn list(platform: &Platform, caller: &Caller, patient: PatientId) -> AppResult<Vec<SaleView>> {
    caller.may_see(patient, "patient", patient)?;
    use SaleState as S;
    let states = [S::Bought, S::Started, S::Completed, S::Cancelled];
    let query = DocumentQuery {
        patient_id: Some(patient.to_string()),
        statuses: states.map(|state| state.as_str().to_owned()).into(),
        ..DocumentQuery::default()
    };
    let rows = platform.records(caller).list_documents::<PurchaseId>(&query, None, MOST).await?;
    rows.into_iter()
        .map(|row| {
            let sale: Sale = Stored::try_from(row)?.value;
            view(&sale, Vec::new())
        })
        .collect()
}
