//! The patient's share of a bill in money: what is due, the orders for it at channels, what came in,
//! and what goes back.
//!
//! ```text
//! Due ─money▶ Paid ─give_back▶ Refunding ─done▶ Refunded
//!  └─lapse▶ Lapsed
//! ```
//!
//! The share is paid once. Money beyond it is known too, whenever it arrives, and given back by itself:
//! more than is owed ([`Cause::Surplus`]), a second time ([`Cause::Double`]), after the bill was over
//! ([`Cause::Late`]), or less than is owed ([`Cause::Short`]). What is owed may change while the bill
//! stands ([`Till::owe`]): if it is less, the rest goes back ([`Cause::Reduction`]); if it is more, what
//! was paid is kept, and the difference is due. So what came in, less what goes back, is what is owed while
//! it is [`Paid`], less than that while it is [`Due`], and nothing otherwise ([`Till::kept`]). A
//! transaction of a channel counts once: a repetition changes nothing, the same with another amount is
//! refused.
//!
//! - [`name`]: what orders and refunds are called at a channel;
//! - [`statement`]: a channel's statement against ours.

pub mod name;
pub mod statement;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    code::Code,
    id::{AccountId, BillId, PatientId, TenantId},
    machine::{Refused as RefusedStep, machine},
    money::{Money, MoneyError},
    time::Instant,
};

/// How money comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// A cashier at the desk.
    Counter,
    /// 微信支付.
    WechatPay,
    /// 支付宝.
    Alipay,
}

impl Channel {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Counter, Self::WechatPay, Self::Alipay];

    /// The name in the API and the books.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::WechatPay => "wechat-pay",
            Self::Alipay => "alipay",
        }
    }

    /// Whether a server takes the money, and not a person.
    pub const fn is_online(self) -> bool {
        !matches!(self, Self::Counter)
    }
}

impl std::str::FromStr for Channel {
    type Err = UnknownChannel;

    fn from_str(text: &str) -> Result<Self, UnknownChannel> {
        let found = Self::ALL.into_iter().find(|channel| channel.as_str() == text);
        found.ok_or_else(|| UnknownChannel(text.to_owned()))
    }
}

/// The text is not the name of a channel.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no channel: `counter`, `wechat-pay` or `alipay`")]
pub struct UnknownChannel(pub String);

/// Why a step is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CashError {
    /// Overflow.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// Not more than nothing.
    #[error("an amount of {0}; it must be more than nothing")]
    Amount(Money),
    /// The same transaction of a channel with other content.
    #[error("transaction `{0}` is known with another amount or order")]
    Conflict(String),
    /// An order is open at a channel.
    #[error("order {0} is open at its channel: it must be closed there first")]
    Open(u32),
    /// No such order or refund.
    #[error("there is no {what} {number}")]
    Nothing {
        /// `order` or `refund`.
        what: &'static str,
        /// Its number.
        number: u32,
    },
    /// Not possible in this state.
    #[error("the patient's share is {0}")]
    State(CashState),
    /// The time to pay is over.
    #[error("the time to pay is over")]
    Over,
}

impl CashError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::Money(_) | Self::Amount(_) => Code::MoneyInvalid,
            Self::Conflict(_) => Code::ReconBreak,
            Self::Nothing { .. } => Code::NotFound,
            Self::Open(_) | Self::State(_) | Self::Over => Code::PayState,
        }
    }
}

/// An order at a channel: an offer to take the money until a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// From 1.
    pub number: u32,
    /// Where.
    pub channel: Channel,
    /// How the patient pays there, for example `native`.
    pub how: String,
    /// How much.
    pub amount: Money,
    /// When it was opened.
    pub at: Instant,
    /// Until when the channel takes the money.
    pub until: Instant,
    /// What the app needs to pay: a prepay id or a URL; `None` while the channel has not answered.
    pub ticket: Option<String>,
    /// Whether the channel may still take money for it, as far as is known.
    pub open: bool,
    /// When the channel is asked about it.
    pub ask_at: Instant,
}

/// Money that came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Received {
    /// Where.
    pub channel: Channel,
    /// Number of the order; 0 at the counter.
    pub order: u32,
    /// The channel's id of it; at the counter the number of the receipt.
    pub transaction: String,
    /// How much.
    pub amount: Money,
    /// When, as the channel says.
    pub at: Instant,
    /// The cashier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<AccountId>,
}

/// Why money goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The bill was taken back.
    Reversal,
    /// A part of it was given back, or a payer pays more of it.
    Reduction,
    /// More was paid than is owed.
    Surplus,
    /// It was paid a second time.
    Double,
    /// It was paid when the bill was over.
    Late,
    /// Less was paid than is owed.
    Short,
}

impl Cause {
    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reversal => "reversal",
            Self::Reduction => "reduction",
            Self::Surplus => "surplus",
            Self::Double => "double",
            Self::Late => "late",
            Self::Short => "short",
        }
    }
}

