//! The ledger.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::{
    access::Action,
    code::Code,
    id::TransactionId,
    ledger::{By, Period},
    time::Day,
};
use xinglin_payment::ledger::{
    self, Close, Correct, Format, Journal, JournalAsk, Judge, NewPosting, PeriodView, Statement, StatementAsk,
    TransactionView, TrialBalance,
};
use xinglin_platform::{AppError, AppResult, Caller};

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
        .routes(by(&Action::ApproveLedger, routes!(approve)))
        .routes(by(&Action::CloseLedger, routes!(close_period)))
        .routes(by(&Action::CorrectLedger, routes!(correct)))
        .routes(by(&Action::ReadLedger, routes!(export)))
        .routes(by(&Action::ReadLedger, routes!(list_drafts)))
        .routes(by(&Action::ReadLedger, routes!(list_periods)))
        .routes(by(&Action::ReadLedger, routes!(list_transactions)))
        .routes(by(&Action::PostLedger, routes!(post)))
        .routes(by(&Action::ApproveLedger, routes!(reject)))
        .routes(by(&Action::ReadLedger, routes!(statement)))
        .routes(by(&Action::ReadLedger, routes!(trial_balance)))
}

/// Approves what another accountant has posted above the limit for one person: it counts from now on.
#[utoipa::path(
    post, path = "/api/v1/ledger/drafts/{id}/approve", tag = "Ledger",
    params(("id" = String, Path, description = "`txn-…`")),
    responses((status = 200, body = TransactionView), (status = "4XX", body = Problem)),
)]
pub async fn approve(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<TransactionId>,
) -> Reply<Json<TransactionView>> {
    Ok(Json(ledger::approve(&hospital.platform, &caller, id).await?))
}

/// Closes the books of a month that is over, for ever. Refused (`LEDGER_NOT_CLOSABLE`) with the `bills`
/// that stand in the way, or (`RECON_BREAK`) with the open `differences` of payment channels.
#[utoipa::path(
    post, path = "/api/v1/ledger/periods", tag = "Ledger",
    request_body = Close,
    responses((status = 201, body = PeriodView), (status = "4XX", body = Problem)),
)]
pub async fn close_period(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<Close>,
) -> Reply<(StatusCode, Json<PeriodView>)> {
    Ok((StatusCode::CREATED, Json(ledger::close_period(&hospital.platform, &caller, ask).await?)))
}

/// Takes a transaction back by a linked contra entry.
#[utoipa::path(
    post, path = "/api/v1/ledger/transactions/{id}/correct", tag = "Ledger",
    params(("id" = String, Path, description = "`txn-…`")),
    request_body = Correct,
    responses((status = 201, body = TransactionView), (status = "4XX", body = Problem)),
)]
pub async fn correct(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<TransactionId>,
    Body(ask): Body<Correct>,
) -> Reply<(StatusCode, Json<TransactionView>)> {
    Ok((StatusCode::CREATED, Json(ledger::correct(&hospital.platform, &caller, id, ask).await?)))
}

/// The file.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct FileAsk {
    /// What the lines are: `payer`, `day`, `doctor`, `account`, `income` or `channel`.
    by: String,
    /// The first business day: `2026-11-01`.
    from: String,
    /// The last business day.
    to: String,
    /// `json` (in fen), `csv` or `xlsx` (in yuan).
    #[param(value_type = String)]
    format: Format,
}

/// A statement as a file, whole: JSON, CSV or XLSX.
#[utoipa::path(
    get, path = "/api/v1/ledger/statement/export", tag = "Ledger",
    params(FileAsk),
    responses(
        (status = 200, content(
            (Statement = "application/json"), (String = "text/csv"),
            (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        )),
        (status = "4XX", body = Problem),
    ),
)]
pub async fn export(State(hospital): State<Hospital>, caller: Caller, Asked(file): Asked<FileAsk>) -> Reply<Response> {
    let ask = asked(&file.by, &file.from, &file.to)?;
    let file = ledger::export(&hospital.platform, &caller, ask, file.format).await?;
    let headers = [
        (header::CONTENT_TYPE, file.content_type.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", file.name)),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::CACHE_CONTROL, "private, no-store".to_owned()),
    ];
    Ok((headers, file.bytes).into_response())
}

/// What one accountant has posted above the limit for one person, and another is to approve.
#[utoipa::path(
    get, path = "/api/v1/ledger/drafts", tag = "Ledger",
    responses((status = 200, body = Vec<TransactionView>), (status = "4XX", body = Problem)),
)]
pub async fn list_drafts(State(hospital): State<Hospital>, caller: Caller) -> Reply<Json<Vec<TransactionView>>> {
    Ok(Json(ledger::list_drafts(&hospital.platform, &caller).await?))
}

/// The page of the journal. All conditions must hold.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct JournalPage {
    /// From this business day on: `2026-11-01`.
    from: Option<String>,
    /// Until this one.
    to: Option<String>,
    /// Of this kind: `settlement`, `remittance`, `contra`, …
    kind: Option<String>,
    /// Of this payer: the id of a plugin.
    payer: Option<String>,
    /// Of this doctor: `acc-…`.
    doctor: Option<String>,
    /// Of this bill: `bill-…`.
    bill: Option<String>,
    /// With a posting to this account.
    account: Option<String>,
    /// With exactly this reason; of what was sold it is the purchase: `buy-…`.
    reason: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// Maximum number; default 100, at most 500.
    limit: Option<u32>,
}

