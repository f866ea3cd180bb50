//! The patient's share in money: due when the payers have settled, paid at a channel or at the counter,
//! given back the way that it came.
//!
//! Begin with `due` and `open`; money comes in by `hear` (a notice), `follow` (the job, which asks) and
//! `pay_at_counter`, all through [`receive`]. Rules are in `xinglin_domain::billing::cash`. An order or refund
//! is stored before its channel is asked; one transaction of a channel counts once, whoever tells it.
//! Who changes a share has [locked](xinglin_store::TenantTx::lock_cash) it first.

mod channel;
mod difference;
mod due;
mod follow;
mod get;
mod give_back;
mod hand_back;
mod hear;
mod list_channels;
mod list_differences;
mod notice;
mod open;
mod pay_at_counter;
mod put_channel;
mod receive;
mod reconcile;
mod resolve_difference;
mod unresolved;
mod view;

use serde::Deserialize as _;
use xinglin_domain::{
    billing::cash::{Channel, Till},
    code::Code,
    id::{BillId, TenantId},
    time::Instant,
};
use xinglin_platform::{AppError, AppResult, Platform};
use xinglin_store::{CashRow, Executor, TenantScope, TenantTx};

pub use self::channel::{ChannelKey, How};
pub(crate) use self::due::due;
pub use self::follow::{Followed, follow};
pub use self::get::get;
pub(crate) use self::give_back::give_back;
pub use self::hand_back::{HandBack, hand_back};
pub use self::hear::{Heard, hear};
pub use self::list_channels::list_channels;
pub use self::list_differences::list_differences;
pub use self::open::{OpenPayment, Opened, open};
pub use self::pay_at_counter::{PayAtCounter, pay_at_counter};
pub use self::put_channel::{ChannelView, NewChannel, put_channel};
pub use self::reconcile::{Reconciled, StatementIn, reconcile};
pub use self::resolve_difference::{Explain, resolve_difference};
pub(crate) use self::unresolved::unreturned;
pub use self::view::{CashView, DifferenceView, OrderView, ReceivedView, RefundView};

/// What a channel is told that is bought, whatever it is.
const WHAT: &str = "医疗费用";

/// A share with its row.
pub(crate) struct Stored {
    row: CashRow,
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
async fn take(tx: &TenantTx, bill: BillId) -> AppResult<Option<Stored>> {
    tx.lock_cash(bill).await?;
    find(tx, bill).await
}

/// As [`take`], of a bill that has one.
async fn taken(tx: &TenantTx, bill: BillId) -> AppResult<Stored> {
    let stored = take(tx, bill).await?;
    stored.ok_or_else(|| AppError::new(Code::PayState, "nothing of the bill is due in money"))
}

/// Stores the next state, and when it is looked at by itself.
async fn put(tx: &TenantTx, row: CashRow, till: &Till, now: Instant) -> AppResult<()> {
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

/// Where a channel sends its notices.
fn notify_url(platform: &Platform, tenant: TenantId, channel: Channel) -> String {
    format!("{}/api/v1/cash/{tenant}/{}/notices", platform.config().base_url(), channel.as_str())
}