/// How far a refund is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// To be sent to the channel; at the counter, to be handed back.
    Waiting,
    /// The channel may have it: it is asked before it is sent again.
    Sent,
    /// The patient has the money.
    Done {
        /// The channel's id of it; at the counter the number of the receipt.
        reference: String,
        /// When.
        at: Instant,
    },
    /// The channel did not carry it out: another one takes its place.
    Failed {
        /// What the channel said.
        why: String,
        /// When.
        at: Instant,
    },
}

/// Money that goes back, the way that it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refund {
    /// From 1.
    pub number: u32,
    /// The channel by which the money came.
    pub channel: Channel,
    /// The order, 0 at the counter.
    pub order: u32,
    /// The transaction that is refunded.
    pub transaction: String,
    /// All that the channel took in it, which it wants to be told.
    pub of: Money,
    /// How much goes back.
    pub amount: Money,
    /// Why.
    pub cause: Cause,
    /// How far it is.
    pub stage: Stage,
    /// How often the channel did not carry it out.
    pub failures: u32,
    /// Since when it is owed.
    pub since: Instant,
    /// When it is sent, or asked after.
    pub try_at: Instant,
}

impl Refund {
    /// Whether the patient does not have it yet.
    pub const fn is_pending(&self) -> bool {
        matches!(self.stage, Stage::Waiting | Stage::Sent)
    }

    fn counts(&self) -> bool {
        !matches!(self.stage, Stage::Failed { .. })
    }
}

/// Common to all states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    bill: BillId,
    tenant: TenantId,
    patient: PatientId,
    owed: Money,
    since: Instant,
    orders: Vec<Order>,
    received: Vec<Received>,
    refunds: Vec<Refund>,
}

/// It was not paid yet, or only a part of what is owed by now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Due {
    /// Until when it can be paid; `None`: as long as the bill stands.
    pub until: Option<Instant>,
    /// What was paid when less was owed.
    pub kept: Money,
}

/// It is there, or nothing is owed any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paid {
    /// Since when.
    pub at: Instant,
}

/// The bill was taken back: it goes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refunding {
    /// Since when.
    pub at: Instant,
}

/// It went back. Final, but for money that comes late.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refunded {
    /// Since when.
    pub at: Instant,
}

/// It was not paid, and the bill is over. Final, but for money that comes late.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lapsed {
    /// Since when.
    pub at: Instant,
}

/// The patient's share of a bill, in a known state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cash<S> {
    head: Head,
    state: S,
}

machine! {
    /// The patient's share of a bill in any state, for storage.
    enum Till of Cash with Head;
    /// The states of a patient's share.
    tag CashState;
    /// A state of a patient's share.
    stage CashStage;
    /// It was not paid yet, or not all of it.
    Due = "DUE",
    /// It is there, or nothing is owed.
    Paid = "PAID",
    /// It goes back.
    Refunding = "REFUNDING",
    /// It went back.
    Refunded = "REFUNDED",
    /// It was not paid, and the bill is over.
    Lapsed = "LAPSED",
}

/// A refused step.
pub type RefusedCash<S> = RefusedStep<Cash<S>, CashError>;

/// What became of money that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It was known.
    Known,
    /// It pays the share; so much of it is given back.
    Pays {
        /// Zero if it is exactly what is due.
        rest: Money,
    },
    /// All of it is given back.
    GoesBack(Cause),
}

/// What is to be done at a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Ask what became of an order.
    Ask(u32),
    /// Ask what became of an order, and close it if it is not paid.
    Close(u32),
    /// Send a refund, or ask what became of it.
    Refund(u32),
    /// The time to pay is over, and no channel takes money any more: the bill is over.
    Lapse,
}

/// The first question about an order, in seconds after it was opened, and the longest time between two:
/// project defaults. A notice of the channel comes before, as a rule.
const ASK_SECONDS: (i64, i64) = (60, 600);

/// The shortest and the longest time between two tries of a refund, in seconds: project defaults.
const TRY_SECONDS: (i64, i64) = (60, 3600);

/// When to try again what is late since `since`: each time after as long as it is late.
fn again(since: Instant, (least, most): (i64, i64), now: Instant) -> Instant {
    let late = now.micros().saturating_sub(since.micros()) / 1_000_000;
    now.plus_seconds(late.clamp(least, most))
}

/// What a new share consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owed {
    /// The bill.
    pub bill: BillId,
    /// The tenant whose books it is in.
    pub tenant: TenantId,
    /// The patient.
    pub patient: PatientId,
    /// How much.
    pub amount: Money,
}

impl Head {
    fn order_mut(&mut self, number: u32) -> Result<&mut Order, CashError> {
        let found = self.orders.iter_mut().find(|order| order.number == number);
        found.ok_or(CashError::Nothing { what: "order", number })
    }

    fn refund_mut(&mut self, number: u32) -> Result<&mut Refund, CashError> {
        let found = self.refunds.iter_mut().find(|refund| refund.number == number);
        found.ok_or(CashError::Nothing { what: "refund", number })
    }

