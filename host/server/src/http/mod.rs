//! The HTTP API: one file for each noun, with its routes and handlers. A handler extracts the
//! arguments and calls a use case; it decides nothing.

pub mod access;
mod account;
mod alert;
mod audit;
mod blob;
mod call;
mod capitation;
mod cash;
mod cds;
mod charge;
mod client;
mod clock;
mod consent;
mod conversation;
mod cookie;
mod coverage;
mod custody;
mod described;
mod disclosure;
mod emergency_access;
mod encounter;
mod enrolment;
mod extract;
mod fhir;
mod formulary;
mod health;
mod hold;
mod insurance;
mod item_order;
mod language;
mod launch;
mod ledger;
mod me;
mod message;
mod metrics;
mod oauth;
mod observe;
mod organisation;
mod panel;
mod pathway_request;
mod plugin;
mod plugin_key;
mod plugin_secret;
mod policy;
mod prescription;
pub mod problem;
mod purchase;
mod real_name;
mod recall;
mod reconciliation;
mod relation;
mod reminder;
mod request_id;
mod retention;
mod safety_contact;
mod scope;
mod session;
mod shadow;
mod shared_view;
mod sso;
mod streamed;
mod task;
mod tenant;
mod trail;

use std::{any::Any, future::ready, time::Duration};

