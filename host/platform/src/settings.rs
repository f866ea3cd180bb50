//! What a tenant has set: its consent text and what it sells.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    canonical::Digest,
    code::Code,
    coding::{Coding, Quantity},
    encounter,
    id::TenantId,
    money::Money,
    payer::LineKind,
    prescription::DrugClass,
};
use xinglin_store::TenantScope;

use crate::{AppError, AppResult};

/// The item that a visit is charged as.
pub const FOLLOW_UP_VISIT: &str = "follow-up-visit";

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

impl Settings {
    /// An item by the hospital's code.
    pub fn item(&self, code: &str) -> AppResult<&Item> {
        self.formulary
            .iter()
            .find(|item| item.code == code)
            .ok_or_else(|| AppError::new(Code::BodyInvalid, format!("`{code}` is not in this hospital's formulary")))
    }
}

/// The tenant of those who run the platform. It has no records.
pub const PLATFORM: TenantId = TenantId::from_u128(0);

/// What a tenant has set, as kept with it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The consent text in force.
    pub consent: String,
    /// What it sells.
    #[serde(default)]
    pub formulary: Vec<Item>,
}

impl Settings {
    /// The hospital's rules for visits.
    pub fn encounter_rules(&self) -> encounter::Rules {
        encounter::Rules::new(Digest::of_bytes(self.consent.as_bytes()))
    }
}

/// What the tenant of these records has set.
///
/// # Errors
/// If the store fails.
pub async fn settings<E: xinglin_store::Executor>(records: &TenantScope<E>) -> AppResult<Settings> {
    let row = records.profile().await?;
    serde_json::from_value(row.settings).map_err(AppError::internal)
}
