use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    capitation::Place,
    id::BillId,
    money::Money,
    time::{Day, Instant},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_store::CapitationUse;

use super::{Lead, contract_of};

/// Most rows of a page.
const MOST: u32 = 500;

/// Which uses.
#[derive(Debug, Clone)]
pub struct UsePage {
    /// Only after the one with this key.
    pub after: Option<String>,
    /// Maximum number.
    pub limit: u32,
}

/// What was charged to a year, or taken off it.
#[derive(Serialize, ToSchema)]
pub struct UseView {
    /// The bill, its reversal (`…/back`), or the statement.
    pub key: String,
    /// The year that it is charged to.
    pub year: i64,
    /// The bill, if it is of one.
    #[schema(value_type = Option<String>)]
    pub bill: Option<BillId>,
    /// Id of the institution.
    pub institution: String,
    /// `lead`, `partner`, `referred` or `elsewhere`.
    #[schema(value_type = String)]
    pub place: Place,
    /// The day of service.
    #[schema(value_type = String)]
    pub served_on: Day,
    /// The fund's share; below zero if it was taken back.
    #[schema(value_type = i64)]
    pub fund_fen: Money,
    /// What of it is charged.
    #[schema(value_type = i64)]
    pub charged_fen: Money,
    /// The document, of a statement.
    pub source: Option<String>,
}

/// What was charged to a year, by key.
///
/// # Errors
/// `NOT_FOUND` if there is no such contract.
#[boxed]
pub async fn list_uses(
    platform: &Platform,
    caller: &Caller,
    (lead, year): (Lead, i16),
    page: UsePage,
) -> AppResult<Vec<UseView>> {
    caller.may(Action::ReadCapitation)?;
    let records = platform.records(caller);
    contract_of(&records, &lead).await?;
    let after = page.after.unwrap_or_default();
    let rows = records.list_capitation_uses(lead.key(), year, &after, page.limit.clamp(1, MOST)).await?;
    rows.into_iter().map(view).collect()
}

pub(super) fn view(used: CapitationUse) -> AppResult<UseView> {
    let body = used.body;
    let served_at = body["served_at"].as_i64().map_or(used.at, Instant::from_micros);
    Ok(UseView {
        key: used.key,
        year: used.year,
        bill: used.bill,
        institution: body["institution"].as_str().unwrap_or_default().to_owned(),
        place: serde_json::from_value(body["place"].clone()).map_err(AppError::internal)?,
        served_on: Day::of(served_at),
        fund_fen: used.fund,
        charged_fen: used.charged,
        source: body["source"].as_str().map(str::to_owned),
    })
}
