//! The patient's share of a bill as it is stored.
//! Who changes it has [locked](TenantTx::lock_money) the money of the bill first.

use serde::Deserialize as _;
use xinglin_domain::{billing::cash::Till, code::Code, id::BillId, time::Instant};
use xinglin_platform::{AppError, AppResult};
use xinglin_store::{CashRow, Executor, TenantScope, TenantTx};

/// A share with its row.
pub(crate) struct Stored {
    pub(crate) row: CashRow,
    pub(crate) till: Till,
}

impl TryFrom<CashRow> for Stored {
    type Error = AppError;

    fn try_from(row: CashRow) -> AppResult<Self> {
        let till = Till::deserialize(&row.body).map_err(AppError::internal)?;
        Ok(Self { row, till })
    }
}

/// The share of a bill, if it has one that is due or was.
pub(crate) async fn find<E: Executor>(records: &TenantScope<E>, bill: BillId) -> AppResult<Option<Stored>> {
    records.find_cash(bill).await?.map(Stored::try_from).transpose()
}

/// The same for who changes it.
pub(crate) async fn take(tx: &TenantTx, bill: BillId) -> AppResult<Option<Stored>> {
    tx.lock_money(bill).await?;
    find(tx, bill).await
}

/// A share that is new.
pub(crate) async fn insert(tx: &TenantTx, till: &Till, now: Instant) -> AppResult<()> {
    let row = CashRow {
        bill_id: till.bill(),
        status: String::new(),
        to_return: 0,
        body: serde_json::Value::Null,
        version: 0,
        created_at: now,
        updated_at: now,
    };
    put(tx, row, till, now).await
}

/// As [`take`], of a bill that has one.
pub(crate) async fn taken(tx: &TenantTx, bill: BillId) -> AppResult<Stored> {
    let stored = take(tx, bill).await?;
    stored.ok_or_else(|| AppError::new(Code::PayState, "nothing of the bill is due in money"))
}

/// Stores the next state, and when it is looked at by itself.
pub(crate) async fn put(tx: &TenantTx, row: CashRow, till: &Till, now: Instant) -> AppResult<()> {
    let to_return = till.refunds().iter().filter(|refund| refund.is_pending()).count();
    let row = CashRow {
        status: till.state().as_str().to_owned(),
        to_return: i64::try_from(to_return).map_err(AppError::internal)?,
        body: serde_json::to_value(till).map_err(AppError::internal)?,
        updated_at: now,
        ..row
    };
    Ok(tx.put_cash(&row, till.look_at()).await?)
}
