use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    capitation::{
        Share,
        year::{Accrual, End, Measured, Year},
    },
    coding::{Citation, Decimal},
    id::AccountId,
    ledger::Period as Month,
    money::Money,
    time::Instant,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};

use super::{Lead, contract_of, year_of};

/// The account of a lead for a year.
#[derive(Serialize, ToSchema)]
pub struct YearView {
    /// The plugin of the scheme.
    pub plugin: String,
    /// Id of the lead.
    pub lead: String,
    /// The year, of the calendar of Asia/Shanghai.
    pub year: i16,
    /// `open` or `closed`.
    pub status: &'static str,
    /// The last month whose members were counted.
    #[schema(value_type = Option<String>)]
    pub counted_to: Option<Month>,
    /// By month, oldest first.
    pub accruals: Vec<AccrualView>,
    /// The budget of all months so far.
    #[schema(value_type = i64)]
    pub budget_fen: Money,
    /// What of it is to be paid in advance.
    #[schema(value_type = i64)]
    pub prepayment_fen: Money,
    /// What was paid in advance.
    #[schema(value_type = i64)]
    pub prepaid_fen: Money,
    /// What was charged.
    #[schema(value_type = i64)]
    pub used_fen: Money,
    /// Budget less use: below zero on an overrun.
    #[schema(value_type = i64)]
    pub balance_fen: i128,
    /// The indicators, with their sources.
    pub indicators: Vec<IndicatorView>,
    /// The score, once indicators are entered.
    pub score: Option<ScoreView>,
    /// How it ended, once it is closed.
    pub end: Option<EndView>,
}

/// The budget as of the end of a month.
#[derive(Serialize, ToSchema)]
pub struct AccrualView {
    /// The month.
    #[schema(value_type = String)]
    pub month: Month,
    /// Member-months of the year so far, by class.
    pub member_months: Vec<ClassMonths>,
    /// Their budget.
    #[schema(value_type = i64)]
    pub budget_fen: Money,
    /// What of it is to be paid in advance.
    #[schema(value_type = i64)]
    pub prepayment_fen: Money,
}

/// Member-months of a risk class.
#[derive(Serialize, ToSchema)]
pub struct ClassMonths {
    /// Code of the class.
    pub class: String,
    /// How many.
    pub months: u32,
}

/// An indicator.
#[derive(Serialize, ToSchema)]
pub struct IndicatorView {
    /// Its code.
    pub code: String,
    /// Members of whom it is true.
    pub numerator: u32,
    /// Members who count.
    pub denominator: u32,
    /// Where the figures come from.
    pub source: String,
    /// Who entered them.
    #[schema(value_type = String)]
    pub by: AccountId,
}

/// The score of a year.
#[derive(Serialize, ToSchema)]
pub struct ScoreView {
    /// 0 to 100.
    #[schema(value_type = String)]
    pub total: Decimal,
    /// By indicator.
    pub points: Vec<PointsView>,
    /// The source of the rule.
    #[schema(value_type = Object)]
    pub citation: Citation,
}

/// Points for one indicator.
#[derive(Serialize, ToSchema)]
pub struct PointsView {
    /// Its code.
    pub code: String,
    /// Earned.
    #[schema(value_type = String)]
    pub points: Decimal,
    /// The most there are.
    #[schema(value_type = String)]
    pub maximum: Decimal,
}

/// How a year ended.
#[derive(Serialize, ToSchema)]
pub struct EndView {
    /// Surplus that is kept.
    #[schema(value_type = i64)]
    pub kept_fen: Money,
    /// Surplus that is returned.
    #[schema(value_type = i64)]
    pub returned_fen: Money,
    /// Overrun that the fund takes on.
    #[schema(value_type = i64)]
    pub fund_bears_fen: Money,
    /// Overrun that the provider takes on.
    #[schema(value_type = i64)]
    pub provider_bears_fen: Money,
    /// The balancing payment of the fund; below zero if the provider pays.
    #[schema(value_type = i64)]
    pub payable_fen: Money,
    /// How the kept surplus is divided.
    pub shares: Vec<ShareView>,
    /// The source of the rule.
    #[schema(value_type = Object)]
    pub citation: Citation,
    /// Who closed it.
    #[schema(value_type = String)]
    pub by: AccountId,
    /// When, in microseconds since 1970.
    #[schema(value_type = i64)]
    pub at: Instant,
    /// The bank slip of the balancing payment.
    pub slip: Option<String>,
}

