use xinglin_domain::{
    billing::cash::{
        Channel, Received, UnknownChannel,
        name::{self, Named},
        statement::{Difference, Kind, Way},
    },
    code::Code,
    id::TenantId,
    money::Money,
    time::{Day, Instant},
};
use xinglin_platform::{AppError, AppResult, Platform, boxed};
use xinglin_store::{Noted, TenantTx};

use super::{
    channel::{Client, Event, Notice, Payment, RefundState},
    difference,
    receive::{gave, receive},
};
use crate::till::{put, take};

/// What a channel is answered.
pub struct Heard {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: &'static str,
}

/// For how long notices are remembered, in days: longer than a channel repeats them.
const REMEMBERED_DAYS: i64 = 3;

/// A notice of a channel. It is authenticated by its signature alone, has its effect once, and the same
/// effect in whatever order notices and answers come. What it says of another amount, merchant or order is
/// not believed: it is noted as a difference, and the channel is asked.
///
/// # Errors
/// `CASH_NOTICE_INVALID` if it is forged, repeated too late, or another under a known id: then nothing is
/// changed. `RECON_BREAK` if it is authentic and differs from our order.
#[boxed]
pub async fn hear(
    platform: &Platform,
    tenant: TenantId,
    channel: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> AppResult<Heard> {
    let unknown = |_: UnknownChannel| AppError::not_found("channel", channel);
    let channel = channel.parse::<Channel>().map_err(unknown)?;
    let (records, now) = (platform.store().tenant(tenant), platform.now());
    let set_up = Client::of(platform, &records, channel).await;
    let (client, _) = set_up.map_err(|error| match error.code {
        Code::CashChannel => AppError::not_found("channel", channel.as_str()),
        _ => error,
    })?;
    let notice = client.hear(headers, body, now)?;
    let (status, body) = client.thanks();
    let tx = records.begin().await?;
    let noted = (channel.as_str(), notice.id.as_str());
    match tx.note_cash_notice(noted, &notice.digest, (now, now.plus_days(-REMEMBERED_DAYS))).await? {
        Noted::New => {}
        Noted::Known(digest) if digest == notice.digest => return Ok(Heard { status, body }),
        Noted::Known(_) => return Err(AppError::new(Code::CashNoticeInvalid, "another notice has this id")),
    }
    match effect(&tx, channel, notice, now).await? {
        Ok(()) => {
            tx.commit().await?;
            Ok(Heard { status, body })
        }
        Err(differs) => {
            drop(tx);
            // It is not remembered, so that a repetition is refused as well.
            let tx = records.begin().await?;
            let Differs { difference, order } = *differs;
            let detail = format!("the notice and our order differ: {}", difference.kind.as_str());
            if let Some((bill, number)) = order
                && let Some(stored) = take(&tx, bill).await?
            {
                let till = stored.till.hurry(number, now)?;
                put(&tx, stored.row, &till, now).await?;
            }
            difference::note(&tx, &difference::row(channel, Day::of(now), difference, false, now)?).await?;
            tx.commit().await?;
            Err(AppError::new(Code::ReconBreak, detail))
        }
    }
}

/// What a notice says and is not so here.
struct Differs {
    difference: Difference,
    /// The order that the channel is asked about.
    order: Option<(xinglin_domain::id::BillId, u32)>,
}

fn differs(kind: Kind, way: Way, (name, transaction): (String, String), ours: Option<Money>, theirs: Money) -> Differs {
    Differs { difference: Difference { kind, way, name, transaction, ours, theirs: Some(theirs) }, order: None }
}

async fn effect(tx: &TenantTx, channel: Channel, notice: Notice, now: Instant) -> AppResult<Result<(), Box<Differs>>> {
    let (way, named, amount) = match &notice.event {
        Event::Other => return Ok(Ok(())),
        Event::Paid(payment) => (Way::Payment, (payment.order.clone(), payment.transaction.clone()), payment.amount),
        Event::Refund { name, state, amount } => {
            let reference = match state {
                RefundState::Done { reference, .. } => reference.clone(),
                _ => String::new(),
            };
            (Way::Refund, (name.clone(), reference), amount.unwrap_or_default())
        }
    };
    let refuse = |kind, ours| Ok(Err(Box::new(differs(kind, way, named.clone(), ours, amount))));
    if !notice.is_ours {
        return refuse(Kind::AnotherMerchant, None);
    }
    let (bill, number) = match (name::read(&named.0), way) {
        (Some(Named::Order(bill, number)), Way::Payment) | (Some(Named::Refund(bill, number)), Way::Refund) => {
            (bill, number)
        }
        _ => return refuse(Kind::UnknownOrder, None),
    };
    let Some(stored) = take(tx, bill).await? else { return refuse(Kind::UnknownOrder, None) };
    match notice.event {
        Event::Paid(Payment { transaction, amount, at, .. }) => {
            let ours = match stored.till.order(number) {
                Some(order) if order.channel == channel => order.amount,
                _ => return refuse(Kind::UnknownOrder, None),
            };
            if amount != ours {
                let mut differs = differs(Kind::Amount, way, named, Some(ours), amount);
                differs.order = Some((bill, number));
                return Ok(Err(Box::new(differs)));
            }
            let received = Received { channel, order: number, transaction, amount, at, by: None };
            match receive(tx, stored, received, now).await {
                Ok(_) => {}
                // The transaction is of another order.
                Err(error) if error.code == Code::ReconBreak => return refuse(Kind::Amount, Some(ours)),
                Err(error) => return Err(error),
            }
        }
        Event::Refund { state, amount, .. } => {
            let ours = match stored.till.refund(number) {
                Some(refund) if refund.channel == channel => refund.amount,
                _ => return refuse(Kind::UnknownOrder, None),
            };
            if amount.is_some_and(|amount| amount != ours) {
                return refuse(Kind::Amount, Some(ours));
            }
            match state {
                RefundState::Done { reference, at } => {
                    match gave(tx, stored, number, (&reference, at), (None, now)).await {
                        Ok(_) => {}
                        Err(error) if error.code == Code::ReconBreak => return refuse(Kind::Amount, Some(ours)),
                        Err(error) => return Err(error),
                    }
                }
                RefundState::Failed(why) => {
                    let till = stored.till.refund_failed(number, &why, now)?;
                    put(tx, stored.row, &till, now).await?;
                }
                RefundState::Never | RefundState::Processing => {}
            }
        }
        Event::Other => {}
    }
    Ok(Ok(()))
}
