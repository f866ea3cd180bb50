//! `POST /api/v1/prescriptions`

use axum::{Json, extract::State, http::StatusCode};

use crate::{
    app::{
        AppResult, Caller, Hospital,
        prescription::{NewPrescription, PrescriptionView},
    },
    http::{extract::Body, problem::Problem},
};

/// The doctor begins a prescription in a visit of theirs.
#[utoipa::path(
    post, path = "/api/v1/prescriptions", tag = "Prescription",
    request_body = NewPrescription,
    responses((status = 201, body = PrescriptionView), (status = "4XX", body = Problem)),
)]
pub async fn draft(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<NewPrescription>,
) -> AppResult<(StatusCode, Json<PrescriptionView>)> {
    Ok((StatusCode::CREATED, Json(hospital.draft_prescription(&caller, ask).await?)))
}
