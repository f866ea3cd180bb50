use xinglin_domain::{
    billing::cash::{
        CashError, Channel, Order, Received, Stage, Task, Till, name,
        statement::{Difference, Kind, Way},
    },
    code::Code,
    id::BillId,
    time::{Day, Instant},
};
use xinglin_platform::{AppError, AppResult, Platform, boxed, work};
use xinglin_store::{Tenant, TenantTx, Work};

use super::{
    channel::{Client, Failure, NewRefund, OrderState, RefundState},
    difference, notify_url,
    receive::{gave, receive},
};
use crate::till::{Stored, find, put, take, taken};

/// What came of looking at a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Followed {
    /// All that was to be done now.
    Done,
    /// The time to pay is over and no channel takes money any more: the bill is to be taken back.
    Lapsed(BillId),
}

/// Does what is due of a share: asks channels what became of orders, closes those whose time is over,
/// sends refunds and asks what became of them. A failure of a channel is tried again later, each time after
/// as long as it is late.
///
/// # Errors
/// If the store fails.
#[boxed]
pub async fn follow(platform: &Platform, work: &Work, now: Instant) -> AppResult<Followed> {
    let records = platform.store().tenant(work.tenant);
    let bill: BillId = work.id.parse().map_err(AppError::internal)?;
    let Some(stored) = find(&records, bill).await? else {
        // It was erased.
        work::finish(&records, work).await?;
        return Ok(Followed::Done);
    };
    let tasks = stored.till.tasks(now);
    if tasks.is_empty() {
        match stored.till.look_at() {
            Some(at) => work::postpone(&records, work, at).await?,
            None => work::finish(&records, work).await?,
        }
        return Ok(Followed::Done);
    }
    for task in tasks {
        match task {
            Task::Lapse => return Ok(Followed::Lapsed(bill)),
            Task::Ask(number) => ask(platform, &records, bill, (number, false)).await?,
            Task::Close(number) => ask(platform, &records, bill, (number, true)).await?,
            Task::Refund(number) => refund(platform, &records, bill, number).await?,
        }
    }
    Ok(Followed::Done)
}

/// Asks a channel what became of an order, and has it closed if it is to be and is not paid.
///
/// # Errors
/// If the store fails; a channel that does not answer is asked again later.
pub(super) async fn ask(
    platform: &Platform,
    records: &Tenant,
    bill: BillId,
    (number, close): (u32, bool),
) -> AppResult<()> {
    let Some(stored) = find(records, bill).await? else { return Ok(()) };
    let Some(order) = stored.till.order(number).filter(|order| order.open).cloned() else { return Ok(()) };
    asked(platform, records, bill, (order, close)).await
}

/// Asks a channel of whose statement an order is, even one that is closed.
pub(super) async fn ask_again(
    platform: &Platform,
    records: &Tenant,
    bill: BillId,
    (channel, number): (Channel, u32),
) -> AppResult<()> {
    let Some(stored) = find(records, bill).await? else { return Ok(()) };
    match stored.till.order(number).filter(|order| order.channel == channel).cloned() {
        Some(order) => asked(platform, records, bill, (order, false)).await,
        None => Ok(()),
    }
}