    fn open(&self) -> Option<&Order> {
        self.orders.iter().find(|order| order.open)
    }

    /// What is open is closed now.
    fn look_at_once(&mut self, now: Instant) {
        self.orders.iter_mut().filter(|order| order.open).for_each(|order| order.ask_at = now);
    }

    fn plan(&mut self, of: &Received, amount: Money, cause: Cause, now: Instant) {
        if amount <= Money::ZERO {
            return;
        }
        self.refunds.push(Refund {
            number: self.next_refund(),
            channel: of.channel,
            order: of.order,
            transaction: of.transaction.clone(),
            of: of.amount,
            amount,
            cause,
            stage: Stage::Waiting,
            failures: 0,
            since: now,
            try_at: now,
        });
    }

    /// Plans that so much goes back of all that is kept, the newest first.
    fn return_kept(&mut self, mut amount: Money, cause: Cause, now: Instant) -> Result<(), MoneyError> {
        for received in self.received.clone().iter().rev() {
            let rest = received.amount.minus(self.returned(received)?)?.min(amount);
            self.plan(received, rest, cause, now);
            amount = amount.minus(rest)?;
        }
        Ok(())
    }

    fn next_refund(&self) -> u32 {
        u32::try_from(self.refunds.len()).unwrap_or(u32::MAX).saturating_add(1)
    }

    fn returned(&self, transaction: &Received) -> Result<Money, MoneyError> {
        let of_it = self.refunds.iter().filter(|refund| {
            refund.counts() && refund.channel == transaction.channel && refund.transaction == transaction.transaction
        });
        Money::sum(of_it.map(|refund| refund.amount))
    }
}

impl<S> Cash<S> {
    /// The data of the state.
    pub const fn state(&self) -> &S {
        &self.state
    }

    /// The bill.
    pub const fn bill(&self) -> BillId {
        self.head.bill
    }

    fn to<T>(self, state: T) -> Cash<T> {
        Cash { head: self.head, state }
    }
}

impl Cash<Due> {
    /// The share is due from now on.
    ///
    /// # Errors
    /// If there is nothing to pay.
    pub fn due(owed: Owed, until: Option<Instant>, at: Instant) -> Result<Self, CashError> {
        let Owed { bill, tenant, patient, amount } = owed;
        if amount <= Money::ZERO {
            return Err(CashError::Amount(amount));
        }
        let head = Head {
            bill,
            tenant,
            patient,
            owed: amount,
            since: at,
            orders: Vec::new(),
            received: Vec::new(),
            refunds: Vec::new(),
        };
        Ok(Self { head, state: Due { until, kept: Money::ZERO } })
    }

    /// Opens an order at a channel, for at most so long.
    ///
    /// # Errors
    /// If another is open, or the time to pay is over.
    pub fn open(
        mut self,
        (channel, how): (Channel, &str),
        longest: Instant,
        at: Instant,
    ) -> Result<Self, RefusedCash<Due>> {
        if let Some(number) = self.head.open().map(|order| order.number) {
            return Err(RefusedStep::new(self, CashError::Open(number)));
        }
        let until = self.state.until.map_or(longest, |until| until.min(longest));
        if until <= at {
            return Err(RefusedStep::new(self, CashError::Over));
        }
        let amount = match self.head.owed.minus(self.state.kept) {
            Ok(amount) => amount,
            Err(error) => return Err(RefusedStep::new(self, error.into())),
        };
        let number = u32::try_from(self.head.orders.len()).unwrap_or(u32::MAX).saturating_add(1);
        self.head.orders.push(Order {
            number,
            channel,
            how: how.to_owned(),
            amount,
            at,
            until,
            ticket: None,
            open: true,
            ask_at: at.plus_seconds(ASK_SECONDS.0).min(until),
        });
        Ok(self)
    }

    /// The patient pays at the counter: it is due as long as the bill stands.
    ///
    /// # Errors
    /// If an order is open, or the time to pay is over.
    pub fn at_the_counter(mut self, at: Instant) -> Result<Self, RefusedCash<Due>> {
        if let Some(number) = self.head.open().map(|order| order.number) {
            return Err(RefusedStep::new(self, CashError::Open(number)));
        }
        if self.state.until.is_some_and(|until| until <= at) {
            return Err(RefusedStep::new(self, CashError::Over));
        }
        self.state.until = None;
        Ok(self)
    }

    /// The bill is over. An order that is still open is closed later; what is paid for it meanwhile
    /// goes back, as does what was kept.
    ///
    /// # Errors
    /// On overflow.
    pub fn lapse(mut self, at: Instant) -> Result<Till, RefusedCash<Due>> {
        self.head.look_at_once(at);
        let kept = self.state.kept;
        if kept <= Money::ZERO {
            return Ok(self.to(Lapsed { at }).into());
        }
        match self.head.return_kept(kept, Cause::Reversal, at) {
            Ok(()) => Ok(self.to(Refunding { at }).into()),
            Err(error) => Err(RefusedStep::new(self, error.into())),
        }
    }
}