/// The journal, newest first.
#[utoipa::path(
    get, path = "/api/v1/ledger/transactions", tag = "Ledger",
    params(JournalPage),
    responses((status = 200, body = Journal), (status = "4XX", body = Problem)),
)]
pub async fn list_transactions(
    State(hospital): State<Hospital>,
    caller: Caller,
    Asked(page): Asked<JournalPage>,
) -> Reply<Json<Journal>> {
    let JournalPage { from, to, kind, payer, doctor, bill, account, reason, after, limit } = page;
    let ask = JournalAsk {
        from: from.map(|text| parsed("from", &text)).transpose()?,
        to: to.map(|text| parsed("to", &text)).transpose()?,
        kind,
        payer,
        doctor: doctor.map(|text| parsed("doctor", &text)).transpose()?,
        bill: bill.map(|text| parsed("bill", &text)).transpose()?,
        account: account.map(|text| parsed("account", &text)).transpose()?,
        reason,
        after,
        limit: limit.unwrap_or(100),
    };
    Ok(Json(ledger::list_transactions(&hospital.platform, &caller, ask).await?))
}

/// The page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct PeriodPage {
    /// Only months before this one: `2026-11`.
    before: Option<String>,
    /// Maximum number; default 24, at most 120.
    limit: Option<u32>,
}

/// Closed months, newest first.
#[utoipa::path(
    get, path = "/api/v1/ledger/periods", tag = "Ledger",
    params(PeriodPage),
    responses((status = 200, body = Vec<PeriodView>), (status = "4XX", body = Problem)),
)]
pub async fn list_periods(
    State(hospital): State<Hospital>,
    caller: Caller,
    Asked(page): Asked<PeriodPage>,
) -> Reply<Json<Vec<PeriodView>>> {
    let before = page.before.map(|text| parsed::<Period>("before", &text)).transpose()?;
    Ok(Json(ledger::list_periods(&hospital.platform, &caller, before, page.limit.unwrap_or(24)).await?))
}

/// Posts a transaction: a remittance, write-off, prepayment, fee or adjustment. Above the hospital's limit for one
/// person it is `waiting` until another accountant approves it.
#[utoipa::path(
    post, path = "/api/v1/ledger/transactions", tag = "Ledger",
    request_body = NewPosting,
    responses((status = 201, body = TransactionView), (status = "4XX", body = Problem)),
)]
pub async fn post(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(new): Body<NewPosting>,
) -> Reply<(StatusCode, Json<TransactionView>)> {
    Ok((StatusCode::CREATED, Json(ledger::post(&hospital.platform, &caller, new).await?)))
}

/// Rejects what waits for approval: it never counts.
#[utoipa::path(
    post, path = "/api/v1/ledger/drafts/{id}/reject", tag = "Ledger",
    params(("id" = String, Path, description = "`txn-…`")),
    request_body = Judge,
    responses((status = 204), (status = "4XX", body = Problem)),
)]
pub async fn reject(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<TransactionId>,
    Body(ask): Body<Judge>,
) -> Reply<StatusCode> {
    ledger::reject(&hospital.platform, &caller, id, ask).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The statement.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// What the lines are: `payer`, `day`, `doctor`, `account`, `income` or `channel`.
    by: String,
    /// The first business day: `2026-11-01`.
    from: String,
    /// The last business day.
    to: String,
    /// Only lines after the one with this key.
    after: Option<String>,
    /// Maximum number of lines; default 200, at most 1000.
    limit: Option<u32>,
}

/// What payers, business days, doctors, accounts or channels come to. Refunds and reversals are in the day on
/// which they happen.
#[utoipa::path(
    get, path = "/api/v1/ledger/statement", tag = "Ledger",
    params(Page),
    responses((status = 200, body = Statement), (status = "4XX", body = Problem)),
)]
pub async fn statement(
    State(hospital): State<Hospital>,
    caller: Caller,
    Asked(page): Asked<Page>,
) -> Reply<Json<Statement>> {
    let ask = asked(&page.by, &page.from, &page.to)?;
    let ask = StatementAsk { after: page.after, limit: page.limit.unwrap_or(ask.limit), ..ask };
    Ok(Json(ledger::statement(&hospital.platform, &caller, ask).await?))
}

/// The moment.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct AsOf {
    /// At the end of this business day, `2026-11-30`; default: now.
    as_of: Option<String>,
}

/// The balance of every account of the caller's hospital.
#[utoipa::path(
    get, path = "/api/v1/ledger/trial-balance", tag = "Ledger",
    params(AsOf),
    responses((status = 200, body = TrialBalance), (status = "4XX", body = Problem)),
)]
pub async fn trial_balance(
    State(hospital): State<Hospital>,
    caller: Caller,
    Asked(AsOf { as_of }): Asked<AsOf>,
) -> Reply<Json<TrialBalance>> {
    let as_of = as_of.map(|text| parsed::<Day>("as_of", &text)).transpose()?;
    Ok(Json(ledger::trial_balance(&hospital.platform, &caller, as_of).await?))
}

fn asked(by: &str, from: &str, to: &str) -> AppResult<StatementAsk> {
    let unknown = |()| {
        AppError::new(Code::BodyInvalid, "by: `payer`, `day`, `doctor`, `account`, `income` or `channel`")
            .with("path", "by")
    };
    let (by, from, to) = (by.parse::<By>().map_err(unknown)?, parsed("from", from)?, parsed("to", to)?);
    Ok(StatementAsk { by, from, to, after: None, limit: 200 })
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(field: &str, text: &str) -> AppResult<T> {
    text.parse().map_err(|error| AppError::new(Code::BodyInvalid, format!("{field}: {error}")).with("path", field))
}
