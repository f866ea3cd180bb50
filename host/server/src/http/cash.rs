//! The patient's share in money: payments at channels and at the counter, notices, statements.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::{
    access::Action,
    id::{BillId, TenantId},
};
use xinglin_payment::cash::{
    self, CashView, ChannelView, DifferenceView, Explain, HandBack, Heard, NewChannel, OpenPayment, Opened,
    PayAtCounter, Reconciled, StatementIn,
};
use xinglin_platform::{AppError, Caller};

use crate::{
    Hospital,
    http::{
        access::{Access, allowed, by},
        extract::{Asked, At, Body, Raw},
        problem::{Problem, Reply},
    },
};

/// Who sees what is due of a bill: who reads it, and who takes the money.
const SEERS: Access = Access::By(&[
    Action::ReadRecords,
    Action::ReadOwnRecord,
    Action::ReadOpenedRecord,
    Action::CollectCash,
    Action::ResolveCharge,
]);

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(allowed(SEERS, routes!(get)))
        .routes(by(&Action::CollectCash, routes!(hand_back)))
        .routes(allowed(Access::Public, routes!(hear)))
        .routes(by(&Action::ManageCashChannels, routes!(list_channels)))
        .routes(by(&Action::ReconcileCash, routes!(list_differences)))
        .routes(by(&Action::PayCharge, routes!(open)))
        .routes(by(&Action::CollectCash, routes!(pay_at_counter)))
        .routes(by(&Action::ManageCashChannels, routes!(put_channel)))
        .routes(by(&Action::ReconcileCash, routes!(reconcile)))
        .routes(by(&Action::ReconcileCash, routes!(resolve_difference)))
}

/// What of a bill is due in money, what came in, and what goes back.
#[utoipa::path(
    get, path = "/api/v1/charges/{id}/payments", tag = "Cash",
    params(("id" = String, Path, description = "`bill-…`")),
    responses((status = 200, body = CashView), (status = "4XX", body = Problem)),
)]
pub async fn get(State(hospital): State<Hospital>, caller: Caller, At(id): At<BillId>) -> Reply<Json<CashView>> {
    Ok(Json(cash::get(&hospital.platform, &caller, id).await?))
}

/// A cashier records money that was handed back at the counter.
#[utoipa::path(
    post, path = "/api/v1/charges/{id}/payments/hand-back", tag = "Cash",
    params(("id" = String, Path, description = "`bill-…`")),
    request_body = HandBack,
    responses((status = 200, body = CashView), (status = "4XX", body = Problem)),
)]
pub async fn hand_back(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<BillId>,
    Body(ask): Body<HandBack>,
) -> Reply<Json<CashView>> {
    Ok(Json(cash::hand_back(&hospital.platform, &caller, id, ask).await?))
}

/// A notice of a payment channel, authenticated by the channel's signature: see its documentation.
#[utoipa::path(
    post, path = "/api/v1/cash/{tenant}/{channel}/notices", tag = "Cash",
    params(
        ("tenant" = String, Path, description = "`ten-…`"),
        ("channel" = String, Path, description = "`wechat-pay` or `alipay`"),
    ),
    request_body(content = String, content_type = "application/json", description = "as the channel sends it"),
    responses(
        (status = 200, description = "heard, of Alipay", content_type = "text/plain", body = String),
        (status = 204, description = "heard, of WeChat Pay"),
        (status = "4XX", body = Problem),
    ),
    security(()),
)]
pub async fn hear(
    State(hospital): State<Hospital>,
    At((tenant, channel)): At<(TenantId, String)>,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Reply<Response> {
    let text = |(name, value): (&header::HeaderName, &header::HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    let headers: Vec<(String, String)> = headers.iter().filter_map(text).collect();
    let Heard { status, body } = cash::hear(&hospital.platform, tenant, &channel, &headers, &body).await?;
    let status = StatusCode::from_u16(status).map_err(AppError::internal)?;
    Ok((status, body).into_response())
}

/// The payment channels of a tenant.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/cash-channels", tag = "Tenant",
    params(("tenant" = String, Path, description = "`ten-…`")),
    responses((status = 200, body = Vec<ChannelView>), (status = "4XX", body = Problem)),
)]
pub async fn list_channels(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
) -> Reply<Json<Vec<ChannelView>>> {
    Ok(Json(cash::list_channels(&hospital.platform, &caller, tenant).await?))
}