impl Cash<Paid> {
    /// Nothing is owed of a bill, as the books say.
    pub const fn nothing((bill, tenant, patient): (BillId, TenantId, PatientId), at: Instant) -> Self {
        let head = Head {
            bill,
            tenant,
            patient,
            owed: Money::ZERO,
            since: at,
            orders: Vec::new(),
            received: Vec::new(),
            refunds: Vec::new(),
        };
        Self { head, state: Paid { at } }
    }

    /// The bill was taken back: all that was kept of it goes back, by the channel by which it came.
    ///
    /// # Errors
    /// On overflow.
    pub fn give_back(mut self, at: Instant) -> Result<Till, RefusedCash<Paid>> {
        if let Err(error) = self.head.return_kept(self.head.owed, Cause::Reversal, at) {
            return Err(RefusedStep::new(self, error.into()));
        }
        self.head.look_at_once(at);
        Ok(if self.head.refunds.iter().any(Refund::is_pending) {
            self.to(Refunding { at }).into()
        } else if self.head.received.is_empty() {
            self.to(Lapsed { at }).into()
        } else {
            self.to(Refunded { at }).into()
        })
    }
}

impl Till {
    /// The bill.
    pub const fn bill(&self) -> BillId {
        self.head().bill
    }

    /// The patient.
    pub const fn patient(&self) -> PatientId {
        self.head().patient
    }

    /// What is owed.
    pub const fn owed(&self) -> Money {
        self.head().owed
    }

    /// All orders, oldest first.
    pub fn orders(&self) -> &[Order] {
        &self.head().orders
    }

    /// An order.
    pub fn order(&self, number: u32) -> Option<&Order> {
        self.orders().iter().find(|order| order.number == number)
    }

    /// The order that a channel may still take money for.
    pub fn open(&self) -> Option<&Order> {
        self.head().open()
    }

    /// All that came in.
    pub fn received(&self) -> &[Received] {
        &self.head().received
    }

    /// All that goes back or went back, and what failed.
    pub fn refunds(&self) -> &[Refund] {
        &self.head().refunds
    }

    /// A refund.
    pub fn refund(&self, number: u32) -> Option<&Refund> {
        self.refunds().iter().find(|refund| refund.number == number)
    }

    /// Until when it can be paid.
    pub const fn until(&self) -> Option<Instant> {
        match self {
            Self::Due(due) => due.state.until,
            _ => None,
        }
    }

    /// What is to be paid now: what is owed, less what was paid of it.
    ///
    /// # Errors
    /// On overflow.
    pub fn outstanding(&self) -> Result<Money, MoneyError> {
        match self {
            Self::Due(due) => due.head.owed.minus(due.state.kept),
            _ => Ok(Money::ZERO),
        }
    }

    /// The patient owes another amount of the bill, which stands: what was paid beyond it goes back, and what is
    /// lacking is due as long as the bill stands. An order for the former amount is closed.
    ///
    /// # Errors
    /// If the amount is negative, or the bill is over.
    pub fn owe(self, amount: Money, now: Instant) -> Result<Self, CashError> {
        if amount < Money::ZERO {
            return Err(CashError::Amount(amount));
        }
        let (mut head, until, kept, at) = match self {
            Self::Due(Cash { head, state: Due { until, kept } }) => (head, until, kept, now),
            Self::Paid(Cash { head, state: Paid { at } }) => (head.clone(), None, head.owed, at),
            over => return Err(CashError::State(over.state())),
        };
        let former = std::mem::replace(&mut head.owed, amount);
        if former != amount {
            head.orders.iter_mut().filter(|order| order.open).for_each(|order| order.until = now);
            head.look_at_once(now);
        }
        head.return_kept(kept.minus(amount)?.max(Money::ZERO), Cause::Reduction, now)?;
        Ok(if kept >= amount {
            Cash { head, state: Paid { at } }.into()
        } else {
            Cash { head, state: Due { until, kept } }.into()
        })
    }

    /// What came in, less what goes back.
    ///
    /// # Errors
    /// On overflow.
    pub fn kept(&self) -> Result<Money, MoneyError> {
        let came = Money::sum(self.received().iter().map(|received| received.amount))?;
        let goes = self.refunds().iter().filter(|refund| refund.counts()).map(|refund| refund.amount);
        came.minus(Money::sum(goes)?)
    }

