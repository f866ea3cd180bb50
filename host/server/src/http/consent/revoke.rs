//! `POST /api/v1/consents/{id}/revoke`

use axum::{Json, extract::State};
use xinglin_domain::id::ConsentId;

use crate::{
    app::{AppResult, Caller, Hospital, consent::ConsentView},
    http::{extract::At, problem::Problem},
};

/// The patient takes a consent back. It holds no more from this moment on.
#[utoipa::path(
    post, path = "/api/v1/consents/{id}/revoke", tag = "Consent",
    params(("id" = String, Path, description = "`con-…`")),
    responses((status = 200, body = ConsentView), (status = "4XX", body = Problem)),
)]
pub async fn revoke(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<ConsentId>,
) -> AppResult<Json<ConsentView>> {
    Ok(Json(hospital.revoke_consent(&caller, id).await?))
}
