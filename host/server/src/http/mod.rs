//! The HTTP face: one folder a noun, one file a verb. Handlers take what came
//! apart and hand it to a use case; they decide nothing.

mod account;
mod alert;
mod audit;
mod blob;
mod call;
mod charge;
mod client;
mod clock;
mod consent;
mod conversation;
mod cookie;
mod coverage;
mod disclosure;
mod encounter;
mod enrolment;
mod extract;
mod fhir;
mod formulary;
mod glass;
mod health;
mod hold;
mod launch;
mod ledger;
mod me;
mod message;
mod metrics;
mod oauth;
mod observe;
mod plugin;
mod prescription;
pub mod problem;
mod recall;
mod request_id;
mod scope;
mod session;
mod shadow;
mod sso;
mod streamed;
mod tenant;
mod trail;

use std::{any::Any, time::Duration};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Request},
    middleware::{self, Next},
    response::Response,
    routing::get,
};
use tower_http::{
    LatencyUnit,
    catch_panic::CatchPanicLayer,
    timeout::TimeoutLayer,
    trace::{DefaultOnResponse, TraceLayer},
};
use tracing::{Instrument, Level};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_axum::router::OpenApiRouter;
use xinglin_domain::code::Code;

use crate::app::{AppError, Hospital};

/// Most bytes of a body, but for packages and FHIR bundles.
const SMALL_BODY: usize = 1 << 20;

/// What the description of the API says beside its paths.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Xinglin",
        description = "An internet-hospital core host. Amounts of money are whole fen; times are RFC 3339; \
                       errors are RFC 9457 problem documents with a stable `code`. FHIR R4 is at /fhir/R4.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    security(("token" = [])),
    modifiers(&Token),
)]
struct Description;

struct Token;

impl Modify for Token {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        api.components.get_or_insert_default().add_security_scheme("token", SecurityScheme::Http(bearer));
    }
}

/// The routes under `/api/v1` with their description.
fn api(packages: DefaultBodyLimit, attachments: DefaultBodyLimit) -> OpenApiRouter<Hospital> {
    OpenApiRouter::with_openapi(Description::openapi())
        .merge(account::routes())
        .merge(alert::routes())
        .merge(audit::routes())
        .merge(blob::routes(attachments))
        .merge(call::routes())
        .merge(charge::routes())
        .merge(client::routes())
        .merge(clock::routes())
        .merge(consent::routes())
        .merge(conversation::routes())
        .merge(coverage::routes())
        .merge(disclosure::routes())
        .merge(encounter::routes())
        .merge(enrolment::routes())
        .merge(formulary::routes())
        .merge(glass::routes())
        .merge(hold::routes())
        .merge(launch::routes())
        .merge(ledger::routes())
        .merge(me::routes())
        .merge(message::routes())
        .merge(plugin::routes(packages))
        .merge(prescription::routes())
        .merge(recall::routes())
        .merge(session::routes())
        .merge(shadow::routes())
        .merge(sso::routes())
        .merge(tenant::routes())
}

impl Hospital {
    /// Everything the hospital serves, to be merged into an embedder's router.
    pub fn router(&self) -> Router {
        let large = DefaultBodyLimit::max(self.config().max_body_bytes);
        let attachments = DefaultBodyLimit::max(self.config().attachments.max_bytes);
        let (api, description) = api(large, attachments).split_for_parts();
        let timeout = Duration::from_secs(self.config().request_timeout_seconds);
        Router::new()
            .merge(api)
            .route("/api/v1/openapi.json", get(move || async move { Json(description) }))
            .merge(fhir::routes().layer(large))
            .merge(oauth::routes())
            .merge(health::routes())
            .merge(metrics::routes(self.config().telemetry.metrics_token.as_ref()))
            .fallback(async || AppError::new(Code::NotFound, "no such path; see /api/v1/openapi.json"))
            .method_not_allowed_fallback(async || {
                AppError::new(Code::MethodNotAllowed, "no such method here; see /api/v1/openapi.json")
            })
            .layer(DefaultBodyLimit::max(SMALL_BODY))
            .layer(TimeoutLayer::with_status_code(axum::http::StatusCode::SERVICE_UNAVAILABLE, timeout))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(middleware::from_fn_with_state(self.clone(), trail::layer))
            .layer(middleware::from_fn_with_state(self.clone(), observe::layer))
            .layer(middleware::from_fn(to_the_end))
            .layer(
                TraceLayer::new_for_http()
                    .on_response(DefaultOnResponse::new().level(Level::INFO).latency_unit(LatencyUnit::Micros))
                    // Told by the problem itself, with its code.
                    .on_failure(()),
            )
            .layer(middleware::from_fn(request_id::layer))
            .with_state(self.clone())
    }
}

/// A request that has begun is carried to its end, whether or not the caller is
/// still there: a plugin that was called is taped, a payment that was begun is
/// written down.
async fn to_the_end(request: Request, next: Next) -> Response {
    match tokio::spawn(next.run(request).in_current_span()).await {
        Ok(response) => response,
        Err(error) => axum::response::IntoResponse::into_response(AppError::internal(error)),
    }
}

/// A defect of ours: the caller gets a problem document, the log the rest, and
/// the server goes on.
fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let words = panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_default();
    axum::response::IntoResponse::into_response(AppError::internal(format!("panic: {words}")))
}
