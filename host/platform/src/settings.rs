//! Settings of a tenant: its consent text and its formulary.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    canonical::Digest,
    code::Code,
    coding::{Coding, Quantity},
    encounter,
    enrolment::alert::Ladder,
    id::TenantId,
    money::Money,
    payer::LineKind,
    prescription::DrugClass,
};
use xinglin_store::TenantScope;

use crate::{AppError, AppResult};

/// Code of the item that a visit is charged as.
pub const FOLLOW_UP_VISIT: &str = "follow-up-visit";

/// An item of the formulary.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// The hospital's own code, unique in its formulary.
    pub code: String,
    /// Title for people.
    pub title: String,
    /// `service`, `medicine`, `material` or `other`.
    #[schema(value_type = String)]
    pub kind: LineKind,
    /// Codes for payers and checkers.
    #[schema(value_type = Vec<Object>)]
    pub codings: Vec<Coding>,
    /// Active ingredients of a medicine.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub ingredients: Vec<Coding>,
    /// Price of one unit (a pack, a visit), in fen.
    #[schema(value_type = i64)]
    pub price_fen: Money,
    /// Content of a pack of medicine, in the unit of doses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub pack: Option<Quantity>,
    /// Legal categories of the medicine, for example `injection`.
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

/// The tenant of the platform's operators. It has no records.
pub const PLATFORM: TenantId = TenantId::from_u128(0);

/// Settings of a tenant, as stored with it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The consent text in force.
    pub consent: String,
    /// The formulary.
    #[serde(default)]
    pub formulary: Vec<Item>,
    /// To whom alerts climb that nobody acknowledges.
    #[serde(default)]
    pub escalation: Ladder,
}

impl Settings {
    /// The hospital's rules for visits.
    pub fn encounter_rules(&self) -> encounter::Rules {
        encounter::Rules::new(Digest::of_bytes(self.consent.as_bytes()))
    }
}

/// The settings of the tenant.
///
/// # Errors
/// If the store fails.
pub async fn settings<E: xinglin_store::Executor>(records: &TenantScope<E>) -> AppResult<Settings> {
    let row = records.profile().await?;
    serde_json::from_value(row.settings).map_err(AppError::internal)
}