    /// Money that came in. A repetition changes nothing.
    ///
    /// # Errors
    /// If the amount is not positive, or the transaction is known with other content.
    pub fn receive(self, received: Received, now: Instant) -> Result<(Self, Heard), CashError> {
        if received.amount <= Money::ZERO {
            return Err(CashError::Amount(received.amount));
        }
        let same = |known: &&Received| known.channel == received.channel && known.transaction == received.transaction;
        if let Some(known) = self.received().iter().find(same) {
            let is_same = known.amount == received.amount && known.order == received.order;
            return if is_same { Ok((self, Heard::Known)) } else { Err(CashError::Conflict(received.transaction)) };
        }
        let outstanding = self.outstanding()?;
        let (mut till, rest, cause, heard) = match self {
            Self::Due(due) if received.amount >= outstanding => {
                let rest = received.amount.minus(outstanding)?;
                (Self::Paid(due.to(Paid { at: now })), rest, Cause::Surplus, Heard::Pays { rest })
            }
            other => {
                let cause = match &other {
                    Self::Due(_) => Cause::Short,
                    Self::Paid(_) => Cause::Double,
                    _ => Cause::Late,
                };
                // It was refunded, but for this.
                let other = match other {
                    Self::Refunded(refunded) => Self::Refunding(refunded.to(Refunding { at: now })),
                    other => other,
                };
                (other, received.amount, cause, Heard::GoesBack(cause))
            }
        };
        let head = till.head_mut();
        if let Ok(order) = head.order_mut(received.order) {
            order.open = false;
        }
        head.plan(&received, rest, cause, now);
        head.received.push(received);
        if matches!(heard, Heard::Pays { .. }) {
            head.look_at_once(now);
        }
        Ok((till, heard))
    }

    /// The channel has taken an order.
    ///
    /// # Errors
    /// If there is no such order.
    pub fn prepared(mut self, order: u32, ticket: String) -> Result<Self, CashError> {
        self.head_mut().order_mut(order)?.ticket = Some(ticket);
        Ok(self)
    }

    /// The channel was asked, and may still take money for an order: it is asked again later.
    ///
    /// # Errors
    /// If there is no such order.
    pub fn asked(mut self, order: u32, now: Instant) -> Result<Self, CashError> {
        let order = self.head_mut().order_mut(order)?;
        let next = again(order.at, ASK_SECONDS, now);
        order.ask_at = if now < order.until { next.min(order.until) } else { next };
        Ok(self)
    }

    /// A notice that is not believed: the channel is asked at once.
    ///
    /// # Errors
    /// If there is no such order.
    pub fn hurry(mut self, order: u32, now: Instant) -> Result<Self, CashError> {
        self.head_mut().order_mut(order)?.ask_at = now;
        Ok(self)
    }

    /// The channel does not take money for an order any more.
    ///
    /// # Errors
    /// If there is no such order.
    pub fn closed(mut self, order: u32) -> Result<Self, CashError> {
        self.head_mut().order_mut(order)?.open = false;
        Ok(self)
    }

    /// A refund is about to be sent: from now on the channel may have it.
    ///
    /// # Errors
    /// If there is no such refund.
    pub fn sending(mut self, refund: u32, now: Instant) -> Result<Self, CashError> {
        let refund = self.head_mut().refund_mut(refund)?;
        if refund.is_pending() {
            refund.stage = Stage::Sent;
            refund.try_at = again(refund.since, TRY_SECONDS, now);
        }
        Ok(self)
    }

    /// The patient has the money of a refund. Repeating it changes nothing. If the channel had said that it did not
    /// carry it out, the one that took its place is dropped.
    ///
    /// # Errors
    /// If there is no such refund, or what took its place was sent.
    pub fn refunded(mut self, number: u32, reference: &str, at: Instant, now: Instant) -> Result<Self, CashError> {
        let head = self.head_mut();
        let refund = head.refund_mut(number)?;
        let done = Stage::Done { reference: reference.to_owned(), at };
        match &refund.stage {
            Stage::Done { .. } => return Ok(self),
            Stage::Waiting | Stage::Sent => refund.stage = done,
            Stage::Failed { .. } => {
                let failed = refund.clone();
                let instead = |other: &&mut Refund| {
                    other.number > number
                        && other.counts()
                        && (&other.transaction, other.since, other.amount)
                            == (&failed.transaction, failed.since, failed.amount)
                };
                match head.refunds.iter_mut().find(instead) {
                    Some(other) if other.stage == Stage::Waiting => {
                        other.stage = Stage::Failed { why: "the one before was carried out".to_owned(), at: now };
                    }
                    _ => return Err(CashError::Conflict(reference.to_owned())),
                }
                head.refund_mut(number)?.stage = done;
            }
        }
        Ok(match self {
            Self::Refunding(cash) if !cash.head.refunds.iter().any(Refund::is_pending) => {
                Self::Refunded(cash.to(Refunded { at: now }))
            }
            other => other,
        })
    }

