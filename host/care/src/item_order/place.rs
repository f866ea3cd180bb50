use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    id::{EncounterId, ItemOrderId},
    item_order::{DEFAULT_DAYS, ItemOrder, NewItemOrder, Ordered},
};
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, ambient, boxed,
    document::fresh,
    settings::{FOLLOW_UP_VISIT, settings},
};
use xinglin_records::resource;

use super::{ItemOrderView, MOST_OF_A_VISIT, projection, rows, view};
use crate::encounter;

/// What is ordered.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceOrder {
    /// Code of the formulary; no medicine.
    pub item: String,
    /// How many, at most 10,000.
    pub quantity: u32,
    /// For how many days it may be billed, at most 84; 30 if left out.
    #[serde(default)]
    pub valid_days: Option<u16>,
    /// What for, in words; at most 1000 bytes.
    #[serde(default)]
    pub reason: Option<String>,
}

/// The treating doctor orders an item in a visit in progress: only what is ordered can be billed.
///
/// # Errors
/// `ENC_…` if the visit is not in progress, `AUTH_FORBIDDEN` for another doctor, `RX_DRUG_BEFORE_RX` for a
/// medicine, `BODY_INVALID`.
#[tracing::instrument(target = "xinglin::trace", name = "place_order", skip_all)]
#[boxed]
pub async fn place(
    platform: &Platform,
    caller: &Caller,
    visit: EncounterId,
    new: PlaceOrder,
) -> AppResult<ItemOrderView> {
    const LONGEST_REASON: usize = 1000;
    caller.may(Action::OrderItem)?;
    let records = platform.records(caller);
    let followed = encounter::follow_up(&records, visit, caller.now).await?;
    caller.trail.saw(followed.patient());
    let settings = settings(&records).await?;
    let item = settings.item(&new.item)?;
    if item.code == FOLLOW_UP_VISIT {
        return Err(AppError::new(Code::BodyInvalid, format!("`{}` is charged once, by itself", item.code)));
    }
    if new.reason.as_ref().is_some_and(|reason| reason.len() > LONGEST_REASON) {
        return Err(AppError::new(Code::BodyInvalid, format!("reason: at most {LONGEST_REASON} bytes")));
    }
    settings.rules()?.check_product(&item.product())?;
    let id = ItemOrderId::from_u128(ambient::fresh_id());
    let order = NewItemOrder {
        id,
        item: Ordered {
            code: item.code.clone(),
            title: item.title.clone(),
            kind: item.kind,
            codings: item.all_codings(),
        },
        quantity: new.quantity,
        valid_days: new.valid_days.unwrap_or(DEFAULT_DAYS),
        reason: new.reason.filter(|reason| !reason.trim().is_empty()),
    };
    let order = ItemOrder::place(&caller.actor, &followed, order, caller.now)?;
    let status = order.state(caller.now).as_str();
    let row = fresh(id, order.patient(), Some(visit.to_string()), status, &order, caller.now)?;
    let tx = platform.begin(caller).await?;
    // In progress until this is stored.
    encounter::lock(&tx, visit).await?;
    encounter::follow_up(&tx, visit, caller.now).await?;
    if rows(&tx, visit).await?.len() >= usize::try_from(MOST_OF_A_VISIT).unwrap_or(usize::MAX) {
        return Err(AppError::new(Code::BodyInvalid, format!("at most {MOST_OF_A_VISIT} orders in a visit")));
    }
    tx.insert_document(&row).await?;
    resource::project(&tx, vec![projection(&order, caller.now)], caller.now).await?;
    tx.commit().await?;
    Ok(view(&order, caller.now))
}
