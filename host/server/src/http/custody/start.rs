//! `POST /api/v1/custodies`

use axum::{Json, extract::State, http::StatusCode};

use crate::{
    app::{
        AppResult, Caller, Hospital,
        custody::{CustodyView, NewCustody},
    },
    http::{extract::Body, problem::Problem},
};

/// Freezes a hospital that was renamed or closes, for good, and gives its records into
/// another's custody. Its staff then reads them with the header `xinglin-custody: ten-…`.
#[utoipa::path(
    post, path = "/api/v1/custodies", tag = "Custody",
    request_body = NewCustody,
    responses((status = 201, body = CustodyView), (status = "4XX", body = Problem)),
)]
pub async fn start(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(new): Body<NewCustody>,
) -> AppResult<(StatusCode, Json<CustodyView>)> {
    Ok((StatusCode::CREATED, Json(hospital.start_custody(&caller, new).await?)))
}
