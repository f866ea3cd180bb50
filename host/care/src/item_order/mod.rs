//! Orders for what is no medicine, placed in a visit. Bills take from them what is charged. The rules
//! are in `xinglin_domain::item_order`.

mod bill;
mod list;
mod place;
mod revoke;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{
    id::{EncounterId, ItemOrderId, PatientId},
    item_order::ItemOrder,
    time::Instant,
};
use xinglin_fhir::project;
use xinglin_platform::{
    AppResult,
    document::{Stored, next},
};
use xinglin_records::resource;
use xinglin_store::{Document, DocumentQuery, Executor, TenantScope, TenantTx};

pub use self::bill::{keep, of_visit, take};
pub use self::list::list;
pub use self::place::{PlaceOrder, place};
pub use self::revoke::revoke;

/// An order for an item.
#[derive(Serialize, ToSchema)]
pub struct ItemOrderView {
    /// `ord-…`
    #[schema(value_type = String)]
    pub id: ItemOrderId,
    /// The visit.
    #[schema(value_type = String)]
    pub encounter: EncounterId,
    /// The patient.
    #[schema(value_type = String)]
    pub patient: PatientId,
    /// The doctor who ordered.
    pub clinician: String,
    /// `ACTIVE`, `COMPLETED` (all of it is billed), `EXPIRED` or `REVOKED`.
    pub status: String,
    /// Code of the formulary.
    pub item: String,
    /// For people.
    pub title: String,
    /// How many are ordered.
    pub quantity: u32,
    /// How many of them are on bills.
    pub billed: u32,
    /// What for.
    pub reason: Option<String>,
    /// Until when it may be billed (RFC 3339).
    pub valid_until: String,
}

/// The most orders of a visit that are looked at; more are nobody's habit.
const MOST_OF_A_VISIT: u32 = 256;

fn view(order: &ItemOrder, now: Instant) -> ItemOrderView {
    ItemOrderView {
        id: order.id(),
        encounter: order.encounter(),
        patient: order.patient(),
        clinician: order.clinician().to_string(),
        status: order.state(now).as_str().to_owned(),
        item: order.item().code.clone(),
        title: order.item().title.clone(),
        quantity: order.quantity(),
        billed: order.billed(),
        reason: order.reason().map(str::to_owned),
        valid_until: order.valid_until().to_string(),
    }
}

fn projection(order: &ItemOrder, now: Instant) -> Value {
    project::item_order(&project::ItemOrder {
        id: order.id(),
        patient: &order.patient().to_string(),
        encounter: order.encounter(),
        clinician: &order.clinician().to_string(),
        kind: order.item().kind,
        codings: &order.item().codings,
        title: &order.item().title,
        quantity: order.quantity(),
        reason: order.reason(),
        state: order.state(now),
        authored: order.placed_at(),
        valid_until: order.valid_until(),
    })
}

async fn load<E: Executor>(records: &TenantScope<E>, id: ItemOrderId) -> AppResult<Stored<ItemOrderId, ItemOrder>> {
    records.get_document(id).await?.try_into()
}

/// Of a visit, in the order in which they were placed.
async fn rows<E: Executor>(
    records: &TenantScope<E>,
    visit: EncounterId,
) -> AppResult<Vec<Stored<ItemOrderId, ItemOrder>>> {
    let query = DocumentQuery { parent_id: Some(visit.to_string()), ..DocumentQuery::default() };
    let newest_first = records.list_documents::<ItemOrderId>(&query, None, MOST_OF_A_VISIT).await?;
    newest_first.into_iter().rev().map(TryInto::try_into).collect()
}

/// Stores what became of an order, with its projection.
async fn put(tx: &TenantTx, row: Document<ItemOrderId>, order: &ItemOrder, now: Instant) -> AppResult<()> {
    tx.update_document(&next(row, order.state(now).as_str(), order, now)?).await?;
    resource::project(tx, vec![projection(order, now)], now).await?;
    Ok(())
}
