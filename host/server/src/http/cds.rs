//! CDS Hooks 2.0: checkers of prescriptions as services.

use axum::{Json, extract::State, http::HeaderMap};
use serde_json::{Value, json};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_care::cds::{self, Asked, Cards, Feedback, Services};
use xinglin_domain::access::Action;
use xinglin_platform::Caller;

use crate::{
    Hospital,
    http::{
        access::by,
        extract::{At, Body},
        language::Language,
        problem::{Problem, Reply},
    },
};

/// Base path of the services.
pub(crate) const BASE: &str = "/cds-services";

/// The routes.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::CheckPrescription, routes!(services)))
        .routes(by(&Action::CheckPrescription, routes!(call)))
        .routes(by(&Action::CheckPrescription, routes!(feedback)))
}

/// Chinese, unless `Accept-Language` prefers English.
fn language(headers: &HeaderMap) -> &'static str {
    Language::wanted(headers).unwrap_or(Language::Chinese).tag()
}

/// Has a checker review drafted orders. A checker without a verdict gives a critical card.
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
) -> Reply<Json<Cards>> {
    Ok(Json(cds::ask(&hospital.extensions, &caller, &id, ask, language(&headers)).await?))
}

/// Stores feedback on cards in the audit trail of the patient.
#[utoipa::path(
    post, path = "/cds-services/{id}/feedback", tag = "CDS Hooks",
    params(("id" = String, Path, description = "as discovery has it")),
    request_body = Feedback,
    responses((status = 200, body = Object), (status = "4XX", body = Problem)),
)]
pub async fn feedback(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<String>,
    Body(said): Body<Feedback>,
) -> Reply<Json<Value>> {
    cds::keep_feedback(&hospital.extensions, &caller, &id, said).await?;
    Ok(Json(json!({})))
}

/// The checkers of the caller's hospital, each as `order-select` and `order-sign`.
#[utoipa::path(
    get, path = "/cds-services", tag = "CDS Hooks",
    responses((status = 200, body = Services), (status = "4XX", body = Problem)),
)]
pub async fn services(State(hospital): State<Hospital>, caller: Caller, headers: HeaderMap) -> Reply<Json<Services>> {
    Ok(Json(cds::services(&hospital.extensions, &caller, language(&headers)).await?))
}

#[cfg(test)]
mod tests {
    use axum::http::header::ACCEPT_LANGUAGE;

    use super::*;

    #[test]
    fn cards_are_chinese_unless_english_is_wanted() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, text.parse().expect("a value"));
            language(&headers)
        };
        assert_eq!(language(&HeaderMap::new()), "zh-CN");
        assert_eq!([of("de"), of("en")], ["zh-CN", "en"]);
    }
}