/// Which differences.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct DifferencePage {
    /// `open` (default), `agreed` or `explained`.
    state: Option<String>,
}

/// Where payment channels and the books differ, oldest first.
#[utoipa::path(
    get, path = "/api/v1/cash/differences", tag = "Cash",
    params(DifferencePage),
    responses((status = 200, body = Vec<DifferenceView>), (status = "4XX", body = Problem)),
)]
pub async fn list_differences(
    State(hospital): State<Hospital>,
    caller: Caller,
    Asked(page): Asked<DifferencePage>,
) -> Reply<Json<Vec<DifferenceView>>> {
    Ok(Json(cash::list_differences(&hospital.platform, &caller, page.state.as_deref()).await?))
}

/// The patient opens an order at a payment channel, or says that they pay at the counter.
#[utoipa::path(
    post, path = "/api/v1/charges/{id}/payments", tag = "Cash",
    params(("id" = String, Path, description = "`bill-…`")),
    request_body = OpenPayment,
    responses((status = 201, body = Opened), (status = "4XX", body = Problem), (status = 503, body = Problem)),
)]
pub async fn open(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<BillId>,
    Body(ask): Body<OpenPayment>,
) -> Reply<(StatusCode, Json<Opened>)> {
    Ok((StatusCode::CREATED, Json(cash::open(&hospital.platform, &caller, id, ask).await?)))
}

/// A cashier records money that was taken at the counter.
#[utoipa::path(
    post, path = "/api/v1/charges/{id}/payments/counter", tag = "Cash",
    params(("id" = String, Path, description = "`bill-…`")),
    request_body = PayAtCounter,
    responses((status = 200, body = CashView), (status = "4XX", body = Problem), (status = 503, body = Problem)),
)]
pub async fn pay_at_counter(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<BillId>,
    Body(ask): Body<PayAtCounter>,
) -> Reply<Json<CashView>> {
    Ok(Json(cash::pay_at_counter(&hospital.platform, &caller, id, ask).await?))
}

/// Sets up a payment channel of a tenant: its merchant, its keys, and whether patients may pay by it.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/cash-channels/{channel}", tag = "Tenant",
    params(
        ("tenant" = String, Path, description = "`ten-…`"),
        ("channel" = String, Path, description = "`wechat-pay` or `alipay`"),
    ),
    request_body = NewChannel,
    responses((status = 200, body = ChannelView), (status = "4XX", body = Problem)),
)]
pub async fn put_channel(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, channel)): At<(TenantId, String)>,
    Body(ask): Body<NewChannel>,
) -> Reply<Json<ChannelView>> {
    Ok(Json(cash::put_channel(&hospital.platform, &caller, tenant, &channel, ask).await?))
}

/// Compares a day of a payment channel, fetched or uploaded, with the books.
#[utoipa::path(
    post, path = "/api/v1/cash/statements", tag = "Cash",
    request_body = StatementIn,
    responses((status = 200, body = Reconciled), (status = "4XX", body = Problem), (status = 503, body = Problem)),
)]
pub async fn reconcile(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<StatementIn>,
) -> Reply<Json<Reconciled>> {
    Ok(Json(cash::reconcile(&hospital.platform, &caller, ask).await?))
}

/// A person of the accounts says what a difference was.
#[utoipa::path(
    post, path = "/api/v1/cash/differences/{id}/resolve", tag = "Cash",
    params(("id" = String, Path, description = "`diff-…`")),
    request_body = Explain,
    responses((status = 200, body = DifferenceView), (status = "4XX", body = Problem)),
)]
pub async fn resolve_difference(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<String>,
    Body(ask): Body<Explain>,
) -> Reply<Json<DifferenceView>> {
    Ok(Json(cash::resolve_difference(&hospital.platform, &caller, &id, ask).await?))
}
