use std::collections::BTreeSet;

use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{access::Action, code::Code, coding::Coding, payer::LineKind, prescription::DrugClass};
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, boxed,
    settings::{self, Classification, Item},
};

use super::check_codings;

/// What a medicine is, by a pharmacist.
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
    /// What it rests on, for example the number of approval and the date of the leaflet.
    pub basis: String,
}

/// Adds to an item of the caller's hospital what it is. It takes nothing away: what the item itself
/// says still counts. An earlier classification is replaced.
///
/// # Errors
/// `RX_REASON_REQUIRED` without a basis; `BODY_INVALID` if the item is no medicine, or would still
/// lack codes or ingredients.
#[boxed]
pub async fn classify(platform: &Platform, caller: &Caller, classify: Classify) -> AppResult<Item> {
    caller.trail.asked();
    caller.may(Action::ClassifyMedicine)?;
    let Classify { item: code, codings, ingredients, classes, basis } = classify;
    if basis.trim().is_empty() {
        return Err(AppError::new(Code::RxReasonRequired, "basis: what the classification rests on"));
    }
    check_codings(codings.iter().chain(&ingredients))?;
    let tenant = caller.actor.tenant;
    let (row, mut settings) = settings::of(platform.store(), tenant).await?;
    let known = settings.formulary.iter_mut().find(|item| item.code == code);
    let item = known.ok_or_else(|| AppError::not_found("item", &code))?;
    if item.kind != LineKind::Medicine {
        return Err(AppError::new(Code::BodyInvalid, format!("`{code}` is no medicine")).with("path", "item"));
    }
    let (by, at) = (caller.actor.account, caller.now);
    item.classification = Some(Classification { codings, ingredients, classes, basis, by, at });
    if let Some(lack) = item.product().lack() {
        return Err(AppError::new(Code::BodyInvalid, format!("`{code}` is still not identified: {lack}")));
    }
    let classified = item.clone();
    settings::put(platform.store(), row, &settings, caller.now).await?;
    tracing::info!(%tenant, item = %code, %by, "a medicine was classified");
    Ok(classified)
}
