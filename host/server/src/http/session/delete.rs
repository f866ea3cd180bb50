//! `DELETE /api/v1/sessions/{session}`

use axum::{extract::State, http::StatusCode};
use xinglin_domain::id::SessionId;

use crate::{
    app::{AppResult, Caller, Hospital},
    http::{extract::At, problem::Problem},
};

/// Ends one of one's sign-ins: its tokens are good for nothing from now on.
#[utoipa::path(
    delete, path = "/api/v1/sessions/{session}", tag = "Session",
    params(("session" = String, Path, description = "`ses-…`")),
    responses((status = 204), (status = "4XX", body = Problem)),
)]
pub async fn delete(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(session): At<SessionId>,
) -> AppResult<StatusCode> {
    hospital.end_session(&caller, session).await?;
    Ok(StatusCode::NO_CONTENT)
}