/// A part of the kept surplus.
#[derive(Serialize, ToSchema)]
pub struct ShareView {
    /// `lead`, `partners` or `team`.
    pub code: String,
    /// How much.
    #[schema(value_type = i64)]
    pub fen: Money,
}

/// The account of a year.
///
/// # Errors
/// `NOT_FOUND` if there is no such contract.
#[boxed]
pub async fn get_year(platform: &Platform, caller: &Caller, (lead, number): (Lead, i16)) -> AppResult<YearView> {
    caller.may(Action::ReadCapitation)?;
    let records = platform.records(caller);
    contract_of(&records, &lead).await?;
    let (_, year) = year_of(&records, &lead, number, caller.now).await?;
    Ok(view(lead, &year))
}

/// The accounts of all leads, newest first.
///
/// # Errors
/// If the store fails.
#[boxed]
pub async fn list_years(platform: &Platform, caller: &Caller) -> AppResult<Vec<YearView>> {
    caller.may(Action::ReadCapitation)?;
    let rows = platform.records(caller).list_capitation_years().await?;
    rows.into_iter()
        .map(|row| {
            let year = Year::deserialize(&row.body).map_err(AppError::internal)?;
            Ok(view(Lead { plugin: row.plugin, lead: row.lead }, &year))
        })
        .collect()
}

pub(super) fn view(Lead { plugin, lead }: Lead, year: &Year) -> YearView {
    let accrual = |Accrual { month, member_months, budget }: &Accrual| AccrualView {
        month: *month,
        member_months: member_months
            .iter()
            .map(|of| ClassMonths { class: of.risk_class.code.clone(), months: of.months })
            .collect(),
        budget_fen: budget.amount,
        prepayment_fen: budget.prepayment,
    };
    let indicator = |Measured { indicator, source, by, .. }: &Measured| IndicatorView {
        code: indicator.code.clone(),
        numerator: indicator.numerator,
        denominator: indicator.denominator,
        source: source.clone(),
        by: *by,
    };
    let score = year.quality().map(|quality| ScoreView {
        total: quality.total,
        points: quality
            .points
            .iter()
            .map(|of| PointsView { code: of.code.clone(), points: of.points, maximum: of.maximum })
            .collect(),
        citation: quality.citation.clone(),
    });
    YearView {
        plugin,
        lead,
        year: year.number(),
        status: if year.end().is_some() { "closed" } else { "open" },
        counted_to: year.counted(),
        accruals: year.accruals().iter().map(accrual).collect(),
        budget_fen: year.budget(),
        prepayment_fen: year.prepayment(),
        prepaid_fen: year.prepaid(),
        used_fen: year.used(),
        balance_fen: i128::from(year.budget().as_fen()) - i128::from(year.used().as_fen()),
        indicators: year.measured().iter().map(indicator).collect(),
        score,
        end: year.end().map(end),
    }
}

fn end(End { closing, by, at, slip }: &End) -> EndView {
    let share = |share: &Share| ShareView { code: share.code.clone(), fen: share.amount };
    EndView {
        kept_fen: closing.kept,
        returned_fen: closing.returned,
        fund_bears_fen: closing.fund_bears,
        provider_bears_fen: closing.provider_bears,
        payable_fen: closing.payable,
        shares: closing.shares.iter().map(share).collect(),
        citation: closing.citation.clone(),
        by: *by,
        at: *at,
        slip: slip.clone(),
    }
}
