//! What a hospital sells: its items with codes and prices. Whoever prescribes or
//! buys names an item; codes, ingredients and prices come from here, never from
//! the caller.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    coding::{Coding, Quantity},
    id::TenantId,
    money::Money,
    payer::LineKind,
    prescription::DrugClass,
};

use super::{
    AppError, AppResult, Caller, Hospital,
    tenant::{Settings, settings},
};

/// The item that a visit is charged as.
pub const FOLLOW_UP_VISIT: &str = "follow-up-visit";

/// The highest price there is, a hundred million yuan: far below where the sums
/// of a hospital's books would no longer fit.
const DEAREST: Money = Money::fen(10_000_000_000);

/// One item.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// The hospital's own code, unique in its formulary.
    pub code: String,
    /// For people.
    pub title: String,
    /// `service`, `medicine`, `material` or `other`.
    #[schema(value_type = String)]
    pub kind: LineKind,
    /// What payers and checkers know it by.
    #[schema(value_type = Vec<Object>)]
    pub codings: Vec<Coding>,
    /// Active ingredients of a medicine.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub ingredients: Vec<Coding>,
    /// Price of one: a pack, a visit. In fen.
    #[schema(value_type = i64)]
    pub price_fen: Money,
    /// Content of a pack of medicine, in the unit that doses are given in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub pack: Option<Quantity>,
    /// What the law calls the medicine, for example `injection`.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub classes: BTreeSet<DrugClass>,
}

/// All that a hospital sells.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Formulary {
    /// Its items.
    pub items: Vec<Item>,
}

impl Settings {
    /// An item by the hospital's code.
    pub fn item(&self, code: &str) -> AppResult<&Item> {
        self.formulary
            .iter()
            .find(|item| item.code == code)
            .ok_or_else(|| AppError::new(Code::BodyInvalid, format!("`{code}` is not in this hospital's formulary")))
    }
}

impl Hospital {
    /// Replaces a hospital's formulary. What was billed before stays as it was.
    ///
    /// # Errors
    /// If an item is not whole, or two have the same code.
    pub async fn put_formulary(&self, caller: &Caller, tenant: TenantId, formulary: Formulary) -> AppResult<Formulary> {
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
        let operator = self.store().operator().begin().await?;
        let mut row = operator.get_tenant(tenant).await?;
        let mut settings: Settings = serde_json::from_value(row.settings).map_err(AppError::internal)?;
        settings.formulary.clone_from(&formulary.items);
        row.settings = serde_json::to_value(settings).map_err(AppError::internal)?;
        row.updated_at = caller.now;
        operator.update_tenant(&row).await?;
        operator.commit().await?;
        Ok(formulary)
    }

    /// What the caller's hospital sells.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn get_formulary(&self, caller: &Caller) -> AppResult<Formulary> {
        Ok(Formulary { items: settings(&self.records(caller)).await?.formulary })
    }
}
