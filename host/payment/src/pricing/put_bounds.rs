use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{access::Action, code::Code, id::TenantId, money::Money, pricing::Bounds};
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, boxed,
    settings::{self, MoneyRules},
};

/// What a hospital allows where money moves.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BoundsView {
    /// The least that a service may cost, unless a package holds it; no bounds if left out.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    pub least_price_fen: Option<Money>,
    /// The most.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    pub most_price_fen: Option<Money>,
    /// Above it, what one accountant posts by hand counts once another has approved it; without a limit
    /// if left out.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    pub two_persons_above_fen: Option<Money>,
}

/// Sets the bounds of prices, and the amount above which two persons post.
///
/// # Errors
/// `MONEY_INVALID` below zero, or if the least is above the most.
#[boxed]
pub async fn put_bounds(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    ask: BoundsView,
) -> AppResult<BoundsView> {
    caller.may_in(tenant, Action::ManageCatalogue)?;
    let BoundsView { least_price_fen: least, most_price_fen: most, two_persons_above_fen: above } = ask;
    let negative = [least, most, above].into_iter().flatten().any(|amount| amount < Money::ZERO);
    if negative || least.zip(most).is_some_and(|(least, most)| least > most) {
        return Err(AppError::new(Code::MoneyInvalid, "none is below zero, and the least is not above the most"));
    }
    let (row, mut all) = settings::of(platform.store(), tenant).await?;
    let prices = (least.is_some() || most.is_some())
        .then(|| Bounds { least: least.unwrap_or(Money::ZERO), most: most.unwrap_or(Money::fen(i64::MAX)) });
    all.money = MoneyRules { prices, two_persons_above: above };
    settings::put(platform.store(), row, &all, caller.now).await?;
    Ok(ask)
}
