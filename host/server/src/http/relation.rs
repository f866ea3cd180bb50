//! Persons related to a patient.

use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::{
    access::Action,
    id::{PatientId, RelationId},
};
use xinglin_identity::relation::{self, InvitationView, Join, NewInvitation, NewRelation, RelationView};
use xinglin_platform::Caller;

use crate::{
    Hospital,
    http::{
        access::{Access, READERS, allowed, by},
        extract::{At, Body},
        problem::{Problem, Reply},
    },
};

/// Who may revoke a relation.
const REVOKERS: Access = Access::By(&[Action::RegisterRelations, Action::ManageConsent]);

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::RegisterRelations, routes!(register)))
        .routes(allowed(READERS, routes!(list)))
        .routes(by(&Action::ManageConsent, routes!(invite)))
        .routes(by(&Action::JoinFamily, routes!(join)))
        .routes(allowed(REVOKERS, routes!(revoke)))
}

/// The patient invites a family member. After acceptance, the patient's consents to their account
/// decide what they may read.
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
) -> Reply<(StatusCode, Json<InvitationView>)> {
    Ok((StatusCode::CREATED, Json(relation::invite(&hospital.platform, &caller, patient, new).await?)))
}

/// Accepts a patient's invitation to be their family.
#[utoipa::path(
    post, path = "/api/v1/me/relations", tag = "Me",
    request_body = Join,
    responses((status = 201, body = RelationView), (status = "4XX", body = Problem)),
)]
pub async fn join(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(join): Body<Join>,
) -> Reply<(StatusCode, Json<RelationView>)> {
    Ok((StatusCode::CREATED, Json(relation::join(&hospital.platform, &caller, join).await?)))
}

/// Current and former relations of the patient, newest first.
#[utoipa::path(
    get, path = "/api/v1/patients/{patient}/relations", tag = "Relation",
    params(("patient" = String, Path, description = "`pat-…`")),
    responses((status = 200, body = Vec<RelationView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(patient): At<PatientId>,
) -> Reply<Json<Vec<RelationView>>> {
    Ok(Json(relation::list(&hospital.platform, &caller, patient).await?))
}

/// Staff register a guardian or another related person, upon evidence.
#[utoipa::path(
    post, path = "/api/v1/patients/{patient}/relations", tag = "Relation",
    params(("patient" = String, Path, description = "`pat-…`")),
    request_body = NewRelation,
    responses((status = 201, body = RelationView), (status = "4XX", body = Problem)),
)]
pub async fn register(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(patient): At<PatientId>,
    Body(new): Body<NewRelation>,
) -> Reply<(StatusCode, Json<RelationView>)> {
    Ok((StatusCode::CREATED, Json(relation::register(&hospital.platform, &caller, patient, new).await?)))
}

/// Revokes a relation, effective at once. Guardianships are revoked by the hospital; others also by
/// the patient and by the related person.
#[utoipa::path(
    post, path = "/api/v1/relations/{id}/revoke", tag = "Relation",
    params(("id" = String, Path, description = "`kin-…`")),
    responses((status = 200, body = RelationView), (status = "4XX", body = Problem)),
)]
pub async fn revoke(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<RelationId>,
) -> Reply<Json<RelationView>> {
    Ok(Json(relation::revoke(&hospital.platform, &caller, id).await?))
}