use axum::{
    BoxError, Router,
    body::{Body, Bytes},
    error_handling::HandleErrorLayer,
    extract::{DefaultBodyLimit, Request, State},
    http::{Method, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use tower::timeout::TimeoutLayer;
use tower_http::{
    LatencyUnit,
    catch_panic::CatchPanicLayer,
    request_id::{PropagateRequestIdLayer, SetRequestIdLayer},
    trace::{DefaultOnResponse, TraceLayer},
};
use tracing::Level;
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_axum::router::OpenApiRouter;
use xinglin_domain::code::Code;
use xinglin_platform::{AppError, config::MetricsToken, tasks::Tasks};

use self::problem::Refused;
use crate::{
    Hospital,
    http::access::{Access, Routes},
};

/// Largest body in bytes, except packages and FHIR bundles.
const SMALL_BODY: usize = 1 << 20;

/// The OpenAPI document without its paths.
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

/// The routes under `/api/v1` with their OpenAPI document.
fn api(packages: DefaultBodyLimit, attachments: DefaultBodyLimit) -> OpenApiRouter<Hospital> {
    OpenApiRouter::with_openapi(Description::openapi())
        .merge(account::routes())
        .merge(alert::routes())
        .merge(audit::routes())
        .merge(blob::routes(attachments))
        .merge(call::routes())
        .merge(capitation::routes())
        .merge(cash::routes())
        .merge(cds::routes())
        .merge(charge::routes())
        .merge(client::routes())
        .merge(clock::routes())
        .merge(consent::routes())
        .merge(conversation::routes())
        .merge(coverage::routes())
        .merge(custody::routes())
        .merge(disclosure::routes())
        .merge(encounter::routes())
        .merge(enrolment::routes())
        .merge(formulary::routes())
        .merge(item_order::routes())
        .merge(emergency_access::routes())
        .merge(hold::routes())
        .merge(insurance::routes())
        .merge(launch::routes())
        .merge(ledger::routes())
        .merge(me::routes())
        .merge(message::routes())
        .merge(organisation::routes())
        .merge(panel::routes())
        .merge(plugin::routes(packages))
        .merge(policy::routes())
        .merge(prescription::routes())
        .merge(purchase::routes())
        .merge(real_name::routes())
        .merge(recall::routes())
        .merge(reconciliation::routes())
        .merge(relation::routes())
        .merge(reminder::routes())
        .merge(retention::routes())
        .merge(pathway_request::routes())
        .merge(safety_contact::routes())
        .merge(session::routes())
        .merge(shadow::routes())
        .merge(shared_view::routes())
        .merge(sso::routes())
        .merge(task::routes())
        .merge(tenant::routes())
}

/// All routes, and the access rule of each.
fn everything(
    [large, attachments]: [DefaultBodyLimit; 2],
    metrics_token: Option<&MetricsToken>,
) -> (Router<Hospital>, Vec<access::Route>) {
    let (api, description) = api(large, attachments).split_for_parts();
    let mut table = access::described(&description);
    // Serialised once, as it never changes.
    let description = Bytes::from(described::complete(description).to_json().expect("a description is JSON"));
    let openapi = async move || ([(header::CONTENT_TYPE, "application/json")], description);
    let (others, more) = Routes::default()
        .at(Method::GET, "/api/v1/openapi.json", Access::Public, openapi)
        .merge(fhir::routes().around(|router| router.layer(large)))
        .merge(oauth::routes())
        .merge(health::routes())
        .merge(metrics::routes(metrics_token))
        .into_parts();
    table.extend(more);
    (api.merge(others), table)
}

impl Hospital {
    /// Every route with its access rule.
    pub fn routes(&self) -> Vec<access::Route> {
        everything([DefaultBodyLimit::disable(); 2], self.platform.config().telemetry.metrics_token.as_ref()).1
    }

    /// All routes, to be merged into an embedder's router.
    pub fn router(&self) -> Router {
        let large = DefaultBodyLimit::max(self.platform.config().max_body_bytes);
        let timeout = Duration::from_secs(self.platform.config().request_timeout_seconds);
        let attachments = DefaultBodyLimit::max(self.platform.config().attachments.max_bytes);
        let (routes, _) = everything([large, attachments], self.platform.config().telemetry.metrics_token.as_ref());
        let routes = routes
            .fallback(async || Refused::from(AppError::new(Code::NotFound, "no such path; see /api/v1/openapi.json")))
            .method_not_allowed_fallback(async || {
                Refused::from(AppError::new(Code::MethodNotAllowed, "no such method here; see /api/v1/openapi.json"))
            })
            .layer(DefaultBodyLimit::max(SMALL_BODY))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(middleware::from_fn_with_state(self.clone(), trail::layer))
            .layer(middleware::from_fn_with_state(self.clone(), observe::layer));
        to_the_end_in_time(routes, self.platform.tasks(), timeout)
            .layer(PropagateRequestIdLayer::x_request_id())
            .layer(
                TraceLayer::new_for_http()
                    .make_span_with(request_id::span)
                    .on_response(DefaultOnResponse::new().level(Level::INFO).latency_unit(LatencyUnit::Micros))
                    // Problem documents log failures, with the code.
                    .on_failure(()),
            )
            .layer(SetRequestIdLayer::x_request_id(request_id::Draw))
            .layer(middleware::map_request(request_id::check))
            .with_state(self.clone())
    }
}

/// The timeout is outermost: the caller gets an error, and the request goes on.
fn to_the_end_in_time<S: Clone + Send + Sync + 'static>(
    routes: Router<S>,
    tasks: &Tasks,
    longest: Duration,
) -> Router<S> {
    let late = move |_: BoxError| {
        let detail = format!("no answer within {} s", longest.as_secs());
        ready(Refused::from(AppError::new(Code::RequestTimeout, detail)))
    };
    routes
        .layer(middleware::from_fn_with_state((tasks.clone(), longest), to_the_end))
        .layer((HandleErrorLayer::new(late), TimeoutLayer::new(longest)))
}

/// A request that has begun runs to its end, even if the caller disconnects: the tape of a called
/// plugin and a started payment are stored. A stopping host waits for it. The body has the same
/// deadline as the response, so a slow upload cannot hold the host.
async fn to_the_end(State((tasks, longest)): State<(Tasks, Duration)>, request: Request, next: Next) -> Response {
    let until = tokio::time::Instant::now() + longest;
    let request = request.map(|body| {
        Body::from_stream(stream::try_unfold(body.into_data_stream(), move |mut body| async move {
            match tokio::time::timeout_at(until, body.next()).await {
                Ok(Some(piece)) => Ok(Some((piece?, body))),
                Ok(None) => Ok(None),
                Err(late) => Err(axum::Error::new(late)),
            }
        }))
    });
    match tasks.spawn(next.run(request)).await {
        Ok(response) => response,
        Err(error) => Refused::from(AppError::internal(error)).into_response(),
    }
}

/// After a panic: the caller gets a problem document, details are logged, the server goes on.
fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let words = panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_default();
    Refused::from(AppError::internal(format!("panic: {words}"))).into_response()
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    /// A server of one route under the layers of [`Hospital::router`] that run requests to the end.
    async fn serving(routes: Router, longest: Duration) -> (String, Tasks) {
        xinglin_platform::tls::install();
        let tasks = Tasks::default();
        let router = to_the_end_in_time(routes.layer(CatchPanicLayer::custom(panicked)), &tasks, longest);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}/", listener.local_addr().expect("an address"));
        let stopped = tasks.token().cancelled_owned();
        drop(tasks.spawn(axum::serve(listener, router).with_graceful_shutdown(stopped).into_future()));
        (address, tasks)
    }

    /// Counts its completion, after a while.
    fn slow(ends: &Arc<AtomicUsize>) -> axum::routing::MethodRouter {
        let ends = ends.clone();
        axum::routing::post(async move |body: axum::body::Bytes| {
            tokio::time::sleep(Duration::from_millis(300)).await;
            ends.fetch_add(body.len(), Ordering::SeqCst);
            "written"
        })
    }

    #[tokio::test]
    async fn a_request_that_nobody_waits_for_any_more_is_carried_to_its_end() {
        let ends = Arc::new(AtomicUsize::new(0));
        let (address, tasks) = serving(Router::new().route("/", slow(&ends)), Duration::from_millis(10)).await;
        let answer = reqwest::Client::new().post(address).body("1").send().await.expect("an answer");
        assert_eq!(answer.status(), Code::RequestTimeout.class().status());
        assert_eq!(ends.load(Ordering::SeqCst), 0);
        assert_eq!(tasks.close_and_wait(Duration::from_secs(10)).await, 0);
        assert_eq!(ends.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn whose_caller_left_is_counted_and_waited_for() {
        let ends = Arc::new(AtomicUsize::new(0));
        let (address, tasks) = serving(Router::new().route("/", slow(&ends)), Duration::from_secs(60)).await;
        assert_eq!(tasks.running(), 1, "the server itself");
        let impatient = reqwest::Client::builder().timeout(Duration::from_millis(100)).build().expect("a client");
        // A body in chunks is treated no differently.
        let pieces = futures_util::stream::iter(["ab", "c"].map(Ok::<_, std::io::Error>));
        let left = impatient.post(&address).body(reqwest::Body::wrap_stream(pieces)).send().await;
        assert!(left.is_err_and(|error| error.is_timeout()));
        assert_eq!(tasks.running(), 2);
        assert_ne!(tasks.close_and_wait(Duration::from_millis(1)).await, 0, "it is still under way");
        assert_eq!(tasks.close_and_wait(Duration::from_secs(10)).await, 0);
        assert_eq!(ends.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_body_that_trickles_has_no_longer_than_its_answer() {
        let read = axum::routing::post(async |body: Result<Bytes, axum::extract::rejection::BytesRejection>| {
            body.map_or_else(|_| "cut off", |_| "whole")
        });
        let (address, tasks) = serving(Router::new().route("/", read), Duration::from_millis(100)).await;
        let drops = futures_util::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Some((Ok::<_, std::io::Error>("x"), ()))
        });
        let client = reqwest::Client::new();
        let sent = client.post(&address).body(reqwest::Body::wrap_stream(drops)).send();
        let ended = async {
            while tasks.running() < 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            while tasks.running() > 1 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let limit = Duration::from_secs(5);
        let (_, ended) = tokio::join!(tokio::time::timeout(limit, sent), tokio::time::timeout(limit, ended));
        ended.expect("only the server itself is left");
    }

    #[tokio::test]
    async fn a_panic_ends_one_request_and_is_counted_no_longer() {
        let broken = axum::routing::get(async || -> &'static str { panic!("a defect") });
        let (address, tasks) = serving(Router::new().route("/", broken), Duration::from_secs(60)).await;
        let answer = reqwest::get(&address).await.expect("an answer");
        assert_eq!(answer.status(), Code::Internal.class().status());
        assert!(answer.text().await.expect("a body").contains(Code::Internal.as_str()));
        assert_eq!(tasks.close_and_wait(Duration::from_secs(10)).await, 0);
    }

    #[tokio::test]
    async fn an_answer_that_has_begun_is_sent_whole_by_a_host_that_stops() {
        let pieces = axum::routing::get(async || {
            let piece = |at: u8| async move {
                tokio::time::sleep(Duration::from_millis(100)).await;
                (at < 4).then_some((Ok::<_, std::io::Error>("piece "), at + 1))
            };
            axum::body::Body::from_stream(futures_util::stream::unfold(0, piece))
        });
        let (address, tasks) = serving(Router::new().route("/", pieces), Duration::from_millis(50)).await;
        let answer = reqwest::get(&address).await.expect("the head of an answer");
        let (read, left) = tokio::join!(answer.text(), tasks.close_and_wait(Duration::from_secs(10)));
        assert_eq!((read.expect("all of it").as_str(), left), ("piece piece piece piece ", 0));
    }

    /// The access rule is declared with the route, in `http/<noun>.rs`:
    ///
    /// - `.routes(by(&Action::SignPrescription, routes!(sign)))`, the action being
    ///   one of `xinglin_domain::access` and the one that the use case checks;
    /// - `.routes(allowed(READERS, routes!(get)))` for one of several;
    /// - `.routes(allowed(Access::SignedIn, …))` for one's own account and data open to all
    ///   staff, `Access::Public` for routes that authenticate the caller themselves.
    #[test]
    fn every_route_names_its_action() {
        let token = MetricsToken::try_from("0123456789abcdef".to_owned()).expect("a token");
        let (_, table) = everything([DefaultBodyLimit::disable(); 2], Some(&token));
        assert!(table.len() > 100, "{}", table.len());
        let silent: Vec<_> = table.iter().filter(|route| route.access.is_empty()).collect();
        assert!(
            silent.is_empty(),
            "these routes name no action. Where each is declared (http/<noun>.rs), write \
             `.routes(by(&Action::…, routes!(…)))`, or `allowed(Access::SignedIn, …)` or `allowed(Access::Public, …)` \
             if it needs none: {silent:#?}"
        );
        for route in &table {
            let words = ["public", "signed-in"];
            let known = |word: &String| {
                words.contains(&word.as_str()) || word.parse::<xinglin_domain::access::Action>().is_ok()
            };
            assert!(route.access.iter().all(known), "{route:?}");
        }
    }

    #[test]
    fn what_is_open_to_everybody_is_this_and_no_more() {
        let (_, table) = everything([DefaultBodyLimit::disable(); 2], None);
        let open = table.into_iter().filter(|route| route.access == ["public"]);
        let mut open: Vec<_> = open.map(|route| format!("{} {}", route.method, route.path)).collect();
        open.sort();
        let expected = [
            "GET /",
            "GET /.well-known/oauth-authorization-server",
            "GET /.well-known/openid-configuration",
            "GET /api/v1/openapi.json",
            "GET /api/v1/sso/{tenant}/callback",
            "GET /api/v1/sso/{tenant}/start",
            "GET /fhir/R4/.well-known/smart-configuration",
            "GET /fhir/R4/metadata",
            "GET /healthz",
            "GET /oauth/authorize",
            "GET /oauth/jwks",
            "GET /readyz",
            "POST /api/v1/cash/{tenant}/{channel}/notices",
            // Signed by the gateway.
            "POST /api/v1/reminders/{tenant}/{channel}/receipts",
            "POST /api/v1/sessions",
            "POST /api/v1/sessions/passkey/confirm",
            "POST /api/v1/sessions/passkey/offer",
            "POST /api/v1/sessions/refresh",
            "POST /oauth/authorize",
            "POST /oauth/revoke",
            "POST /oauth/token",
        ];
        assert_eq!(open, expected, "argue for what is added here");
    }
}
