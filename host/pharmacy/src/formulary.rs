//! The formulary of a hospital: items with codes, ingredients and prices. Requests name an
//! item; its codes, ingredients and prices are taken from the formulary, never from the
//! caller.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{access::Action, code::Code, id::TenantId, money::Money, payer::LineKind};
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, boxed,
    settings::{self, Item, settings},
};

/// The highest price there is, a hundred million yuan: far below where the sums
/// of a hospital's books would no longer fit.
const DEAREST: Money = Money::fen(10_000_000_000);

/// All that a hospital sells.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Formulary {
    /// Its items.
    pub items: Vec<Item>,
}

/// Replaces a hospital's formulary. What was billed before stays as it was.
///
/// # Errors
/// If an item is not whole, or two have the same code.
#[boxed]
pub async fn put(platform: &Platform, caller: &Caller, tenant: TenantId, formulary: Formulary) -> AppResult<Formulary> {
    caller.may_in(tenant, Action::ManageCatalogue)?;
    let mut codes = BTreeSet::new();
    for (at, item) in formulary.items.iter().enumerate() {
        let wrong = |what: &str| {
            let detail = format!("items[{at}] `{}`: {what}", item.code);
            Err(AppError::new(Code::BodyInvalid, detail).with("path", format!("items[{at}]")))
        };
        if item.code.trim().is_empty() || !codes.insert(&item.code) {
            return wrong("needs a code of its own");
        }
        if item.codings.is_empty() {
            return wrong("needs at least one coding");
        }
        if item.price_fen.non_negative().is_err() || item.price_fen > DEAREST {
            let detail = format!("items[{at}].price_fen: 0 to {}", DEAREST.as_fen());
            return Err(AppError::new(Code::MoneyInvalid, detail));
        }
        if item.kind == LineKind::Medicine && item.pack.is_none() {
            return wrong("a medicine needs the content of its `pack`");
        }
    }
    settings::change(platform, tenant, caller.now, |settings| {
        settings.formulary.clone_from(&formulary.items);
        Ok(())
    })
    .await?;
    Ok(formulary)
}

/// What the caller's hospital sells.
///
/// # Errors
/// If the store fails.
#[boxed]
pub async fn get(platform: &Platform, caller: &Caller) -> AppResult<Formulary> {
    Ok(Formulary { items: settings(&platform.records(caller)).await?.formulary })
}
