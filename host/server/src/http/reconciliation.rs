//! Our books, those of payers, and the bank's.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::{access::Action, id::BreakId};
use xinglin_payment::reconciliation::{
    self, Assign, BreakView, BreaksAsk, NewReconciliation, ReconciliationView, Resolve,
};
use xinglin_platform::Caller;

use crate::{
    Hospital,
    http::{
        access::by,
        extract::{Asked, At, Body},
        problem::{Problem, Reply},
    },
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::Reconcile, routes!(assign)))
        .routes(by(&Action::Reconcile, routes!(list_breaks)))
        .routes(by(&Action::Reconcile, routes!(reconcile)))
        .routes(by(&Action::Reconcile, routes!(resolve)))
}

/// Hands a difference to another person of the accounts.
#[utoipa::path(
    post, path = "/api/v1/reconciliation/breaks/{id}/assign", tag = "Reconciliation",
    params(("id" = String, Path, description = "`break-…`")),
    request_body = Assign,
    responses((status = 200, body = BreakView), (status = "4XX", body = Problem)),
)]
pub async fn assign(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<BreakId>,
    Body(ask): Body<Assign>,
) -> Reply<Json<BreakView>> {
    Ok(Json(reconciliation::assign(&hospital.platform, &caller, id, ask).await?))
}

/// Which differences.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Only of this payer: id of its plugin.
    payer: Option<String>,
    /// Resolved ones, too; default `false`.
    #[serde(default)]
    all: bool,
}

/// Differences to the books of payers and the bank, the oldest first.
#[utoipa::path(
    get, path = "/api/v1/reconciliation/breaks", tag = "Reconciliation",
    params(Page),
    responses((status = 200, body = Vec<BreakView>), (status = "4XX", body = Problem)),
)]
pub async fn list_breaks(
    State(hospital): State<Hospital>,
    caller: Caller,
    Asked(Page { payer, all }): Asked<Page>,
) -> Reply<Json<Vec<BreakView>>> {
    Ok(Json(reconciliation::list_breaks(&hospital.platform, &caller, BreaksAsk { payer, all }).await?))
}

/// Compares what a payer owes by the ledger with its claim file, its remittances and the bank, claim by claim,
/// and books what arrived.
#[utoipa::path(
    post, path = "/api/v1/reconciliation", tag = "Reconciliation",
    request_body = NewReconciliation,
    responses((status = 200, body = ReconciliationView), (status = "4XX", body = Problem)),
)]
pub async fn reconcile(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<NewReconciliation>,
) -> Reply<Json<ReconciliationView>> {
    Ok(Json(reconciliation::reconcile(&hospital.extensions, &caller, ask).await?))
}

/// Resolves a difference, with a reason.
#[utoipa::path(
    post, path = "/api/v1/reconciliation/breaks/{id}/resolve", tag = "Reconciliation",
    params(("id" = String, Path, description = "`break-…`")),
    request_body = Resolve,
    responses((status = 200, body = BreakView), (status = "4XX", body = Problem)),
)]
pub async fn resolve(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<BreakId>,
    Body(ask): Body<Resolve>,
) -> Reply<Json<BreakView>> {
    Ok(Json(reconciliation::resolve(&hospital.platform, &caller, id, ask).await?))
}
