//! `POST /cds-services/{id}`

use axum::{Json, extract::State, http::HeaderMap};

use super::language;
use crate::{
    app::{
        AppResult, Caller, Hospital,
        cds::{Asked, Cards},
    },
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// What a checker says of drafted orders. A checker that gives no verdict is a critical card.
#[utoipa::path(
    post, path = "/cds-services/{id}", tag = "CDS Hooks",
    params(("id" = String, Path, description = "as discovery has it")),
    request_body = Asked,
    responses((status = 200, body = Cards), (status = "4XX", body = Problem)),
)]
pub async fn call(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<String>,
    headers: HeaderMap,
    Body(ask): Body<Asked>,
) -> AppResult<Json<Cards>> {
    Ok(Json(hospital.cds_cards(&caller, &id, ask, language(&headers)).await?))
}