    /// The channel did not carry a refund out: another one takes its place, and is sent later.
    ///
    /// # Errors
    /// If there is no such refund, or it is done.
    pub fn refund_failed(mut self, number: u32, why: &str, now: Instant) -> Result<Self, CashError> {
        /// What is kept of what a channel says, in characters.
        const LONGEST: usize = 64;
        let head = self.head_mut();
        let next = head.next_refund();
        let refund = head.refund_mut(number)?;
        match &refund.stage {
            Stage::Failed { .. } => return Ok(self),
            Stage::Done { reference, .. } => return Err(CashError::Conflict(reference.clone())),
            Stage::Waiting | Stage::Sent => {}
        }
        let why: String = why.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
        let another = Refund {
            number: next,
            stage: Stage::Waiting,
            failures: refund.failures.saturating_add(1),
            try_at: again(refund.since, TRY_SECONDS, now),
            ..refund.clone()
        };
        refund.stage = Stage::Failed { why, at: now };
        head.refunds.push(another);
        Ok(self)
    }

    /// What is to be done now.
    pub fn tasks(&self, now: Instant) -> Vec<Task> {
        let mut tasks = Vec::new();
        let is_due = matches!(self, Self::Due(_));
        for order in self.orders().iter().filter(|order| order.open) {
            if !is_due || order.until <= now {
                tasks.push(Task::Close(order.number));
            } else if order.ask_at <= now {
                tasks.push(Task::Ask(order.number));
            }
        }
        let due = |refund: &&Refund| refund.channel.is_online() && refund.is_pending() && refund.try_at <= now;
        tasks.extend(self.refunds().iter().filter(due).map(|refund| Task::Refund(refund.number)));
        if self.until().is_some_and(|until| until <= now) && self.open().is_none() {
            tasks.push(Task::Lapse);
        }
        tasks
    }

    /// When something is to be done next by itself.
    pub fn look_at(&self) -> Option<Instant> {
        let orders = self.orders().iter().filter(|order| order.open).map(|order| order.ask_at);
        let online = |refund: &&Refund| refund.channel.is_online() && refund.is_pending();
        let refunds = self.refunds().iter().filter(online).map(|refund| refund.try_at);
        let lapse = self.until().filter(|_| self.open().is_none());
        orders.chain(refunds).chain(lapse).min()
    }

