//! Settings of a tenant: its consent text, its formulary, what its province permits, how it reminds patients.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    canonical::Digest,
    code::Code,
    coding::{Coding, Quantity},
    encounter,
    enrolment::alert::Ladder,
    id::{AccountId, TenantId},
    money::Money,
    payer::LineKind,
    prescription::{DrugClass, LocalRules, Medicine, Product, Rules},
    pricing::Bounds,
    reminder,
    safety::Help,
    time::Instant,
};
use xinglin_store::{Store, TenantRow, TenantScope};

use crate::{AppError, AppResult, boxed};

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
    /// What a pharmacist added. It stays over uploads that leave the item what it is; what an
    /// upload says here is ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classification: Option<Classification>,
}

/// A pharmacist's classification of a medicine whose codes or ingredients were missing. It is added
/// to what the item says itself.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Classification {
    /// Codes of the product.
    #[schema(value_type = Vec<Object>)]
    pub codings: Vec<Coding>,
    /// Active ingredients.
    #[schema(value_type = Vec<Object>)]
    pub ingredients: Vec<Coding>,
    /// Legal categories.
    #[schema(value_type = Vec<String>)]
    pub classes: BTreeSet<DrugClass>,
    /// That it is no medicine, though its title has a form or a substance of medicines.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_medicine: bool,
    /// What it rests on, for example the number of approval and the date of the leaflet.
    pub basis: String,
    /// The pharmacist.
    #[schema(value_type = String)]
    pub by: AccountId,
    /// When, in microseconds since 1970.
    #[schema(value_type = i64)]
    pub at: Instant,
}

impl Item {
    /// The codings of the item and its classification, canonical.
    pub fn all_codings(&self) -> Vec<Coding> {
        merged(&self.codings, self.classification.as_ref().map_or(&[][..], |one| &one.codings))
    }

    /// The ingredients of the item and its classification, canonical.
    pub fn all_ingredients(&self) -> Vec<Coding> {
        merged(&self.ingredients, self.classification.as_ref().map_or(&[][..], |one| &one.ingredients))
    }

    /// The classes of the item and its classification.
    pub fn all_classes(&self) -> BTreeSet<DrugClass> {
        self.classes.iter().chain(self.classification.iter().flat_map(|one| &one.classes)).copied().collect()
    }

    /// Its identity for the rules.
    pub fn product(&self) -> Product {
        let (codings, ingredients) = (self.all_codings(), self.all_ingredients());
        let cleared = self.classification.as_ref().is_some_and(|one| one.no_medicine);
        Product::new(self.kind, &self.title, &codings, &ingredients, &self.all_classes()).cleared(cleared)
    }

    /// Whether another item of the same code is the same product: a classification holds for both.
    pub fn is_same_product(&self, other: &Self) -> bool {
        let same = |mine: &[Coding], theirs: &[Coding]| merged(mine, &[]) == merged(theirs, &[]);
        self.code == other.code
            && self.kind == other.kind
            && self.title == other.title
            && same(&self.codings, &other.codings)
            && same(&self.ingredients, &other.ingredients)
            && self.classes == other.classes
    }
}

/// The codings of both, canonical, each once.
fn merged(mine: &[Coding], more: &[Coding]) -> Vec<Coding> {
    let mut all: Vec<Coding> = Vec::with_capacity(mine.len() + more.len());
    for coding in mine.iter().chain(more).map(Coding::canonical) {
        if !all.iter().any(|known| known.same(&coding)) {
            all.push(coding);
        }
    }
    all
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
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The consent text in force.
    pub consent: String,
    /// The formulary.
    #[serde(default)]
    pub formulary: Vec<Item>,
    /// Checkers that were ever enabled, whatever became of them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub known_checkers: BTreeSet<String>,
    /// Checkers without whose verdict nobody signs, beside all that are enabled. If none are
    /// named: all that were ever enabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_checkers: Option<BTreeSet<String>>,
    /// To whom alerts climb that nobody acknowledges.
    #[serde(default)]
    pub escalation: Ladder,
    /// What is shown to a patient in danger.
    #[serde(default)]
    pub help: Help,
    /// When and how often patients are reminded of messages.
    #[serde(default)]
    pub reminders: reminder::Rules,
    /// What the province permits.
    #[serde(default)]
    pub prescribing: Prescribing,
    /// How long a quote may be confirmed, in minutes; [`QUOTE_MINUTES`] if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote_minutes: Option<u16>,
    /// What is allowed where money moves.
    #[serde(default)]
    pub money: MoneyRules,
}

/// What a hospital allows where money moves.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoneyRules {
    /// What a service may cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices: Option<Bounds>,
    /// Above it, what a person posts by hand is approved by another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub two_persons_above: Option<Money>,
}

/// How long a quote may be confirmed where the tenant says nothing, in minutes: a project default.
pub const QUOTE_MINUTES: u16 = 30;

/// What the province permits beyond the national rules, and who said so.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prescribing {
    /// The switches.
    #[serde(default)]
    pub local: LocalRules,
    /// The confirmation of the authority, if anything is permitted.
    #[serde(default)]
    pub confirmed: Option<Confirmed>,
}

/// The confirmation of a local authority, as it was entered.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmed {
    /// Authority, number and date of the document.
    pub document: String,
    /// Who entered it.
    pub by: AccountId,
    /// When.
    pub at: Instant,
}

impl Settings {
    /// The item that a line of a prescription was written from, if the formulary still has it.
    /// Prescriptions of earlier releases are matched by their codings.
    pub fn item_of(&self, medicine: &Medicine) -> Option<&Item> {
        let written = merged(&medicine.line.code, &[]);
        let is = |item: &&Item| {
            if medicine.item.is_empty() { merged(&item.codings, &[]) == written } else { item.code == medicine.item }
        };
        self.formulary.iter().find(is)
    }

    /// The hospital's rules of prescribing.
    ///
    /// # Errors
    /// If the embedded negative list cannot be parsed.
    pub fn rules(&self) -> AppResult<Rules> {
        Rules::with(self.prescribing.local).map_err(AppError::internal)
    }

    /// How long a quote may be confirmed, in minutes.
    pub fn quote_minutes(&self) -> u16 {
        self.quote_minutes.unwrap_or(QUOTE_MINUTES)
    }

    /// The hospital's rules for visits.
    pub fn encounter_rules(&self) -> encounter::Rules {
        encounter::Rules::new(Digest::of_bytes(self.consent.as_bytes()))
    }
}

/// The settings of a tenant, to be changed and [stored](put).
///
/// # Errors
/// `NOT_FOUND`.
#[boxed]
pub async fn of(store: &Store, tenant: TenantId) -> AppResult<(TenantRow, Settings)> {
    let mut row = store.tenant(tenant).profile().await?;
    let settings = serde_json::from_value(row.settings.take()).map_err(AppError::internal)?;
    Ok((row, settings))
}

/// Stores changed settings.
///
/// # Errors
/// `VERSION_CONFLICT` if they were changed meanwhile.
#[boxed]
pub async fn put(store: &Store, mut row: TenantRow, settings: &Settings, now: Instant) -> AppResult<()> {
    row.settings = serde_json::to_value(settings).map_err(AppError::internal)?;
    row.updated_at = now;
    let operator = store.operator().begin().await?;
    operator.update_tenant(&row).await?;
    Ok(operator.commit().await?)
}

/// The settings of the tenant.
///
/// # Errors
/// If the store fails.
pub async fn settings<E: xinglin_store::Executor>(records: &TenantScope<E>) -> AppResult<Settings> {
    let row = records.profile().await?;
    serde_json::from_value(row.settings).map_err(AppError::internal)
}
