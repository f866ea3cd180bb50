use std::collections::BTreeSet;

use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{access::Action, code::Code, coding::Coding, payer::LineKind, prescription::DrugClass};
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, boxed,
    settings::{self, Classification, Item},
};

use super::check_codings;

/// What a medicine is, by a pharmacist, or that an item is none.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Classify {
    /// Code of the item.
    pub item: String,
    /// Codes of the product that the item lacks: ATC of the fourth level or deeper, or NHSA.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub codings: Vec<Coding>,
    /// Active ingredients that the item lacks.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub ingredients: Vec<Coding>,
    /// Legal categories that the item lacks.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub classes: BTreeSet<DrugClass>,
    /// That an item of another kind is no medicine, though its title has a form or a substance of
    /// medicines: a food supplement, a device. It then has no codes, ingredients or categories.
    #[serde(default)]
    pub no_medicine: bool,
    /// What it rests on, for example the number of approval and the date of the leaflet.
    pub basis: String,
}

/// Adds to an item of the caller's hospital what it is. It takes nothing away: what the item itself
/// says still counts. An earlier classification is replaced.
///
/// # Errors
/// `RX_REASON_REQUIRED` without a basis; `BODY_INVALID` if the item is no medicine and not said to be
/// none, or would still lack codes, ingredients or a form; `RX_FORBIDDEN_DRUG`, `FORMULARY_KIND` if
/// what is said to be none certainly is one.
#[boxed]
pub async fn classify(platform: &Platform, caller: &Caller, classify: Classify) -> AppResult<Item> {
    caller.trail.asked();
    caller.may(Action::ClassifyMedicine)?;
    let Classify { item: code, codings, ingredients, classes, no_medicine, basis } = classify;
    if basis.trim().is_empty() {
        return Err(AppError::new(Code::RxReasonRequired, "basis: what the classification rests on"));
    }
    check_codings(codings.iter().chain(&ingredients))?;
    let tenant = caller.actor.tenant;
    let (row, mut settings) = settings::of(platform.store(), tenant).await?;
    let rules = settings.rules()?;
    let known = settings.formulary.iter_mut().find(|item| item.code == code);
    let item = known.ok_or_else(|| AppError::not_found("item", &code))?;
    let wrong = |path: &str, what: String| Err(AppError::new(Code::BodyInvalid, what).with("path", path));
    match (item.kind == LineKind::Medicine, no_medicine) {
        (true, true) => return wrong("no_medicine", format!("`{code}` is listed as a medicine")),
        (false, false) => return wrong("item", format!("`{code}` is no medicine")),
        (false, true) if !(codings.is_empty() && ingredients.is_empty() && classes.is_empty()) => {
            return wrong("no_medicine", "what is no medicine has no codes, ingredients or classes of one".to_owned());
        }
        _ => {}
    }
    let (by, at) = (caller.actor.account, caller.now);
    item.classification = Some(Classification { codings, ingredients, classes, no_medicine, basis, by, at });
    let product = item.product();
    if no_medicine {
        rules.check_product(&product)?;
    } else if let Some(lack) = product.lack() {
        return Err(AppError::new(Code::BodyInvalid, format!("`{code}` is still not identified: {lack}")));
    }
    let classified = item.clone();
    settings::put(platform.store(), row, &settings, caller.now).await?;
    tracing::info!(%tenant, item = %code, %by, no_medicine, "an item was classified");
    Ok(classified)
}