    const fn head_mut(&mut self) -> &mut Head {
        match self {
            Self::Due(cash) => &mut cash.head,
            Self::Paid(cash) => &mut cash.head,
            Self::Refunding(cash) => &mut cash.head,
            Self::Refunded(cash) => &mut cash.head,
            Self::Lapsed(cash) => &mut cash.head,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixture::{NOW, PATIENT, fen};

    const OWED: i64 = 6750;

    fn due() -> Cash<Due> {
        let owed =
            Owed { bill: BillId::from_u128(7), tenant: TenantId::from_u128(1), patient: PATIENT, amount: fen(OWED) };
        Cash::due(owed, Some(NOW.plus_minutes(30)), NOW).expect("due")
    }

    fn money(transaction: &str, amount: i64) -> Received {
        Received {
            channel: Channel::WechatPay,
            order: 1,
            transaction: transaction.to_owned(),
            amount: fen(amount),
            at: NOW,
            by: None,
        }
    }

    fn ordered() -> Till {
        due().open((Channel::WechatPay, "native"), NOW.plus_minutes(30), NOW).expect("open").into()
    }

    /// Amounts that come in, what becomes of each, and what goes back in the end.
    type Row<'a> = (&'a [(&'a str, i64)], &'a [Heard], i64);

    /// Amounts that come in one after the other, what becomes of each, and what goes back in the end.
    #[test]
    fn what_is_not_owed_goes_back() {
        use Heard as H;
        let pays = |rest| H::Pays { rest: fen(rest) };
        let back = H::GoesBack;
        let rows: [Row<'_>; 6] = [
            (&[("a", OWED)], &[pays(0)], 0),
            (&[("a", OWED), ("a", OWED)], &[pays(0), H::Known], 0),
            (&[("a", OWED), ("b", OWED)], &[pays(0), back(Cause::Double)], OWED),
            (&[("a", OWED + 50)], &[pays(50)], 50),
            (&[("a", OWED - 1)], &[back(Cause::Short)], OWED - 1),
            (&[("a", 1), ("b", OWED), ("c", 2)], &[back(Cause::Short), pays(0), back(Cause::Double)], 3),
        ];
        for (came, heard, goes) in rows {
            let mut till = ordered();
            for ((transaction, amount), heard) in came.iter().zip(heard) {
                let (next, said) = till.receive(money(transaction, *amount), NOW).expect("received");
                assert_eq!(said, *heard, "{came:?}");
                till = next;
            }
            let planned = Money::sum(till.refunds().iter().map(|refund| refund.amount));
            assert_eq!(planned, Ok(fen(goes)), "{came:?}");
        }
        let lapsed = due_lapsed();
        let (lapsed, heard) = lapsed.receive(money("a", OWED), NOW).expect("received");
        assert_eq!((heard, lapsed.state()), (back(Cause::Late), CashState::Lapsed));
        let (till, _) = ordered().receive(money("a", OWED), NOW).expect("received");
        assert_eq!(till.clone().receive(money("a", 1), NOW), Err(CashError::Conflict("a".into())));
        assert_eq!(till.receive(money("b", 0), NOW), Err(CashError::Amount(fen(0))));
    }

    /// What was paid, what is owed then, and what is kept, due and goes back of it.
    #[test]
    fn what_is_owed_may_change() {
        let rows = [
            (0, 6125, (CashState::Due, 0, 6125, 0)),
            (0, 0, (CashState::Paid, 0, 0, 0)),
            (OWED, 6125, (CashState::Paid, 6125, 0, 625)),
            (OWED, OWED, (CashState::Paid, OWED, 0, 0)),
            (OWED, 8000, (CashState::Due, OWED, 1250, 0)),
            (OWED, 0, (CashState::Paid, 0, 0, OWED)),
        ];
        for (paid, owed, expected) in rows {
            let mut till = ordered();
            if paid > 0 {
                till = till.receive(money("a", paid), NOW).expect("received").0;
            }
            let till = till.owe(fen(owed), NOW).expect("changed");
            let back = Money::sum(till.refunds().iter().map(|refund| refund.amount));
            let fens = [till.kept(), till.outstanding(), back].map(|sum| sum.expect("fits").as_fen());
            assert_eq!((till.state(), fens[0], fens[1], fens[2]), expected, "{paid} {owed}");
            // What was offered for the former amount is closed.
            assert_eq!(till.tasks(NOW).contains(&Task::Close(1)), paid == 0, "{paid} {owed}");
        }
        let (till, _) = ordered().receive(money("a", OWED), NOW).expect("received");
        let (till, heard) = till.owe(fen(8000), NOW).expect("more").receive(money("b", 1300), NOW).expect("received");
        assert_eq!((heard, till.kept()), (Heard::Pays { rest: fen(50) }, Ok(fen(8000))));
        assert_eq!(till.clone().owe(fen(-1), NOW), Err(CashError::Amount(fen(-1))));
        // The newest goes back first, and of each no more than came with it.
        let till = till.owe(fen(6000), NOW).expect("less");
        let back: Vec<_> = till.refunds().iter().map(|refund| (&*refund.transaction, refund.amount.as_fen())).collect();
        assert_eq!(back, [("b", 50), ("b", 1250), ("a", 750)]);
        let Till::Due(due) =
            ordered().receive(money("a", OWED), NOW).expect("received").0.owe(fen(8000), NOW).expect("more")
        else {
            panic!("due")
        };
        assert_eq!(due.lapse(NOW).map(|till| till.state()).map_err(|no| no.error), Ok(CashState::Refunding));
        // Of a bill of which nothing is owed, nothing goes back; what is owed of it later is due.
        let nothing = Cash::nothing((BillId::from_u128(7), TenantId::from_u128(1), PATIENT), NOW);
        assert_eq!(
            nothing.clone().give_back(NOW).map(|till| till.state()).map_err(|no| no.error),
            Ok(CashState::Lapsed)
        );
        assert_eq!(Till::from(nothing).owe(fen(5), NOW).map(|till| till.state()), Ok(CashState::Due));
        let over = due_lapsed().owe(fen(1), NOW);
        assert_eq!(over, Err(CashError::State(CashState::Lapsed)));
    }

    fn due_lapsed() -> Till {
        due().lapse(NOW).expect("lapsed")
    }

    #[test]
    fn one_order_at_a_time_and_none_when_the_time_is_over() {
        let later = NOW.plus_minutes(30);
        let open = |cash: Cash<Due>, at| cash.open((Channel::Alipay, "native"), later, at).map_err(|no| no.error);
        assert_eq!(open(due(), later), Err(CashError::Over));
        let once = open(due(), NOW).expect("open");
        assert_eq!(open(once.clone(), NOW), Err(CashError::Open(1)));
        assert_eq!(once.clone().at_the_counter(NOW).map_err(|no| no.error), Err(CashError::Open(1)));
        let Till::Due(closed) = Till::from(once).closed(1).expect("closed") else { panic!("due") };
        assert_eq!(closed.clone().at_the_counter(NOW).expect("there").state().until, None);
        assert_eq!(Till::from(open(closed, NOW).expect("again")).orders().len(), 2);
    }

    #[test]
    fn everything_has_its_time() {
        let till = ordered();
        assert_eq!((till.tasks(NOW), till.look_at()), (vec![], Some(NOW.plus_seconds(60))));
        assert_eq!(till.tasks(NOW.plus_seconds(60)), [Task::Ask(1)]);
        let asked = till.clone().asked(1, NOW.plus_seconds(60)).expect("asked");
        assert_eq!(asked.look_at(), Some(NOW.plus_seconds(120)));
        // First it is closed at the channel, and only then the bill is over.
        let end = NOW.plus_minutes(30);
        assert_eq!(asked.tasks(end), [Task::Close(1)]);
        let closed = asked.closed(1).expect("closed");
        assert_eq!((closed.tasks(end), closed.look_at()), (vec![Task::Lapse], Some(end)));
        // An order that is open when the bill is over is closed too.
        let Till::Due(due) = till.clone() else { panic!("due") };
        assert_eq!(due.lapse(NOW).expect("lapsed").tasks(NOW), [Task::Close(1)]);
        // A refund that failed is tried again, later each time.
        let (till, _) = till.receive(money("a", OWED + 1), NOW).expect("received");
        assert_eq!(till.tasks(NOW), [Task::Refund(1)]);
        let sent = till.sending(1, NOW).expect("sent");
        assert_eq!((sent.tasks(NOW), sent.look_at()), (vec![], Some(NOW.plus_seconds(60))));
        let failed = sent.refund_failed(1, "NOTENOUGH", NOW.plus_seconds(500)).expect("failed");
        assert_eq!(failed.look_at(), Some(NOW.plus_seconds(1000)));
        assert_eq!(failed.tasks(NOW.plus_seconds(1000)), [Task::Refund(2)]);
        // It had carried out the first all the same.
        let both = failed.clone().refunded(1, "r", NOW, NOW).expect("done");
        assert_eq!((both.look_at(), both.kept()), (None, Ok(fen(OWED))));
        let sent = failed.clone().sending(2, NOW).expect("sent").refunded(1, "r", NOW, NOW);
        assert_eq!(sent, Err(CashError::Conflict("r".into())));
        let done = failed.refunded(2, "r", NOW, NOW).expect("done");
        assert_eq!((done.look_at(), done.state()), (None, CashState::Paid));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Money(u8, i64),
        Open,
        Close,
        Lapse,
        GiveBack,
        Owe(i64),
        Sending(u32),
        Done(u32),
        Failed(u32),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..4_u8, prop_oneof![Just(OWED), Just(OWED - 1), Just(OWED + 7), 1..20_000_i64])
                .prop_map(|(transaction, amount)| Step::Money(transaction, amount)),
            Just(Step::Open),
            Just(Step::Close),
            Just(Step::Lapse),
            Just(Step::GiveBack),
            prop_oneof![Just(0), Just(OWED), 1..20_000_i64].prop_map(Step::Owe),
            (1..8_u32).prop_map(Step::Sending),
            (1..8_u32).prop_map(Step::Done),
            (1..8_u32).prop_map(Step::Failed),
        ]
    }

    fn take(till: Till, step: &Step) -> Till {
        let before = till.clone();
        let after = match step {
            Step::Money(transaction, amount) => {
                till.receive(money(&transaction.to_string(), *amount), NOW).map(|(till, _)| till)
            }
            Step::Open => match till {
                Till::Due(due) => due
                    .open((Channel::WechatPay, "native"), NOW.plus_minutes(9), NOW)
                    .map(Till::from)
                    .map_err(|refused| refused.error),
                other => Ok(other),
            },
            Step::Close => till.closed(1),
            Step::Lapse => match till {
                Till::Due(due) => due.lapse(NOW).map_err(|refused| refused.error),
                other => Ok(other),
            },
            Step::GiveBack => match till {
                Till::Paid(paid) => paid.give_back(NOW).map_err(|refused| refused.error),
                other => Ok(other),
            },
            Step::Owe(amount) => till.owe(fen(*amount), NOW),
            Step::Sending(number) => till.sending(*number, NOW),
            Step::Done(number) => till.refunded(*number, "r", NOW, NOW),
            Step::Failed(number) => till.refund_failed(*number, "no", NOW),
        };
        after.unwrap_or(before)
    }

    proptest! {
        /// Whatever comes in whatever order: what came in, less what goes back, is what is owed while it is
        /// paid, less than that while it is due, and nothing otherwise; no more is refunded of a transaction than came in with it; all has
        /// gone back once it is refunded.
        #[test]
        fn the_patient_pays_what_is_owed_or_nothing(steps in prop::collection::vec(step(), 0..40)) {
            let mut till = ordered();
            for step in &steps {
                till = take(till, step);
                let expected = match &till {
                    Till::Paid(_) => till.owed(),
                    Till::Due(due) => due.state().kept,
                    _ => Money::ZERO,
                };
                prop_assert_eq!(till.kept(), Ok(expected), "{:?}", &till);
                prop_assert_eq!(till.outstanding().expect("fits") > Money::ZERO, till.state() == CashState::Due);
                for received in till.received() {
                    let returned = till.head().returned(received).expect("a sum");
                    prop_assert!(returned >= Money::ZERO && returned <= received.amount);
                }
                if till.state() == CashState::Refunded {
                    prop_assert!(!till.refunds().iter().any(Refund::is_pending));
                }
                // Whatever is repeated changes nothing.
                if !matches!(step, Step::Open | Step::Failed(_)) {
                    prop_assert_eq!(&take(till.clone(), step), &till);
                }
                let json = serde_json::to_value(&till).expect("json");
                prop_assert_eq!(serde_json::from_value::<Till>(json).expect("a till"), till.clone());
            }
        }
    }
}
