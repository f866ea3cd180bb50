//! API views of the patient's share.

use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::{
    billing::cash::{Stage, Till},
    id::{AccountId, BillId},
    money::Money,
};

/// The patient's share of a bill in money. It says nothing of what is bought.
#[derive(Serialize, ToSchema)]
pub struct CashView {
    /// The bill.
    #[schema(value_type = String)]
    pub charge: BillId,
    /// `NOTHING`, `DUE`, `PAID`, `REFUNDING`, `REFUNDED` or `LAPSED`.
    pub status: String,
    /// What is owed, in fen.
    #[schema(value_type = i64)]
    pub owed_fen: Money,
    /// What is to be paid now, in fen: what is owed, less what was paid of it.
    #[schema(value_type = i64)]
    pub due_fen: Money,
    /// Until when it can be paid (RFC 3339), if it is due and has a term.
    pub until: Option<String>,
    /// Orders at channels, oldest first.
    pub orders: Vec<OrderView>,
    /// What came in, oldest first.
    pub received: Vec<ReceivedView>,
    /// What goes back, oldest first.
    pub refunds: Vec<RefundView>,
}

/// An order at a channel.
#[derive(Serialize, ToSchema)]
pub struct OrderView {
    /// Number in the bill.
    pub number: u32,
    /// `wechat-pay` or `alipay`.
    pub channel: &'static str,
    /// How much, in fen.
    #[schema(value_type = i64)]
    pub amount_fen: Money,
    /// `native`, `jsapi`, `app` or `h5`.
    pub how: String,
    /// Our name of it there (`out_trade_no`).
    pub name: String,
    /// Whether the channel may still take money for it.
    pub open: bool,
    /// Until when the channel takes money for it (RFC 3339).
    pub until: String,
}

/// Money that came in.
#[derive(Serialize, ToSchema)]
pub struct ReceivedView {
    /// `counter`, `wechat-pay` or `alipay`.
    pub channel: &'static str,
    /// The channel's id of it; at the counter the number of the receipt.
    pub transaction: String,
    /// How much, in fen.
    #[schema(value_type = i64)]
    pub amount_fen: Money,
    /// When (RFC 3339).
    pub at: String,
    /// The cashier.
    #[schema(value_type = Option<String>)]
    pub by: Option<AccountId>,
}

/// Money that goes back.
#[derive(Serialize, ToSchema)]
pub struct RefundView {
    /// Number in the bill.
    pub number: u32,
    /// The channel by which it came.
    pub channel: &'static str,
    /// Our name of it there (`out_refund_no`, `out_request_no`).
    pub name: String,
    /// How much, in fen.
    #[schema(value_type = i64)]
    pub amount_fen: Money,
    /// `reversal`, `reduction`, `surplus`, `double`, `late` or `short`.
    pub cause: &'static str,
    /// `waiting`, `sent`, `done` or `failed`.
    pub stage: &'static str,
    /// The channel's id of it, once it is done; what the channel said, if it failed.
    pub reference: Option<String>,
    /// How often the channel did not carry it out.
    pub failures: u32,
}

/// A difference between a channel and us.
#[derive(Serialize, ToSchema)]
pub struct DifferenceView {
    /// Its id.
    pub id: String,
    /// Always `RECON_BREAK`.
    pub code: &'static str,
    /// `missing_here`, `missing_there`, `amount`, `unknown_order` or `another_merchant`.
    pub kind: String,
    /// Who has to explain it: `accountant`.
    pub owner: &'static str,
    /// `wechat-pay` or `alipay`.
    pub channel: String,
    /// The channel's day.
    pub day: String,
    /// `payment` or `refund`.
    pub way: String,
    /// The name of the order or refund.
    pub name: String,
    /// The channel's id of it.
    pub transaction: String,
    /// Our amount, in fen.
    pub ours_fen: Option<i64>,
    /// The channel's, in fen.
    pub theirs_fen: Option<i64>,
    /// `open`, `agreed` (both have the same now) or `explained`.
    pub state: String,
    /// What it was, if it was explained.
    pub reason: Option<String>,
    /// By whom.
    #[schema(value_type = Option<String>)]
    pub by: Option<AccountId>,
}

pub(super) fn nothing(charge: BillId) -> CashView {
    CashView {
        charge,
        status: "NOTHING".to_owned(),
        owed_fen: Money::ZERO,
        due_fen: Money::ZERO,
        until: None,
        orders: Vec::new(),
        received: Vec::new(),
        refunds: Vec::new(),
    }
}

pub(super) fn view(till: &Till) -> CashView {
    use xinglin_domain::billing::cash::name;
    let bill = till.bill();
    let orders = till.orders().iter().map(|order| OrderView {
        number: order.number,
        amount_fen: order.amount,
        channel: order.channel.as_str(),
        how: order.how.clone(),
        name: name::of_order(bill, order.number),
        open: order.open,
        until: order.until.to_string(),
    });
    let received = till.received().iter().map(|received| ReceivedView {
        channel: received.channel.as_str(),
        transaction: received.transaction.clone(),
        amount_fen: received.amount,
        at: received.at.to_string(),
        by: received.by,
    });
    let refunds = till.refunds().iter().map(|refund| {
        let (stage, reference) = match &refund.stage {
            Stage::Waiting => ("waiting", None),
            Stage::Sent => ("sent", None),
            Stage::Done { reference, .. } => ("done", Some(reference.clone())),
            Stage::Failed { why, .. } => ("failed", Some(why.clone())),
        };
        RefundView {
            number: refund.number,
            channel: refund.channel.as_str(),
            name: name::of_refund(bill, refund.number),
            amount_fen: refund.amount,
            cause: refund.cause.as_str(),
            stage,
            reference,
            failures: refund.failures,
        }
    });
    CashView {
        charge: bill,
        status: till.state().as_str().to_owned(),
        owed_fen: till.owed(),
        due_fen: till.outstanding().unwrap_or_default(),
        until: till.until().map(|until| until.to_string()),
        orders: orders.collect(),
        received: received.collect(),
        refunds: refunds.collect(),
    }
}