async fn asked(platform: &Platform, records: &Tenant, bill: BillId, (order, close): (Order, bool)) -> AppResult<()> {
    let number = order.number;
    let name = name::of_order(bill, number);
    let answer = match Client::of(platform, records, order.channel).await {
        Ok((client, _)) => match client.order(platform, &name).await {
            // Nobody has begun to pay it. Alipay knows an order only from then on, and WeChat Pay from its
            // creation, which is not repeated under this name.
            Ok(OrderState::Open | OrderState::Never) if close => {
                client.close(platform, &name).await.map(|()| OrderState::Closed)
            }
            answer => answer,
        },
        Err(error) if error.code.class().status() >= 500 => return Err(error),
        Err(error) => Err(Failure::NotSent(error.detail)),
    };
    // What the channel does not know, it cannot close.
    let answer = match answer {
        Err(Failure::Refused(code, _)) if close && NOT_THERE.contains(&code.as_str()) => Ok(OrderState::Closed),
        answer => answer,
    };
    let now = platform.now();
    let tx = records.begin().await?;
    let stored = taken(&tx, bill).await?;
    match answer {
        Ok(OrderState::Paid(payment)) => {
            let (transaction, amount, at) = (payment.transaction, payment.amount, payment.at);
            let received = Received { channel: order.channel, order: number, transaction, amount, at, by: None };
            let (way, name) = (Way::Payment, name::of_order(bill, number));
            let theirs = Difference {
                kind: Kind::Amount,
                way,
                name,
                transaction: received.transaction.clone(),
                ours: Some(order.amount),
                theirs: Some(amount),
            };
            let till = match receive(&tx, stored, received, now).await {
                Ok(till) => till,
                // The transaction is known of something else: the accounts find out.
                Err(error) if error.code == Code::ReconBreak => {
                    drop(tx);
                    let tx = records.begin().await?;
                    difference::note(&tx, &difference::row(order.channel, Day::of(at), theirs, false, now)?).await?;
                    let stored = taken(&tx, bill).await?;
                    put_with(&tx, stored, |till| till.asked(number, now), now).await?;
                    return Ok(tx.commit().await?);
                }
                Err(error) => return Err(error),
            };
            if till.order(number).is_some_and(|order| order.open) {
                // It was known.
                let stored = taken(&tx, bill).await?;
                let till = stored.till.closed(number)?;
                put(&tx, stored.row, &till, now).await?;
            }
        }
        Ok(OrderState::Closed) => put_with(&tx, stored, |till| till.closed(number), now).await?,
        Ok(OrderState::Open | OrderState::Never) => put_with(&tx, stored, |till| till.asked(number, now), now).await?,
        Err(failure) => {
            tracing::warn!(%bill, channel = order.channel.as_str(), ?failure, "a channel does not say what became of an order");
            put_with(&tx, stored, |till| till.asked(number, now), now).await?;
        }
    }
    Ok(tx.commit().await?)
}

/// Codes with which a channel says that it has no such order.
const NOT_THERE: [&str; 4] = ["ORDER_NOT_EXIST", "ORDERNOTEXIST", "ORDER_CLOSED", "ACQ.TRADE_NOT_EXIST"];

async fn put_with(
    tx: &TenantTx,
    stored: Stored,
    next: impl FnOnce(Till) -> Result<Till, CashError>,
    now: Instant,
) -> AppResult<()> {
    let till = next(stored.till)?;
    put(tx, stored.row, &till, now).await
}

/// Sends a refund; one that may have been sent is asked after first.
async fn refund(platform: &Platform, records: &Tenant, bill: BillId, number: u32) -> AppResult<()> {
    let now = platform.now();
    let tx = records.begin().await?;
    let Some(stored) = take(&tx, bill).await? else { return Ok(()) };
    let Some(refund) = stored.till.refund(number).filter(|refund| refund.is_pending()).cloned() else { return Ok(()) };
    // From now on the channel may have it.
    put_with(&tx, stored, |till| till.sending(number, now), now).await?;
    tx.commit().await?;
    let name = name::of_refund(bill, number);
    let notify_url = notify_url(platform, records.id(), refund.channel);
    let asked = NewRefund {
        transaction: &refund.transaction,
        name: &name,
        of: refund.of,
        amount: refund.amount,
        notify_url: &notify_url,
    };
    let answer = match Client::of(platform, records, refund.channel).await {
        Ok((client, _)) => {
            let before = match refund.stage {
                Stage::Sent => client.refunded(platform, &asked).await,
                _ => Ok(RefundState::Never),
            };
            match before {
                Ok(RefundState::Never) => client.refund(platform, &asked).await,
                before => before,
            }
        }
        Err(error) if error.code.class().status() >= 500 => return Err(error),
        Err(error) => Err(Failure::NotSent(error.detail)),
    };
    let now = platform.now();
    let tx = records.begin().await?;
    let stored = taken(&tx, bill).await?;
    match answer {
        Ok(RefundState::Done { reference, at }) => {
            gave(&tx, stored, number, (&reference, at), (None, now)).await?;
        }
        Ok(RefundState::Failed(why)) | Err(Failure::Refused(why, _)) => {
            tracing::error!(%bill, channel = refund.channel.as_str(), number, why, "a channel did not carry a refund out");
            put_with(&tx, stored, |till| till.refund_failed(number, &why, now), now).await?;
        }
        Ok(RefundState::Processing | RefundState::Never) => {}
        Err(failure) => {
            tracing::warn!(%bill, channel = refund.channel.as_str(), number, ?failure, "a channel does not say what became of a refund");
        }
    }
    Ok(tx.commit().await?)
}
