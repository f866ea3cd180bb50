//! The patient's share in money: due when the payers have settled, paid at a channel or at the counter,
//! given back the way that it came.
//!
//! Begin with `due` and `open`; money comes in by `hear` (a notice), `follow` (the job, which asks) and
//! `pay_at_counter`, all through [`receive`]. Rules are in `xinglin_domain::billing::cash`. An order or refund
//! is stored before its channel is asked; one transaction of a channel counts once, whoever tells it. What is
//! owed is what the books say ([`ledger::update_share`](crate::ledger::update_share)); how it is stored is in
//! `till.rs`.

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

use xinglin_domain::{billing::cash::Channel, id::TenantId};
use xinglin_platform::Platform;

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

/// Where a channel sends its notices.
fn notify_url(platform: &Platform, tenant: TenantId, channel: Channel) -> String {
    format!("{}/api/v1/cash/{tenant}/{}/notices", platform.config().base_url(), channel.as_str())
}
