//! What bills take from orders.

use xinglin_domain::{
    id::{BillId, EncounterId, ItemOrderId},
    item_order::ItemOrder,
    time::Instant,
};
use xinglin_platform::{AppResult, document::Stored};
use xinglin_store::{Executor, StoreError, TenantScope, TenantTx};

use super::{load, put, rows};

/// The orders of a visit, in the order in which they were placed.
///
/// # Errors
/// If the store fails.
pub async fn of_visit<E: Executor>(records: &TenantScope<E>, visit: EncounterId) -> AppResult<Vec<ItemOrder>> {
    Ok(rows(records, visit).await?.into_iter().map(|stored| stored.value).collect())
}

/// Puts a quantity of an order on a bill. Whoever bills the patient holds the patient's lock, so that
/// of two at once the later sees what the first took.
///
/// # Errors
/// `ORDER_REQUIRED`, `ORDER_QTY_EXCEEDED`.
pub async fn take(tx: &TenantTx, id: ItemOrderId, bill: BillId, quantity: u32, now: Instant) -> AppResult<()> {
    let Stored { row, mut value } = load(tx, id).await?;
    value.take(bill, quantity, now)?;
    put(tx, row, &value, now).await
}

/// Gives back what a bill took of an order, up to what the bill keeps. An order that was erased needs
/// nothing.
///
/// # Errors
/// If the store fails.
pub async fn keep(tx: &TenantTx, id: ItemOrderId, bill: BillId, quantity: u32, now: Instant) -> AppResult<()> {
    let Stored { row, mut value } = match tx.get_document(id).await {
        Ok(row) => Stored::<_, ItemOrder>::try_from(row)?,
        Err(StoreError::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if value.keep(bill, quantity) { put(tx, row, &value, now).await } else { Ok(()) }
}
