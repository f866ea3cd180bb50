//! `DELETE /api/v1/me/passkeys/{passkey}`

use axum::{extract::State, http::StatusCode};

use crate::{
    app::{AppResult, Caller, Hospital},
    http::{extract::At, problem::Problem},
};

/// Forgets one of one's passkeys.
#[utoipa::path(
    delete, path = "/api/v1/me/passkeys/{passkey}", tag = "Me",
    params(("passkey" = String, Path, description = "as the list calls it")),
    responses((status = 204), (status = "4XX", body = Problem)),
)]
pub async fn remove_passkey(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(passkey): At<String>,
) -> AppResult<StatusCode> {
    hospital.remove_passkey(&caller, &passkey).await?;
    Ok(StatusCode::NO_CONTENT)
}
