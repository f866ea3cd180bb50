//! `POST /api/v1/patients/{patient}/invitations`

use axum::{Json, extract::State, http::StatusCode};
use xinglin_domain::id::PatientId;

use crate::{
    app::{
        AppResult, Caller, Hospital,
        relation::{InvitationView, NewInvitation},
    },
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// The patient invites somebody to be their family. What they may read, the patient says
/// by consent to their account, once they have accepted.
#[utoipa::path(
    post, path = "/api/v1/patients/{patient}/invitations", tag = "Relation",
    params(("patient" = String, Path, description = "`pat-…`")),
    request_body = NewInvitation,
    responses((status = 201, body = InvitationView), (status = "4XX", body = Problem)),
)]
pub async fn invite(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(patient): At<PatientId>,
    Body(new): Body<NewInvitation>,
) -> AppResult<(StatusCode, Json<InvitationView>)> {
    Ok((StatusCode::CREATED, Json(hospital.invite_relation(&caller, patient, new).await?)))
}
