//! Disclosures of patients' identity to other parties.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::id::PatientId;
use xinglin_extensions::secret::{self, DisclosureView};
use xinglin_platform::Caller;

use crate::{
    Hospital,
    http::{
        access::{READERS, allowed},
        extract::At,
        problem::{Problem, Reply},
    },
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new().routes(allowed(READERS, routes!(list)))
}

/// Disclosures of the patient's identity to other parties, newest first. The patient may read them,
/// too.
#[utoipa::path(
    get, path = "/api/v1/patients/{patient}/disclosures", tag = "Patient",
    params(("patient" = String, Path, description = "`pat-…`")),
    responses((status = 200, body = Vec<DisclosureView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(patient): At<PatientId>,
) -> Reply<Json<Vec<DisclosureView>>> {
    Ok(Json(secret::list_disclosures(&hospital.platform, &caller, patient).await?))
}
